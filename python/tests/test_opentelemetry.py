"""The package as the provider of opentelemetry-api, for instrumentations by others."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry import context as api
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from receiver import Recorded, Sink

from continuum.observability import (
    force_flush,
    get_current_span,
    get_tracer,
    init_telemetry,
    provider,
    shutdown_telemetry,
)
from continuum.observability.context import get_baggage, get_trace_id
from continuum.observability.provider import Span

tracer = get_tracer(__name__)
REMOTE = SpanContext(0x0AF7, 0xB7AD, is_remote=True, trace_flags=TraceFlags(1))


def test_spans_tracers_and_providers_are_those_of_the_api(recorded: Recorded) -> None:
    assert isinstance(trace.get_tracer_provider(), provider.TracerProvider)
    foreign = trace.get_tracer("foreign", "1.2")
    assert isinstance(foreign, trace.Tracer)
    with foreign.start_as_current_span("outer") as outer:
        assert isinstance(outer, trace.Span)
        assert trace.get_current_span() is outer is get_current_span()
        with tracer.start_as_current_span("inner"):
            pass
    assert recorded.tree() == "outer\n  inner"
    assert recorded.named("outer").scope == "foreign"


def test_everything_that_a_span_may_start_with_arrives(recorded: Recorded) -> None:
    span = tracer.start_span(
        "full",
        context=trace.set_span_in_context(NonRecordingSpan(REMOTE)),
        kind=SpanKind.CONSUMER,
        attributes={"a": 1, "b": [True, False], "c": None},
        links=[Link(REMOTE, {"n": 1})],
        start_time=1_000,
    )
    span.add_event("at", {"k": "v"}, timestamp=1_500)
    span.add_link(REMOTE)
    span.update_name("renamed")
    span.end(end_time=2_000)
    found = recorded.named("renamed")
    assert (found.kind, found.start, found.end) == ("consumer", 1_000, 2_000)
    assert found.attributes == {"a": 1, "b": [True, False]}
    assert [link.span_id for link in found.links] == ["000000000000b7ad"] * 2
    assert found.parent_span_id == "000000000000b7ad"
    assert found.trace_id.endswith("0af7")


def test_the_span_context_is_that_of_the_api(recorded: Recorded) -> None:
    with tracer.start_as_current_span("span") as span:
        context = span.get_span_context()
        assert isinstance(context, SpanContext)
        assert context is span.get_span_context()
        assert context.is_valid
        assert not context.is_remote
        assert trace.format_trace_id(context.trace_id) == get_trace_id()
        assert context.trace_flags.sampled
    assert recorded.named("span").span_id == trace.format_span_id(context.span_id)


def test_use_span_records_one_exception(recorded: Recorded) -> None:
    def fails() -> None:
        with trace.use_span(tracer.start_span("used"), end_on_exit=True):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    span = recorded.named("used")
    assert (span.event_names(), span.status) == (["exception"], "ERROR")


def test_a_span_as_context_manager_ends_without_becoming_current(recorded: Recorded) -> None:
    with tracer.start_span("not_current") as span:
        assert get_current_span() is not span
    assert recorded.named("not_current").end > 0


@pytest.mark.parametrize("record_exception", [True, False])
@pytest.mark.parametrize("set_status", [True, False])
def test_a_span_as_context_manager_records_what_it_was_asked_to(
    recorded: Recorded, record_exception: bool, set_status: bool
) -> None:
    def fails() -> None:
        with tracer.start_span(
            "asked", record_exception=record_exception, set_status_on_exception=set_status
        ):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    span = recorded.named("asked")
    assert span.event_names() == ["exception"] * record_exception
    assert span.status == ("ERROR" if set_status else "UNSET")


def test_a_span_of_another_sdk_can_be_the_parent(recorded: Recorded) -> None:
    other = SdkProvider().get_tracer("other")
    with other.start_as_current_span("other") as parent, tracer.start_as_current_span("ours"):
        pass
    expected = trace.format_span_id(parent.get_span_context().span_id)
    assert recorded.named("ours").parent_span_id == expected


def test_the_global_propagator_is_the_recorders(recorded: Recorded) -> None:
    assert isinstance(propagate.get_global_textmap(), provider.Propagator)
    headers: dict[str, str] = {}
    with tracer.start_as_current_span("caller"):
        propagate.inject(headers)
    context = propagate.extract(headers)
    found = trace.get_current_span(context).get_span_context()
    assert found.is_remote
    assert trace.format_span_id(found.span_id) == recorded.named("caller").span_id


def test_context_and_baggage_of_the_api_are_shared(recorded: Recorded) -> None:
    token = api.attach(baggage.set_baggage("tenant_id", "user_123"))
    assert get_baggage("tenant_id") == "user_123"
    api.detach(token)
    assert get_baggage("tenant_id") is None


def test_samplers_of_the_sdk_are_obeyed(start: Callable[..., Recorded]) -> None:
    recorded = start(sampler=ParentBased(TraceIdRatioBased(0.0)))
    tracer.start_span("root").end()
    sampled = trace.set_span_in_context(NonRecordingSpan(REMOTE))
    tracer.start_span("child", context=sampled).end()
    assert recorded.tree() == "child"


def test_a_sampler_in_python_is_asked_and_may_raise(start: Callable[..., Recorded]) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    class Choosy(Sampler):
        def should_sample(self, parent_context, trace_id, name, *args, **kwargs):  # type: ignore
            if name == "raises":
                raise RuntimeError
            chosen = ALWAYS_ON if name == "chosen" else ALWAYS_OFF
            return chosen.should_sample(parent_context, trace_id, name)

        def get_description(self) -> str:
            return "Choosy"

    recorded = start(sampler=Choosy())
    for name in ("chosen", "other", "raises"):
        with tracer.start_as_current_span(name):
            pass
    assert recorded.tree() == "chosen"


def test_an_interrupt_while_python_code_is_asked_is_not_lost(
    start: Callable[..., Recorded],
) -> None:
    class Interrupted(Sampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            raise KeyboardInterrupt

        def get_description(self) -> str:
            return "Interrupted"

    class Text:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    def waits(asked: Callable[[], object]) -> None:
        asked()
        for _ in range(1_000_000):
            pass

    # A process that was started in the background ignores interrupts, and Python then too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        start(sampler=Interrupted())
        with pytest.raises(KeyboardInterrupt):
            waits(lambda: tracer.start_span("asked"))
        init_telemetry(sampling_rate=1.0)
        span = tracer.start_span("told")
        with pytest.raises(KeyboardInterrupt):
            waits(lambda: span.update_name(Text()))  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_sampler_in_python_is_told_everything_and_its_answer_is_taken_whole(
    start: Callable[..., Recorded],
) -> None:
    asked: list[tuple[Any, ...]] = []

    class Curious(Sampler):
        def should_sample(
            self, parent_context: Any, trace_id: int, name: str, *rest: Any
        ) -> SamplingResult:
            parent = trace.get_current_span(parent_context).get_span_context()
            asked.append((parent.span_id, name, *rest))
            state = TraceState([("vendor", "kept")])
            return SamplingResult(Decision.RECORD_AND_SAMPLE, {"rule": "all"}, state)

        def get_description(self) -> str:
            return "Curious"

    recorded = start(sampler=Curious())
    attributes: dict[str, Any] = {
        "text": "a",
        "number": 1,
        "share": 0.5,
        "flag": True,
        "list": (1, "b"),
    }
    link = Link(REMOTE, {"why": "asked"})
    parent = trace.set_span_in_context(NonRecordingSpan(REMOTE))
    span = tracer.start_span("told", parent, SpanKind.CLIENT, attributes, [link])
    span.end()
    [(parent_id, name, kind, told, [linked])] = asked
    assert (parent_id, name, kind) == (REMOTE.span_id, "told", SpanKind.CLIENT)
    assert told == attributes
    assert linked.context.span_id == REMOTE.span_id
    assert linked.attributes == {"why": "asked"}
    sent = recorded.named("told")
    assert (sent.attributes["rule"], sent.trace_state) == ("all", "vendor=kept")


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        (True, True),
        (7, 7),
        (2**70, str(2**70)),
        (0.5, 0.5),
        ("text", "text"),
        ("\ud800", "\ufffd" * 3),
        (b"bytes", b"bytes"),
        ([1, "a", [2]], [1, "a", [2]]),
        ((1, 2), [1, 2]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
        (SpanKind.CLIENT, "SpanKind.CLIENT"),
        (TraceFlags(1), 1),
    ],
)
def test_values_arrive_as_they_are(recorded: Recorded, given: object, arrives: object) -> None:
    with tracer.start_as_current_span("valued") as span:
        span.set_attribute("value", given)  # type: ignore[arg-type]
    assert recorded.named("valued").attributes == {"value": arrives}


def test_a_member_may_change_what_it_is_in(recorded: Recorded) -> None:
    class Growing:
        def __str__(self) -> str:
            nested["more"] = 1
            return "grown"

    nested: dict[str, Any] = {"a": Growing(), "b": 2}
    with tracer.start_as_current_span("nesting") as span:
        span.set_attribute("outer", {"inner": nested})
    assert recorded.named("nesting").attributes == {"outer": {"inner": {"a": "grown", "b": 2}}}


def test_what_has_no_text_is_left_out_and_nothing_is_raised(recorded: Recorded) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

        def __bool__(self) -> bool:
            raise RuntimeError

    broken = Broken()
    with tracer.start_as_current_span("robust", attributes={"broken": broken}) as span:  # type: ignore
        span.set_attribute("broken", broken)  # type: ignore[arg-type]
        span.set_attribute(broken, 1)  # type: ignore[arg-type]
        span.set_attributes(broken)  # type: ignore[arg-type]
        span.add_event("event", {"broken": broken})  # type: ignore[dict-item]
        span.add_event(broken, broken, broken)  # type: ignore[arg-type]
        span.set_status(broken)  # type: ignore[arg-type]
        span.record_exception(broken)  # type: ignore[arg-type]
        span.add_link(broken)  # type: ignore[arg-type]
        span.update_name("robust")
    assert "broken" not in recorded.named("robust").attributes


def test_the_environment_can_choose_the_provider() -> None:
    program = (
        "from opentelemetry import trace\n"
        "from opentelemetry import baggage, propagate\n"
        "provider = trace.get_tracer_provider()\n"
        "span = provider.get_tracer('a').start_span('b')\n"
        "print(type(provider).__module__, span.is_recording())\n"
        "headers = {}\n"
        "propagate.inject(headers, baggage.set_baggage('user', 'Ada Lovelace'))\n"
        "print(headers)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"OTEL_PYTHON_TRACER_PROVIDER": "continuum", "OTEL_TRACES_EXPORTER": "none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    # Propagation is the recorder's too: the API's own writes a space as `+`.
    assert done.stdout == (
        "continuum.observability.provider True\n{'baggage': 'user=Ada%20Lovelace'}\n"
    )


def test_every_way_out_is_in_the_wheel(sink: Sink) -> None:
    for exporter, variable, path in (
        ("otlp", "OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"),
        ("jaeger", "OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"),
        ("zipkin", "ZIPKIN_ENDPOINT", "/api/v2/spans"),
    ):
        address = sink.url + (path if exporter == "zipkin" else "")
        init_telemetry(exporter_type=exporter, config={variable: address})
        tracer.start_span(exporter).end()
        assert shutdown_telemetry()
        assert sink.paths.pop() == path


def test_grpc_is_in_the_wheel() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "CONTINUUM_STRICT_CONFIG": True,
        }
        init_telemetry(exporter_type="otlp", config=config)
        tracer.start_span("sent").end()
        assert not force_flush(1)
        server.settimeout(60)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(14) == b"PRI * HTTP/2.0"
        shutdown_telemetry(1)


def test_a_variable_is_refused_where_checks_are_strict() -> None:
    config = {"CONTINUUM_STRICT_CONFIG": True, "OTEL_TRACES_EXPORTER": "pigeon"}
    with pytest.raises(ValueError, match="OTEL_TRACES_EXPORTER"):
        init_telemetry(config=config)


def test_the_guides_samplers_import_without_the_sdk() -> None:
    program = """
