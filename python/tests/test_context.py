"""Ids, headers, carriers and baggage of the current span, by each of their names."""

import contextvars
import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import baggage as api_baggage
from opentelemetry import context as api_context
from opentelemetry import metrics as api_metrics
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Status, StatusCode
from receiver import Recorded

from continuum.observability import (
    get_meter,
    get_tracer,
    init_telemetry,
    metrics,
    shutdown_telemetry,
)
from continuum.observability.context import (
    clear_baggage,
    create_carrier_from_span,
    extract_context_from_dict,
    extract_trace_context,
    get_all_baggage,
    get_baggage,
    get_span_id,
    get_trace_context,
    get_trace_id,
    get_traceparent,
    get_tracestate,
    inject_trace_context,
    link_spans,
    set_baggage,
    with_trace_context,
)
from continuum.observability.federation_instrumentation import (
    extract_trace_context_from_message,
    inject_trace_context_into_message,
)

tracer = get_tracer("tests.context")
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01", "tracestate": "vendor=1,other=2"}


def test_the_current_span_says_its_ids_and_headers(recorded: Recorded) -> None:
    assert (get_trace_id(), get_span_id(), get_traceparent(), get_tracestate()) == (None,) * 4
    assert get_trace_context() == {}
    parent = extract_trace_context(HEADERS)
    with tracer.start_as_current_span("server", context=parent):
        assert get_trace_id() == TRACE_ID
        span_id = get_span_id()
        assert get_traceparent() == f"00-{TRACE_ID}-{span_id}-01"
        assert get_tracestate() == HEADERS["tracestate"]
        assert get_trace_context() == {
            "trace_id": TRACE_ID,
            "span_id": span_id,
            "traceparent": get_traceparent(),
            "tracestate": HEADERS["tracestate"],
        }
    server = recorded.named("server")
    assert (server.span_id, server.parent_span_id) == (span_id, SPAN_ID)
    assert server.trace_state == HEADERS["tracestate"]


def test_a_carrier_of_a_span_leads_to_it_by_parent_and_by_link(recorded: Recorded) -> None:
    producer = tracer.start_span("producer")
    carrier = create_carrier_from_span(producer)
    link = link_spans(carrier)
    assert link is not None
    with tracer.start_as_current_span("batch", links=[link]):
        pass
    with with_trace_context(carrier), tracer.start_as_current_span("task"):
        pass
    producer.end()
    told = recorded.named("producer")
    assert [(each.trace_id, each.span_id) for each in recorded.named("batch").links] == [
        (told.trace_id, told.span_id)
    ]
    assert recorded.named("task").parent_span_id == told.span_id
    assert link_spans({}) is None


def test_headers_are_pairs_of_any_kind(recorded: Recorded) -> None:
    pairs = [["host", "h"], ["traceparent", HEADERS["traceparent"]], ["odd"], "ab", None]
    for index, headers in enumerate((pairs, [tuple(pair) for pair in pairs[:2] if pair])):
        context = extract_trace_context(headers)  # type: ignore[arg-type]
        tracer.start_span(f"server{index}", context=context).end()
    assert {span.parent_span_id for span in recorded.spans()} == {SPAN_ID}


def test_a_header_in_another_case_is_replaced(recorded: Recorded) -> None:
    carrier = {"Traceparent": "old", "BAGGAGE": "a=old", "Tracestate": "x=1", "Accept": "*/*"}
    with tracer.start_as_current_span("caller"):
        set_baggage("a", "new")
        inject_trace_context(carrier)
        expected = {"traceparent": get_traceparent(), "baggage": "a=new", "Accept": "*/*"}
    assert carrier == expected
    with tracer.start_as_current_span("another"):
        carrier = inject_trace_context({"BAGGAGE": "a=old"})
    assert list(carrier) == ["traceparent"]


def test_a_carrier_adds_to_the_baggage_of_its_context(recorded: Recorded) -> None:
    with tracer.start_as_current_span("caller"):
        set_baggage("a", "1")
        set_baggage("b", "old")
        with with_trace_context(HEADERS | {"baggage": "b=2"}):
            assert get_all_baggage() == {"a": "1", "b": "2"}
            assert inject_trace_context()["baggage"] == "a=1,b=2"
        with with_trace_context({}):
            assert get_all_baggage() == {"a": "1", "b": "old"}
        set_baggage("b", None)
        set_baggage("never set", None)
        assert get_all_baggage() == {"a": "1"}


