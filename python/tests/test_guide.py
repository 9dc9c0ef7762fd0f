"""Every Python block of the tracing guide, run as it stands.

The guide is not part of the repository: `CONTINUUM_GUIDE` says where it is. What a block leaves
undefined (a model, a queue, a database) is the smallest thing that lets it run; what is looked at
is what arrives at an OTLP receiver.
"""

import asyncio
import json
import logging
import os
import random
import textwrap
import time
import types
import typing
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver import Recorded

import continuum.observability as observability
from continuum.observability import context as propagation
from continuum.observability import get_tracer

if not os.environ.get("CONTINUUM_GUIDE"):
    pytest.skip("no guide: set CONTINUUM_GUIDE to its path", allow_module_level=True)

_GUIDE = Path(os.environ["CONTINUUM_GUIDE"])


def _blocks() -> dict[str, str]:
    """The Python blocks by heading, numbered where a heading has several."""
    found: dict[str, str] = {}
    heading = ""
    block: list[str] | None = None
    for line in _GUIDE.read_text().splitlines():
        if block is not None:
            if line.startswith("```"):
                name, number = heading, 2
                while name in found:
                    name, number = f"{heading} {number}", number + 1
                found[name] = "\n".join(block) + "\n"
                block = None
            else:
                block.append(line)
        elif line.startswith("#"):
            heading = line.strip("# ").split("(")[0].strip()
        elif line.startswith("```python"):
            block = []
    return found


BLOCKS = _blocks()
CASES: dict[str, Callable[..., None]] = {}


class Run:
    """Runs a block with the names that the guide has imported before, and the given stubs."""

    def __init__(self, block: str) -> None:
        self.block = block
        self.names: dict[str, Any] = {
            "__name__": "guide",
            "tracer": get_tracer("guide"),
            "logger": logging.getLogger("guide"),
            **{name: getattr(typing, name) for name in ("Any", "Dict", "List")},
            **{name: getattr(observability, name) for name in observability.__all__},
            "extract_trace_context": propagation.extract_trace_context,
            "json": json,
            "random": random,
            "uuid": uuid,
        }
        from opentelemetry.trace import Status, StatusCode

        self.names.update(Status=Status, StatusCode=StatusCode)

    def __call__(self, before: str = "", after: str = "", **stubs: Any) -> dict[str, Any]:
        """Runs the block as it stands, between lines that it needs around it."""
        self.names.update(stubs)
        source = before + self.block + after
        exec(compile(source, str(_GUIDE), "exec"), self.names)
        return self.names

    def in_function(self, **stubs: Any) -> Any:
        """Runs a block that returns as the body of a function."""
        self.names.update(stubs)
        source = "def body():\n" + textwrap.indent(self.block, "    ")
        exec(compile(source, str(_GUIDE), "exec"), self.names)
        return self.names["body"]()


