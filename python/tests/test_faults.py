"""What the guide's former package got wrong, each with a test that holds it off."""

import asyncio
import contextvars
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from opentelemetry import baggage, propagate
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import Status, StatusCode
from receiver import Recorded, Sink

from continuum.observability import (
    force_sampling,
    get_current_span,
    get_tracer,
    init_telemetry,
    metrics,
    shutdown_telemetry,
    trace_function,
    traced_operation,
)
from continuum.observability.context import (
    extract_context_from_dict,
    extract_trace_context,
    get_all_baggage,
    get_baggage,
    get_trace_id,
    inject_trace_context,
    propagate_context_to_dict,
    set_baggage,
    with_trace_context,
)
from continuum.observability.database_instrumentation import trace_connection_pool
from continuum.observability.federation_instrumentation import inject_trace_context_into_message

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
tracer = get_tracer(__name__)


def test_an_escaping_exception_is_recorded_once(recorded: Recorded) -> None:
    @trace_function()
    def fails() -> None:
        with tracer.start_as_current_span("inner") as span:
            error = ValueError("no")
            span.record_exception(error)
            raise error

    with pytest.raises(ValueError, match="no"):
        fails()
    assert recorded.named("inner").event_names() == ["exception"]
    assert recorded.named("fails").event_names() == ["exception"]


def test_an_exception_that_was_recorded_before_another_does_not_hide_it(recorded: Recorded) -> None:
    def fails() -> None:
        with tracer.start_as_current_span("twice") as span:
            try:
                raise KeyError("first")
            except KeyError as error:
                span.record_exception(error)
            raise ValueError("second")

    with pytest.raises(ValueError, match="second"):
        fails()
    types = [event.attributes["exception.type"] for event in recorded.named("twice").events]
    assert types == ["KeyError", "ValueError"]


def test_an_exception_that_another_was_recorded_after_is_not_recorded_again(
    recorded: Recorded,
) -> None:
    def fails() -> None:
        with tracer.start_as_current_span("cleaned") as span:
            try:
                raise KeyError("work")
            except KeyError as error:
                span.record_exception(error)
                span.record_exception(OSError("cleanup"))
                raise

    with pytest.raises(KeyError):
        fails()
    types = [event.attributes["exception.type"] for event in recorded.named("cleaned").events]
    assert types == ["KeyError", "OSError"]


def test_a_forgotten_span_is_delivered_though_it_holds_an_exception(recorded: Recorded) -> None:
    def forgets() -> None:
        span = tracer.start_span("forgotten")
        try:
            raise ValueError("no")
        except ValueError as error:
            span.record_exception(error)

    forgets()
    gc.collect()
    assert recorded.named("forgotten").event_names() == ["exception"]


def test_tasks_that_share_a_scope_end_their_own_spans(recorded: Recorded) -> None:
    shared = traced_operation("shared")

    async def task(name: str, goes_on: asyncio.Event, done: asyncio.Event) -> bool:
        with shared:
            tracer.start_span(name).end()
            done.set()
            await goes_on.wait()
            tracer.start_span(f"{name}, later").end()
        return get_current_span().get_span_context().is_valid

    async def main() -> list[bool]:
        first, second, third = asyncio.Event(), asyncio.Event(), asyncio.Event()
        one = asyncio.create_task(task("one", second, first))
        await first.wait()
        two = asyncio.create_task(task("two", third, second))
        left = [await one]
        third.set()
        return [*left, await two]

    assert asyncio.run(main()) == [False, False]
    assert recorded.tree() == "shared\n  one\n  one, later\nshared\n  two\n  two, later"
    one, two = [span for span in recorded.spans() if span.name == "shared"]
    assert one.end < two.end


def test_an_exception_is_recorded_with_attributes_of_ones_own(recorded: Recorded) -> None:
    with tracer.start_as_current_span("work") as span:
        span.record_exception(ValueError("no"), {"retry": 3})
    (event,) = recorded.named("work").events
    assert (event.attributes["exception.message"], event.attributes["retry"]) == ("no", 3)


def test_record_exception_false_records_none(recorded: Recorded) -> None:
    @trace_function(record_exception=False)
    def quiet() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        quiet()
    span = recorded.named("quiet")
    assert (span.events, span.status, span.status_text) == ([], "ERROR", "no")