import sys
from importlib.abc import MetaPathFinder
class NoSdk(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.sdk"):
            for finder in sys.meta_path:
                if type(finder).__name__ == "_StandIn":
                    return finder.find_spec(name)
            raise ModuleNotFoundError(name)
import importlib.util
original = importlib.util.find_spec
absent = "opentelemetry.sdk"
importlib.util.find_spec = lambda name, *rest: None if name == absent else original(name, *rest)
sys.meta_path.insert(0, NoSdk())
from continuum.observability import get_tracer, init_telemetry
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
assert ALWAYS_ON.__class__.__module__ == "continuum.observability.sampling"
init_telemetry(exporter_type="none", sampler=ALWAYS_OFF)
assert not get_tracer("a").start_span("b").is_recording()
init_telemetry(sampler=ALWAYS_ON)
assert get_tracer("a").start_span("b").is_recording()
try:
    import opentelemetry.sdk.resources
except ModuleNotFoundError:
    print("absent")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("absent\n", "")


def test_instrumentations_can_read_what_a_span_was_told(recorded: Recorded) -> None:
    cause = tracer.start_span("cause")
    with tracer.start_as_current_span("parent") as parent:
        span = tracer.start_span(
            "read",
            kind=SpanKind.SERVER,
            attributes={"text": "a", "list": [1, 2], "share": 0.5, "flag": True},
            links=[Link(cause.get_span_context(), {"why": "asked"})],
        )
    assert isinstance(span, Span)
    span.add_event("seen", {"by": "me"}, timestamp=7)
    span.set_status(Status(StatusCode.ERROR, "broken"))
    before = span.attributes
    span.set_attribute("late", 1)
    assert span.kind is SpanKind.SERVER
    assert span.name == "read"
    assert before == {"text": "a", "list": (1, 2), "share": 0.5, "flag": True}
    assert span.attributes == {**before, "late": 1}
    assert span.events == [("seen", {"by": "me"}, 7)]
    [link] = span.links
    assert (link.context, link.attributes) == (cause.get_span_context(), {"why": "asked"})
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "broken")
    assert span.parent == parent.get_span_context()
    assert span.start_time is not None
    span.end()
    # Looking has changed nothing of what is sent.
    sent = recorded.named("read")
    assert sent.attributes == {"text": "a", "list": [1, 2], "share": 0.5, "flag": True, "late": 1}
    assert (sent.status, sent.status_text, len(sent.events)) == ("ERROR", "broken", 1)