def case(heading: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def register(function: Callable[..., None]) -> Callable[..., None]:
        CASES[heading] = function
        return function

    return register


@pytest.mark.parametrize("heading", BLOCKS)
def test_block_runs_as_it_stands(heading: str, recorded: Recorded) -> None:
    CASES[heading](Run(BLOCKS[heading]), recorded)


def test_every_case_has_its_block() -> None:
    assert set(CASES) == set(BLOCKS)


@case("Method 1: Decorator-based")
def _decorator(run: Run, recorded: Recorded) -> None:
    model = types.SimpleNamespace(encode=lambda text: [float(len(text))])
    assert run(model=model)["calculate_embedding"]("four") == [4.0]
    span = recorded.named("calculate_embedding")
    assert span.attributes == {
        "function.name": "calculate_embedding",
        "function.module": "guide",
        "component": "memory",
        "model": "text-embedding-ada-002",
    }
    assert (span.status, span.kind, span.scope) == ("UNSET", "internal", "guide")


@case("Method 2: Context Manager")
def _context_manager(run: Run, recorded: Recorded) -> None:
    names = run(complex_operation=lambda data: [1, 2, 3])
    assert names["process_memory"]({"tenant_id": "user_123"}) == [1, 2, 3]
    span = recorded.named("process_memory")
    assert span.attributes == {"data_size": 1, "tenant_id": "user_123", "result_count": 3}


@case("Method 3: Layer-Specific Context Managers")
def _layers(run: Run, recorded: Recorded) -> None:
    cursor = types.SimpleNamespace(
        execute=lambda query: types.SimpleNamespace(fetchall=lambda: [(1,)])
    )
    run(
        query="what did we decide?",
        key="search:5d41402abc4b2a76b9719d911017c592",
        tenant_id="user_123",
        memory=types.SimpleNamespace(recall=lambda query: types.SimpleNamespace(concepts_found=7)),
        cursor=cursor,
        redis=types.SimpleNamespace(get=lambda key: None),
    )
    assert recorded.tree() == "memory.recall\ndb.select.entities\ncache.get"
    recall = recorded.named("memory.recall")
    assert recall.attributes == {
        "memory.operation": "recall",
        "gen_ai.operation.name": "search_memory",
        "memory.query_length": 19,
        "memory.max_concepts": 10,
        "tenant.id": "user_123",
        "concepts_found": 7,
    }
    query = recorded.named("db.select.entities")
    assert query.kind == "client"
    assert query.attributes == {
        "db.operation.name": "SELECT",
        "db.operation": "SELECT",
        "db.collection.name": "entities",
        "db.sql.table": "entities",
        "db.query.text": "SELECT * FROM entities",
        "db.statement": "SELECT * FROM entities",
    }
    cache = recorded.named("cache.get")
    assert cache.attributes["cache.key"] == cache.attributes["db.redis.key"] == "search:<hash>"
    assert cache.attributes["cache.key_pattern"] == "search:*"
    assert [span.status for span in recorded.spans()] == ["OK"] * 3


@case("Semantic Conventions")
def _conventions(run: Run, recorded: Recorded) -> None:
    with get_tracer("guide").start_as_current_span("request") as span:
        run(span=span, request=types.SimpleNamespace(url=httpx.URL("http://localhost/sync")))
    assert recorded.named("request").attributes == {
        "http.method": "POST",
        "http.url": "http://localhost/sync",
        "http.status_code": 200,
        "db.system": "sqlite",
        "db.operation": "SELECT",
    }


@case("Custom Attributes")
def _attributes(run: Run, recorded: Recorded) -> None:
    with get_tracer("guide").start_as_current_span("custom") as span:
        run(span=span)
    assert recorded.named("custom").attributes == {
        "memory.operation": "recall",
        "memory.concepts_found": 5,
        "memory.query_time_ms": 123.45,
        "tenant.id": "user_123",
        "tenant.tier": "premium",
        "cost.tokens_used": 150,
        "cost.api_calls": 3,
    }


@case("Recording Exceptions")
def _exceptions(run: Run, recorded: Recorded) -> None:
    def might_fail() -> None:
        raise ValueError("no such tenant")

    with pytest.raises(ValueError, match=r"^no such tenant$"):
        run(might_fail=might_fail)
    run(might_fail=lambda: None)
    failed, succeeded = recorded.spans()
    assert (failed.status, failed.status_text) == ("ERROR", "no such tenant")
    assert failed.event_names() == ["exception"]
    event = failed.events[0].attributes
    assert (event["exception.type"], event["exception.message"]) == ("ValueError", "no such tenant")
    assert event["exception.stacktrace"].endswith("ValueError: no such tenant\n")
    assert (succeeded.status, succeeded.events) == ("OK", [])


@case("Automatic Exception Recording")
def _automatic(run: Run, recorded: Recorded) -> None:
    might_fail = run(random=types.SimpleNamespace(random=lambda: 0.0))["might_fail"]
    with pytest.raises(ValueError, match="Random failure!"):
        might_fail()
    run.names["random"] = types.SimpleNamespace(random=lambda: 0.5)
    assert might_fail() == "success"
    failed, succeeded = recorded.spans()
    assert failed.name == succeeded.name == "might_fail"
    assert (failed.status, failed.status_text) == ("ERROR", "Random failure!")
    assert failed.event_names() == ["exception"]
    assert (succeeded.status, succeeded.events) == ("UNSET", [])


@case("Custom Error Attributes")
def _error_attributes(run: Run, recorded: Recorded) -> None:
    class CustomError(Exception):
        pass

    with get_tracer("guide").start_as_current_span("business") as span:
        run(before="try:\n    raise CustomError('refused')\n", CustomError=CustomError, span=span)
    found = recorded.named("business")
    assert found.attributes == {
        "error.type": "business_logic_error",
        "error.severity": "high",
        "error.recoverable": False,
    }
    assert (found.status, found.status_text) == ("ERROR", "refused")
    assert found.event_names() == ["exception"]


@case("HTTP Requests")
def _outgoing(run: Run, recorded: Recorded) -> None:
    sent: dict[str, Any] = {}

    def post(url: str, **arguments: Any) -> httpx.Response:
        sent.update(arguments, url=url)
        return httpx.Response(200)

    with pytest.MonkeyPatch.context() as patch, get_tracer("guide").start_as_current_span("push"):
        patch.setattr(httpx, "post", post)
        propagation.set_baggage("tenant_id", "user 123")
        run(data={"a": 1})
    span = recorded.named("push")
    assert sent["headers"] == {
        "traceparent": f"00-{span.trace_id}-{span.span_id}-03",
        "baggage": "tenant_id=user%20123",
    }


@case("HTTP Requests 2")
def _incoming(run: Run, recorded: Recorded) -> None:
    from fastapi import FastAPI

    app = FastAPI()
    seen: list[str | None] = []

    def sync_data() -> str:
        seen.append(propagation.get_trace_id())
        return "done"

    run(app=app, sync_data=sync_data)
    headers = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://peer") as client:
            return await client.post("/sync", headers=headers)

    assert asyncio.run(request()).json() == "done"
    span = recorded.named("sync_data")
    assert span.trace_id == "0af7651916cd43dd8448eb211c80319c" == seen[0]
    assert span.parent_span_id == "b7ad6b7169203331"


@case("Message Queues")
def _queue(run: Run, recorded: Recorded) -> None:
    sent: list[str] = []
    queue = types.SimpleNamespace(
        send=lambda message: sent.append(json.dumps(message, default=str)),
        receive=lambda: json.loads(sent.pop()),
    )
    with get_tracer("guide").start_as_current_span("producer"):
        run(queue=queue, process_message=lambda message: None)
    assert recorded.tree() == "producer\n  process_message"


@case("Baggage")
def _baggage(run: Run, recorded: Recorded) -> None:
    with get_tracer("guide").start_as_current_span("entry"):
        names = run()
        headers = propagation.inject_trace_context()
        with get_tracer("guide").start_as_current_span("child"):
            assert propagation.get_baggage("user_tier") == "premium"
    assert names["tenant_id"] == "user_123"
    assert headers["baggage"].startswith("tenant_id=user_123,user_tier=premium,request_id=")
    assert propagation.get_all_baggage() == {}


@case("1. Span Naming")
def _good_names(run: Run, recorded: Recorded) -> None:
    run()


@case("1. Span Naming 2")
def _bad_names(run: Run, recorded: Recorded) -> None:
    run(user_id=1, timestamp=2)


@case("2. Span Granularity")
def _too_coarse(run: Run, recorded: Recorded) -> None:
    steps = ("authenticate", "recall_memory", "generate_response", "learn_from_response")
    assert run.in_function(response=42, **dict.fromkeys(steps, lambda: None)) == 42
    assert recorded.tree() == "process_request"


@case("2. Span Granularity 2")
def _too_fine(run: Run, recorded: Recorded) -> None:
    assert run(a=1, b=2)["result"] == 3
    assert recorded.tree() == "add_numbers"


@case("2. Span Granularity 3")
def _just_right(run: Run, recorded: Recorded) -> None:
    database = types.SimpleNamespace(query=lambda: ["concept"])
    assert run.in_function(db=database, build_context=len) == 1
    assert recorded.tree() == "recall_memory\n  query_database\n  build_context"


@case("3. Span Lifecycle")
def _lifecycle(run: Run, recorded: Recorded) -> None:
    run(do_work=lambda: None)
    assert recorded.tree() == "operation\noperation"


@case("4. Async Code")
def _async(run: Run, recorded: Recorded) -> None:
    async def async_call() -> int:
        await asyncio.sleep(0)
        return 42

    names = run(async_call=async_call)
    asyncio.run(names["process"]())
    assert recorded.tree() == "async_process\n  async_operation"


@case("5. Sampling Awareness")
def _sampling(run: Run, recorded: Recorded) -> None:
    compute = run(compute_expensive_metric=lambda: 99)["expensive_to_compute"]
    compute()
    with get_tracer("guide").start_as_current_span("sampled"):
        compute()
    assert recorded.named("sampled").attributes == {"expensive_metric": 99}


@case("Pattern 1: Database Query")
def _database(run: Run, recorded: Recorded) -> None:
    cursor = types.SimpleNamespace(execute=lambda *_: None, fetchall=lambda: [1, 2])
    assert run(cursor=cursor)["get_entities"]("user_123") == [1, 2]
    span = recorded.named("db.select.entities")
    assert span.attributes["db.statement"] == "SELECT * FROM entities WHERE tenant_id = ? LIMIT ?"
    assert (span.attributes["tenant.id"], span.attributes["row_count"]) == ("user_123", 2)
    assert span.status == "OK"


@case("Pattern 2: Cache Check with Fallback")
def _cache(run: Run, recorded: Recorded) -> None:
    stored: dict[str, str] = {}
    redis = types.SimpleNamespace(
        get=stored.get, setex=lambda key, ttl, value: stored.update({key: value})
    )
    search = run(redis=redis, expensive_search=lambda query: [query])["get_search_results"]
    assert search("rust", "user_123") == search("rust", "user_123") == ["rust"]
    assert recorded.tree() == "cache.get\ncompute_search\ncache.set\ncache.get"
    miss, _, write, hit = recorded.spans()
    assert [event.name for event in miss.events + write.events + hit.events] == [
        "cache.miss",
        "cache.hit",
    ]
    assert (miss.attributes["cache.hit"], hit.attributes["cache.hit"]) == (False, True)
    assert {span.attributes["tenant.id"] for span in (miss, write, hit)} == {"user_123"}


@case("Pattern 3: Batch Processing")
def _batch(run: Run, recorded: Recorded) -> None:
    tracer = get_tracer("guide")
    items: list[dict[str, Any]] = [{"id": 0}]
    for name in ("first", "second"):
        with tracer.start_as_current_span(name):
            items.append({"trace_context": propagation.inject_trace_context()})
    assert run(process_item=len)["process_batch"](items) == [1, 1, 1]
    batch = recorded.named("batch_process")
    producers = [recorded.named(name).span_id for name in ("first", "second")]
    assert [link.span_id for link in batch.links] == producers
    assert batch.attributes == {"batch_size": 3}
    children = [span for span in recorded.spans() if span.parent_span_id == batch.span_id]
    assert [span.name for span in children] == [f"process_item_{i}" for i in range(3)]


@case("Pattern 4: Retry with Tracing")
def _retry(run: Run, recorded: Recorded) -> None:
    retry = run()["retry_with_tracing"]
    run.names["time"] = types.SimpleNamespace(sleep=lambda seconds: None)
    assert time.sleep is not run.names["time"].sleep
    failures = iter([OSError("down"), OSError("down")])

    def call() -> str:
        if failure := next(failures, None):
            raise failure
        return "up"

    with get_tracer("guide").start_as_current_span("retried"):
        assert retry(call) == "up"
    span = recorded.named("retried")
    names = ["attempt_1", "attempt_1_failed", "attempt_2", "attempt_2_failed", "attempt_3"]
    assert span.event_names() == names
    assert span.events[1].attributes == {"error": "down", "retry_after": 2}
    assert span.attributes == {"attempts_used": 3}


@case("Pattern 5: Long-Running Background Task")
def _background(run: Run, recorded: Recorded) -> None:
    async def process_async(data: Any) -> None:
        await asyncio.sleep(0)

    start = run(process_async=process_async)["start_background_task"]

    async def main() -> None:
        await start({})
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    asyncio.run(main())
    assert recorded.tree() == "initiate_background_task\n  background_task"
    assert recorded.named("background_task").attributes == {"background": True}


@case("View Trace ID")
def _trace_id(run: Run, recorded: Recorded) -> None:
    with get_tracer("guide").start_as_current_span("request"):
        answer = run.in_function(data=1)
    assert answer == {"result": 1, "trace_id": recorded.named("request").trace_id}


@case("Force Sampling for Debugging")
def _force_sampling(run: Run, recorded: Recorded) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    tracer = get_tracer("guide")
    observability.init_telemetry(sampler=ALWAYS_OFF)
    tracer.start_span("unseen").end()
    run()
    tracer.start_span("seen").end()
    assert recorded.tree() == "seen"