def test_the_status_text_stays_as_it_was_set(recorded: Recorded) -> None:
    def fails() -> None:
        with tracer.start_as_current_span("failing") as span:
            span.set_status(Status(StatusCode.ERROR, "as set"))
            raise ValueError("other")

    with pytest.raises(ValueError, match="other"):
        fails()
    assert recorded.named("failing").status_text == "as set"


def test_a_space_in_baggage_is_percent_encoded(recorded: Recorded) -> None:
    with tracer.start_as_current_span("caller"):
        set_baggage("user", "Ada Lovelace")
        assert inject_trace_context()["baggage"] == "user=Ada%20Lovelace"
        headers: dict[str, str] = {}
        propagate.inject(headers)
        assert headers["baggage"] == "user=Ada%20Lovelace"


def test_baggage_ends_with_the_scope_that_it_was_set_in(recorded: Recorded) -> None:
    @trace_function()
    def request() -> None:
        set_baggage("tenant_id", "a")

    request()
    assert get_all_baggage() == {}
    with tracer.start_as_current_span("outer"):
        set_baggage("tenant_id", "b")
        request()
        assert get_baggage("tenant_id") == "b"
    with with_trace_context({"baggage": "tenant_id=c"}):
        set_baggage("more", 1)
        assert get_all_baggage() == {"tenant_id": "c", "more": "1"}
    assert get_all_baggage() == {}


def test_baggage_of_one_task_is_not_seen_by_another(recorded: Recorded) -> None:
    async def request(tenant: str) -> str | None:
        set_baggage("tenant_id", tenant)
        await asyncio.sleep(0)
        return get_baggage("tenant_id")

    async def main() -> list[str | None]:
        found = await asyncio.gather(*(request(name) for name in "abc"))
        assert get_all_baggage() == {}
        return found

    assert asyncio.run(main()) == ["a", "b", "c"]


def test_forced_sampling_takes_effect_after_the_start(start: Callable[..., Recorded]) -> None:
    recorded = start(sampler=ALWAYS_OFF)
    tracer.start_span("unseen").end()
    init_telemetry(sampler=ALWAYS_ON)
    tracer.start_span("seen").end()
    init_telemetry(sampler=ALWAYS_OFF)
    force_sampling(60)
    tracer.start_span("forced").end()
    assert recorded.tree() == "seen\nforced"


@pytest.mark.parametrize("key", ["_trace_context", "trace_context"])
def test_a_message_is_read_under_both_names(recorded: Recorded, key: str) -> None:
    context = extract_context_from_dict({key: {"traceparent": PARENT}})
    with tracer.start_as_current_span("consumer", context=context):
        assert get_trace_id() == "0af7651916cd43dd8448eb211c80319c"


def test_messages_are_written_under_the_names_in_use(recorded: Recorded) -> None:
    with tracer.start_as_current_span("producer"):
        message = {"id": 1}
        assert propagate_context_to_dict(message) is message
        assert message["_trace_context"] == inject_trace_context()
        assert inject_trace_context_into_message(dict(message))["trace_context"]
    assert propagate_context_to_dict({"id": 1}) == {"id": 1}


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "TRACEPARENT"])
def test_headers_are_read_in_any_case(recorded: Recorded, name: str) -> None:
    with tracer.start_as_current_span("server", context=extract_trace_context({name: PARENT})):
        pass
    assert recorded.named("server").parent_span_id == "b7ad6b7169203331"


@pytest.mark.parametrize(
    "carrier",
    [{}, {"traceparent": "x"}, {"traceparent": None}, {"traceparent": 7}, {1: 2}, None, 5, [1]],
)
def test_a_malformed_carrier_gives_a_root(recorded: Recorded, carrier: object) -> None:
    context = extract_trace_context(carrier)  # type: ignore[arg-type]
    with tracer.start_as_current_span("root", context=context):
        pass
    assert recorded.named("root").parent_span_id == ""


def test_inject_fills_the_empty_carrier_that_it_is_given(recorded: Recorded) -> None:
    headers: dict[str, str] = {}
    with tracer.start_as_current_span("caller"):
        assert inject_trace_context(headers) is headers
    assert "traceparent" in headers


