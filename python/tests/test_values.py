"""What becomes of the values that programs set: of other types, changing, raising, without end."""

import signal
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context
from receiver import Recorded
from test_package import run

from continuum.observability import get_tracer
from continuum.observability.cache_instrumentation import (
    record_cache_hit,
    record_cache_miss,
    trace_cache_operation,
)
from continuum.observability.context import extract_trace_context
from continuum.observability.database_instrumentation import trace_query
from continuum.observability.memory_instrumentation import trace_embedding_generation

tracer = get_tracer(__name__)
HASH = "5d41402abc4b2a76b9719d911017c592"


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        (np.bool_(True), True),
        (np.array(False), False),
        ([np.int64(1), np.bool_(True), np.float32(0.5)], [1, True, 0.5]),
        (np.array(0.5), 0.5),
        (np.array([True]), "[ True]"),
        (range(3), [0, 1, 2]),
        (range(10**9), "range(0, 1000000000)"),
        (deque([1, "a"]), [1, "a"]),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (bytearray(b"x"), b"x"),
        (Path("a"), "a"),
    ],
    ids=repr,
)
def test_other_types_arrive_as_what_they_stand_for(
    recorded: Recorded, given: object, arrives: object
) -> None:
    tracer.start_span("work", attributes={"value": given}).end()  # type: ignore[dict-item]
    found = recorded.named("work").attributes["value"]
    assert (found, type(found)) == (arrives, type(arrives))


def test_keys_of_bytes_are_scrubbed_like_text(recorded: Recorded) -> None:
    key = f"search:{HASH}"
    with trace_cache_operation("GET", key.encode()):  # type: ignore[arg-type]
        record_cache_hit(key.encode())
        record_cache_miss(b"\xff")
    span = recorded.named("cache.get")
    assert span.attributes["cache.key"] == "search:<hash>"
    assert [event.attributes["key"] for event in span.events] == ["search:<hash>", "\ufffd"]


def test_none_counts_as_the_default(recorded: Recorded) -> None:
    missing: Any = None
    with trace_query("SELECT 1", missing), trace_embedding_generation(3, missing):
        pass
    assert recorded.tree() == "db.select\n  memory.embedding"
    assert "unknown" in recorded.named("memory.embedding").attributes.values()


@pytest.mark.parametrize(
    "asks",
    [
        "tracer.start_span('x', links=Bad())",
        "extract_trace_context(Bad())",
        "extract_trace_context({'traceparent': Bad()})",
    ],
)
def test_an_iterator_that_never_stops_raising_is_left_alone(asks: str) -> None:
    done = run(
        "from continuum.observability import get_tracer, init_telemetry\n"
        "from continuum.observability.context import extract_trace_context\n"
        "init_telemetry(exporter_type='none')\n"
        "tracer = get_tracer('app')\n"
        "class Bad(list):\n"
        "    def __iter__(self): return self\n"
        "    def __next__(self): raise RuntimeError\n"
        f"{asks}\n"
        "print('done')\n"
    )
    assert done.stdout == "done\n"


class Interrupted:
    """Is interrupted whatever it is asked."""

    def _interrupt(self, *_args: Any) -> Any:
        raise KeyboardInterrupt

    __index__ = __float__ = __next__ = items = _interrupt

    def __iter__(self) -> "Interrupted":
        return self


class Number:
    """Is interrupted while it becomes a number."""

    def __float__(self) -> float:
        raise KeyboardInterrupt


class Elsewhere(NonRecordingSpan):
    """Is interrupted while it tells its identity."""

    def get_span_context(self) -> SpanContext:
        raise KeyboardInterrupt


@pytest.fixture
def interrupts() -> Iterator[None]:
    # A process that was started in the background ignores interrupts, and Python then too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


ASKS: list[Callable[[Any], object]] = [
    lambda span: span.set_attribute("a", Number()),
    lambda span: span.set_attribute("a", Interrupted()),
    lambda _span: extract_trace_context(Interrupted()),  # type: ignore[arg-type]
    lambda _span: tracer.start_span("b", links=Interrupted()),
    lambda _span: tracer.start_span(
        "c", context=set_span_in_context(Elsewhere(SpanContext(1, 2, is_remote=False)))
    ),
]


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("ask", ASKS)
def test_an_interrupt_of_any_of_it_is_not_lost(
    recorded: Recorded, ask: Callable[[Any], object]
) -> None:
    def waits() -> None:
        ask(tracer.start_span("told"))
        for _ in range(1_000_000):
            pass

    with pytest.raises(KeyboardInterrupt):
        waits()


def test_a_carrier_that_changes_while_it_is_read_does_no_harm(recorded: Recorded) -> None:
    class Changing(list[str]):
        def __iter__(self) -> Iterator[str]:
            carrier["x"] = "1"
            return super().__iter__()

    carrier: dict[str, Any] = {"traceparent": f"00-{HASH}-b7ad6b7169203331-01"}
    carrier["baggage"] = Changing(["a=b"])
    with tracer.start_as_current_span("server", context=extract_trace_context(carrier)):
        pass
    assert recorded.named("server").trace_id == HASH
