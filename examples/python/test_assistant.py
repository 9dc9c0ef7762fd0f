"""The assistant as it is deployed: two workers, the memory server, Redis, SQLite, a collector."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from receiver import Received, Sink

HERE = Path(__file__).parent
SAID = "We decided to store turns in SQLite."
QUESTION = "where do we store turns?"

# How the memory server answers is asserted by its own tests.
OF_THE_SERVER = "memory.recall"

# The scopes of spans whose names and attributes others have chosen.
OF_OTHERS = "opentelemetry.instrumentation."

# The exit status of `continuum lint` where there are findings.
FOUND = 3


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def post(url: str, body: dict[str, str], key: str = "") -> dict[str, Any]:
    headers = {"content-type": "application/json", "x-api-key": key}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


@contextmanager
def running(port: int, command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens; asked to stop, it has to end in good order."""
    with subprocess.Popen(command, **options) as process:
        try:
            for _ in range(600):
                assert process.poll() is None, command
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


@dataclass
class Deployment:
    """Everything that runs, and what of it a test talks to."""

    sink: Sink
    url: str
    programs: ExitStack
    files: list[Path]

    def ask(self, question: str) -> dict[str, Any]:
        return post(self.url, {"question": question})

    def spans(self, trace_id: str) -> list[Received]:
        """The spans of a trace, after everybody has stopped and delivered."""
        self.programs.close()
        return [span for span in self.sink.spans() if span.trace_id == trace_id]

    def findings(self) -> list[str]:
        """What `continuum lint` says of our own spans, after everybody has stopped."""
        self.programs.close()
        lines = b"".join(file.read_bytes() for file in self.files)
        command = [os.environ["CONTINUUM_TEST_BINARY"], "lint", "--json", "-"]
        linted = subprocess.run(command, input=lines, capture_output=True, check=False, timeout=60)
        assert linted.returncode in (0, FOUND), linted.stderr
        report = json.loads(linted.stdout)
        scopes = {(span.trace_id, span.span_id): span.scope for span in self.sink.spans()}
        assert report["spans"] == len(scopes) > 0
        return [
            f"{finding['rule']}: {finding['span']}: {finding['detail']}"
            for finding in report["findings"]
            if not scopes[finding["trace_id"], finding["span_id"]].startswith(OF_OTHERS)
        ]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    continuum = os.environ["CONTINUUM_TEST_BINARY"]
    sink = Sink()
    redis, memory, web = free_port(), free_port(), free_port()
    data = ["--data-dir", str(tmp_path / "data")]
    create = [continuum, "key", "create", "--tenant", "acme", *data]
    made = subprocess.run(create, capture_output=True, text=True, check=True, timeout=60)
    key = made.stdout.strip()
    environment = os.environ | {
        "OTEL_TRACES_EXPORTER": "otlp,file",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "REDIS_URL": f"redis://127.0.0.1:{redis}",
        "MEMORY_URL": f"http://127.0.0.1:{memory}",
        "MEMORY_KEY": key,
    }
    uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "assistant:app"]
    files = [tmp_path / "memory.jsonl", tmp_path / "assistant.jsonl"]
    of_memory, of_assistant = (environment | {"CONTINUUM_TRACES_FILE": str(f)} for f in files)
    with ExitStack() as programs:

        def start(*arguments: Any, **options: Any) -> None:
            programs.enter_context(running(*arguments, **options))

        start(redis, ["redis-server", "--port", str(redis), "--save", "", "--dir", str(tmp_path)])
        serve = [continuum, "serve", "--addr", f"127.0.0.1:{memory}", *data]
        start(memory, serve, env=of_memory)
        body = {"session_id": "kick-off", "user_message": SAID}
        post(f"http://127.0.0.1:{memory}/v1/learn", body, key)
        workers = [*uvicorn, "--workers", "2", "--port", str(web)]
        start(web, workers, env=of_assistant, cwd=tmp_path)
        yield Deployment(sink, f"http://127.0.0.1:{web}/ask", programs, files)
    sink.close()


def tree(spans: list[Received]) -> str:
    """The spans with children below their parents, and who made each of them."""

    def below(parent: str, indent: str) -> Iterator[str]:
        children = [span for span in spans if span.parent_span_id == parent]
        for span in children:
            is_last = span is children[-1]
            branch = "" if not parent else "└─ " if is_last else "├─ "
            of = span.resource
            made_by = f"{of['service.name']}, {of['telemetry.sdk.language']}"
            yield f"{indent}{branch}{span.name}".ljust(32) + made_by
            if span.name != OF_THE_SERVER:
                beside = "" if not parent else "   " if is_last else "│  "
                yield from below(span.span_id, indent + beside)

    return "\n".join(below("", ""))


REMEMBERED = """\
POST /ask                       assistant, python
├─ GET                          assistant, python
├─ remember                     assistant, python
│  └─ POST                      assistant, python
│     └─ POST /v1/recall        continuum, rust
│        ├─ auth.verify_key     continuum, rust
│        │  └─ db.select.keys   continuum, rust
│        └─ memory.recall       continuum, rust
├─ SET                          assistant, python
├─ connect                      assistant, python
└─ INSERT assistant.db          assistant, python"""

CACHED = """\
POST /ask                       assistant, python
├─ GET                          assistant, python
├─ connect                      assistant, python
└─ INSERT assistant.db          assistant, python"""


def test_a_request_is_one_trace_in_both_languages_whichever_worker_answers(
    deployment: Deployment,
) -> None:
    answers: dict[int, dict[str, Any]] = {}
    for number in range(1000):
        # New words each time: neither of the caches knows the question.
        answer = deployment.ask(f"{QUESTION} {number}")
        assert answer["answer"] == SAID
        answers[answer["worker"]] = answer
        if len(answers) == 2:
            break
        time.sleep(0.02)  # the second worker may be ready late
    again = deployment.ask(f"{QUESTION} 0")
    assert again["answer"] == SAID
    assert len(answers) == 2
    for worker, answer in answers.items():
        spans = deployment.spans(answer["trace_id"])
        assert tree(spans) == REMEMBERED
        assert {span.resource["process.pid"] for span in spans if span.scope == "assistant"} == {
            worker
        }
    # The picture in the README is drawn from there.
    assert REMEMBERED in (HERE.parents[1] / "docs/python.md").read_text()
    cached = deployment.spans(again["trace_id"])
    assert tree(cached) == CACHED
    assert cached[0].attributes["cache.hit"] is True
    assert deployment.findings() == []