def test_inject_takes_away_what_another_context_left(recorded: Recorded) -> None:
    headers = {"traceparent": "old", "tracestate": "old=1", "baggage": "old=1", "accept": "*/*"}
    with tracer.start_as_current_span("caller"):
        inject_trace_context(headers)
    assert headers.keys() == {"traceparent", "accept"}
    assert headers["traceparent"] != "old"
    inject_trace_context(headers)
    assert headers == {"accept": "*/*"}


def test_spans_arrive_after_a_shutdown_and_a_new_start(
    start: Callable[..., Recorded], sink: Sink
) -> None:
    kept = get_tracer("kept")
    start()
    kept.start_span("before").end()
    assert shutdown_telemetry()
    kept.start_span("between").end()
    recorded = start()
    kept.start_span("after").end()
    assert recorded.tree() == "before\nafter"


def test_the_span_of_a_generator_lasts_as_long_as_its_body(recorded: Recorded) -> None:
    @trace_function()
    def numbers() -> Iterator[int]:
        for number in range(2):
            with tracer.start_as_current_span(f"step_{'ab'[number]}"):
                pass
            yield number

    with tracer.start_as_current_span("consumer"):
        for _ in numbers():
            with tracer.start_as_current_span("use"):
                pass
    assert recorded.tree() == "consumer\n  numbers\n    step_a\n    step_b\n  use\n  use"


def test_the_span_of_an_async_generator_lasts_as_long_as_its_body(recorded: Recorded) -> None:
    @trace_function()
    async def numbers() -> AsyncIterator[int]:
        for number in range(2):
            await asyncio.sleep(0)
            with tracer.start_as_current_span(f"step_{'ab'[number]}"):
                yield number

    async def main() -> None:
        async for _ in numbers():
            tracer.start_span("use").end()

    asyncio.run(main())
    assert recorded.tree() == "numbers\n  step_a\n  step_b\nuse\nuse"


def test_a_cancelled_task_says_so(recorded: Recorded) -> None:
    @trace_function()
    async def waits() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = recorded.named("waits")
    assert (span.status, span.status_text) == ("ERROR", "cancelled")
    assert span.event_names() == ["cancelled"]


def test_an_interrupt_is_recorded(recorded: Recorded) -> None:
    @trace_function()
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    span = recorded.named("interrupted")
    assert (span.status, span.status_text) == ("ERROR", "KeyboardInterrupt")
    assert span.events[0].attributes["exception.type"] == "KeyboardInterrupt"


def test_a_good_exit_is_no_error(recorded: Recorded) -> None:
    @trace_function()
    def leaves() -> None:
        raise SystemExit(0)

    with pytest.raises(SystemExit):
        leaves()
    assert (recorded.named("leaves").status, recorded.named("leaves").events) == ("UNSET", [])


def test_the_sampling_rate_holds_in_development(start: Callable[..., Recorded]) -> None:
    recorded = start(sampling_rate=0.0, config={"CONTINUUM_ENV": "development"})
    for _ in range(20):
        tracer.start_span("unseen").end()
    assert recorded.tree() == ""


def test_a_gauge_is_what_it_was_set_to(recorded: Recorded) -> None:
    trace_connection_pool(pool_size=10, active_connections=7, idle_connections=3)
    trace_connection_pool(pool_size=10, active_connections=2, idle_connections=8)
    assert metrics.snapshot()["continuum_db_pool_active"] == 2


def test_only_traces_go_to_the_traces_address(recorded: Recorded) -> None:
    metrics.Counter("requests_total").add()
    tracer.start_span("one").end()
    recorded.spans()
    assert set(recorded.sink.paths) == {"/v1/traces"}


def test_a_scope_left_in_another_context_raises_nothing_and_ends(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    scope = tracer.start_as_current_span("moved")
    contextvars.copy_context().run(scope.__enter__)
    with caplog.at_level(logging.DEBUG):
        scope.__exit__(None, None, None)
    assert recorded.named("moved").end > 0
    assert caplog.records == []
    assert not get_current_span().get_span_context().is_valid


def test_foreign_baggage_is_seen_and_sent(recorded: Recorded) -> None:
    context = baggage.set_baggage("tenant_id", "user_123")
    headers: dict[str, str] = {}
    propagate.inject(headers, context=context)
    assert headers == {"baggage": "tenant_id=user_123"}
