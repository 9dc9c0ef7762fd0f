"""Servers that fork their workers, and greenlets."""

import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from receiver import Sink

APPLICATION = """
import os, sys
from continuum.observability import get_tracer, init_telemetry

init_telemetry(exporter_type="otlp", config={"OTEL_EXPORTER_OTLP_ENDPOINT": os.environ["SINK"]})
tracer = get_tracer("web")
tracer.start_span("made before the fork").end()


def wsgi(environ, start_response):
    with tracer.start_as_current_span("request") as span:
        span.set_attribute("worker", os.getpid())
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]


async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    with tracer.start_as_current_span("request") as span:
        span.set_attribute("worker", os.getpid())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""


@contextmanager
def gunicorn(folder: Path, sink: Sink, worker: str) -> Iterator[str]:
    """Two workers, forked after the application was loaded; gives their address."""
    (folder / "application.py").write_text(APPLICATION)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "--preload", "--workers", "2"]
    command += ["--bind", address, "--worker-class", worker, "--log-level", "warning"]
    application = "application:asgi" if worker == "asgi" else "application:wsgi"
    with subprocess.Popen(
        [*command, application], cwd=folder, env={"SINK": sink.url, "PATH": ""}
    ) as server:
        try:
            yield f"http://{address}"
        finally:
            server.terminate()
            assert server.wait(timeout=60) == 0


def answer(url: str) -> int:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return int(response.read())
        except (ConnectionError, urllib.error.URLError):
            time.sleep(0.05)
    raise AssertionError("no answer")


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent", "asgi"])
def test_every_request_of_forked_workers_is_delivered_once(
    tmp_path: Path, sink: Sink, worker: str
) -> None:
    answers: list[int] = []
    with gunicorn(tmp_path, sink, worker) as url, ThreadPoolExecutor(4) as pool:
        # Several at once, and again: the second worker may be ready late.
        for _ in range(1000):
            answers += pool.map(answer, [url] * 4)
            if len(set(answers)) == 2:
                break
            time.sleep(0.02)
    requests = [span for span in sink.spans() if span.name == "request"]
    workers = sorted(span.attributes["worker"] for span in requests)
    assert (workers, len(set(workers))) == (sorted(answers), 2)
    for span in requests:
        assert span.resource["process.pid"] == span.attributes["worker"]
    assert len({span.span_id for span in requests}) == len(requests)
    assert [span.name for span in sink.spans()].count("made before the fork") == 1


def test_every_greenlet_has_a_context_of_its_own(sink: Sink) -> None:
    program = """
    from gevent import monkey
    monkey.patch_all()
    import sys
    from contextvars import copy_context
    import gevent
    from continuum.observability import get_tracer, init_telemetry
    from continuum.observability.context import get_baggage, set_baggage

    init_telemetry(exporter_type="otlp", config={"OTEL_EXPORTER_OTLP_ENDPOINT": sys.argv[1]})
    tracer = get_tracer("greenlets")

    def work(number):
        with tracer.start_as_current_span(f"outer {number}"):
            set_baggage("number", str(number))
            gevent.sleep(0)
            with tracer.start_as_current_span(f"inner {number}"):
                gevent.sleep(0)
                assert get_baggage("number") == str(number)

    with tracer.start_as_current_span("cause"):
        handed_over = [gevent.spawn(copy_context().run, work, number) for number in range(10)]
        alone = [gevent.spawn(work, number) for number in range(10, 20)]
        gevent.joinall(handed_over + alone, raise_error=True)
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), sink.url], timeout=60, check=True
    )
    spans = {span.name: span for span in sink.spans()}
    assert len(spans) == 41
    for number in range(20):
        outer = spans[f"outer {number}"]
        assert outer.parent_span_id == (spans["cause"].span_id if number < 10 else "")
        assert spans[f"inner {number}"].parent_span_id == outer.span_id