def test_baggage_of_others_without_text_is_left_out(recorded: Recorded) -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError

    context = api_baggage.set_baggage("silent", Silent())
    token = api_context.attach(api_baggage.set_baggage("said", 1, context))
    assert (get_all_baggage(), get_baggage("silent"), get_baggage("said")) == (
        {"said": "1"},
        None,
        "1",
    )
    api_context.detach(token)


def test_a_message_that_cannot_be_looked_into_has_no_context(recorded: Recorded) -> None:
    class Closed(dict[str, Any]):
        def get(self, *_args: Any) -> Any:
            raise RuntimeError

    for extract in (extract_context_from_dict, extract_trace_context_from_message):
        assert extract(Closed()) == {}


def test_a_trace_context_that_is_left_in_another_context_says_nothing(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    manager = with_trace_context(HEADERS)
    contextvars.copy_context().run(manager.__enter__)
    with caplog.at_level(logging.DEBUG):
        manager.__exit__(None, None, None)
    assert caplog.records == []


def test_a_message_of_a_peer_carries_the_context(recorded: Recorded) -> None:
    with tracer.start_as_current_span("sender"):
        message = inject_trace_context_into_message({"type": "sync"})
    context = extract_trace_context_from_message(message)
    with tracer.start_as_current_span("receiver", context=context):
        pass
    assert recorded.named("receiver").parent_span_id == recorded.named("sender").span_id


def test_baggage_is_cleared(recorded: Recorded) -> None:
    with tracer.start_as_current_span("request"):
        set_baggage("tenant", "acme")
        assert get_all_baggage() == {"tenant": "acme"}
        clear_baggage()
        assert get_all_baggage() == {}


def test_errors_are_kept_though_they_happen_after_the_decision(
    start: Callable[..., Recorded],
) -> None:
    recorded = start(sampling_rate=0.0)
    for number in range(20):
        with tracer.start_as_current_span("request") as span:
            with tracer.start_as_current_span("query"):
                pass
            if number == 7:
                span.record_exception(ValueError("late"))
                span.set_status(Status(StatusCode.ERROR, "late"))
    assert recorded.tree() == "request\n  query"


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("errors", [True, False])
def test_errors_are_kept_after_a_second_call_with_a_rate(
    start: Callable[..., Recorded], rate: float, errors: bool
) -> None:
    recorded = start(sampling_rate=rate, config={"OTEL_SAMPLE_ERRORS_ALWAYS": errors})
    init_telemetry(sampling_rate=0.0)
    tracer.start_span("dull").end()
    with tracer.start_as_current_span("failed") as span:
        span.set_status(Status(StatusCode.ERROR, "late"))
    assert recorded.tree() == ("failed" if errors else "")
    init_telemetry(sampling_rate=1.0)
    tracer.start_span("all").end()
    assert recorded.tree().endswith("all")


def test_an_argument_wins_over_the_environment(
    start: Callable[..., Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    recorded = start(sampling_rate=1.0)
    tracer.start_span("kept").end()
    assert recorded.tree() == "kept"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sampling_rate": 7}, "sampling_rate"),
        ({"sampling_rate": "many"}, "sampling_rate"),
        ({"sampling_rate": None, "exporter_type": "pigeon"}, "exporter_type.*otlp.*pigeon"),
        ({"sampler": 0.5}, "sampler"),
        ({"exporter_type": 5}, "exporter_type"),
        ({"config": [1]}, "config"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        init_telemetry(**{"exporter_type": "none", **arguments})
    assert not tracer.start_span("unseen").is_recording()
    init_telemetry(exporter_type="none")
    try:
        if "exporter_type" not in arguments:
            with pytest.raises(ValueError, match=named):
                init_telemetry(**arguments)
    finally:
        shutdown_telemetry()


def test_a_second_call_forgets_nothing_of_the_first(
    start: Callable[..., Recorded],
) -> None:
    start(config={"OTEL_METRICS_ENABLED": False})
    init_telemetry(sampler=ALWAYS_ON)
    assert metrics.snapshot() == {}


def test_a_meter_is_that_of_the_api(recorded: Recorded) -> None:
    assert isinstance(get_meter("tests"), api_metrics.Meter)