def test_a_span_that_has_ended_or_is_not_recorded_is_empty_to_read(recorded: Recorded) -> None:
    span = tracer.start_span("gone", kind=SpanKind.SERVER)
    span.end()
    assert isinstance(span, Span)
    for empty in (span, Span()):
        assert (empty.kind, empty.name, empty.attributes) == (SpanKind.INTERNAL, "", {})
        assert (empty.events, empty.links, empty.parent, empty.start_time) == ([], [], None, None)
        assert empty.status.status_code is StatusCode.UNSET


def test_the_scope_of_an_instrumentation_arrives_with_version_and_schema(
    recorded: Recorded,
) -> None:
    trace.get_tracer("foreign", "1.2", schema_url="https://schema").start_span("told").end()
    told = recorded.named("told")
    assert (told.scope, told.scope_version, told.schema_url) == ("foreign", "1.2", "https://schema")


def test_the_status_of_a_failure_reads_as_the_sdk_writes_it_for_others_and_as_the_guide_for_ours(
    recorded: Recorded,
) -> None:
    for scope in (trace.get_tracer("foreign"), tracer):
        with pytest.raises(ValueError, match="no"), scope.start_as_current_span("failing"):
            raise ValueError("no")
    foreign, ours = recorded.spans()
    assert (foreign.status_text, ours.status_text) == ("ValueError: no", "no")


def test_what_an_instrumentation_has_redacted_stays_as_it_is(recorded: Recorded) -> None:
    with trace.get_tracer("foreign").start_as_current_span("redacting") as span:
        span.set_attribute("http.request.header.authorization", ["[REDACTED]"])
        span.set_attribute("http.request.header.cookie", ["[REDACTED]", "a=b"])
    assert recorded.named("redacting").attributes == {
        "http.request.header.authorization": ["[REDACTED]"],
        "http.request.header.cookie": "[redacted]",
    }
