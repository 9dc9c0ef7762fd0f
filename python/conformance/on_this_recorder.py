"""Has the tests of opentelemetry-python-contrib record with this package, as a plugin of pytest.

Their `TestBase` makes a provider of the SDK whose spans stay in memory. Here it makes ours instead,
and gives the tests what arrived at an OTLP receiver: all that they look at has been on the wire.
"""

from typing import Any
from urllib.parse import quote

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.test.test_base import TestBase
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from receiver import Received, Sink

from continuum.observability import _native, force_flush, init_telemetry, shutdown_telemetry
from continuum.observability.provider import Span, TracerProvider

# A bit of the flags of OTLP.
_PARENT_IS_REMOTE = 0x200

_SINK = Sink()

# What was shown to a test, by span id: some tests ask for the same object, not an equal one.
_SHOWN: dict[int, SpanContext] = {}


class Finished(InMemorySpanExporter):
    """The spans that arrived since it was made or cleared, in the order of ending.

    What a test exports to it from a provider of the SDK's that it has made itself comes first.
    """

    def __init__(self, resource: Resource | None) -> None:
        super().__init__()
        self._resource = resource
        self._seen: set[str] = set()
        self.clear()

    def clear(self) -> None:
        """Forgets them."""
        super().clear()
        assert force_flush()
        self._seen = {span.span_id for span in _SINK.spans()}

    def get_finished_spans(self) -> tuple[ReadableSpan, ...]:
        """All of them."""
        assert force_flush()
        spans = [span for span in _SINK.spans() if span.span_id not in self._seen]
        spans.sort(key=lambda span: span.end)
        return super().get_finished_spans() + tuple(self._readable(span) for span in spans)

    def _readable(self, span: Received) -> ReadableSpan:
        resource = Resource(_hashable(span.resource))
        given = self._resource
        if given is not None and _said_by_the_test(given) <= resource.attributes.items():
            resource = given
        parent = None
        if span.parent_span_id:
            parent = _context(
                span, span.parent_span_id, is_remote=bool(span.flags & _PARENT_IS_REMOTE)
            )
        return ReadableSpan(
            name=span.name,
            context=_context(span, span.span_id, is_remote=False),
            parent=parent,
            resource=resource,
            attributes=_hashable(span.attributes),
            events=[Event(e.name, _hashable(e.attributes), e.time) for e in span.events],
            links=[
                Link(SpanContext(int(link.trace_id, 16), int(link.span_id, 16), is_remote=False))
                for link in span.links
            ],
            kind=SpanKind[span.kind.upper()],
            instrumentation_scope=InstrumentationScope(
                span.scope, span.scope_version, span.schema_url
            ),
            status=Status(StatusCode[span.status], span.status_text or None),
            start_time=span.start,
            end_time=span.end,
        )


def _context(span: Received, span_id: str, *, is_remote: bool) -> SpanContext:
    flags = TraceFlags(span.flags & 0xFF)
    state = TraceState.from_header([span.trace_state])
    arrived = SpanContext(int(span.trace_id, 16), int(span_id, 16), is_remote, flags, state)
    shown = _SHOWN.setdefault(arrived.span_id, arrived)
    return shown if shown == arrived else arrived


def _said_by_the_test(resource: Resource) -> set[tuple[str, Any]]:
    return set(resource.attributes.items() - Resource.create({}).attributes.items())


def _remembering_span_context(span: Span) -> SpanContext:
    context: SpanContext = _native.Span.get_span_context(span)
    return _SHOWN.setdefault(context.span_id, context)


def _hashable(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in attributes.items()
    }


def create_tracer_provider(
    resource: Resource | None = None, **options: Any
) -> tuple[TracerProvider, Finished]:
    """Takes the place of `TestBase.create_tracer_provider`."""
    shutdown_telemetry()
    described = resource.attributes if resource is not None else {}
    pairs = (f"{key}={quote(str(value))}" for key, value in described.items())
    config = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": _SINK.url,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(pairs),
    }
    provider = init_telemetry(exporter_type="otlp", config=config, **options)
    return provider, Finished(resource)


Span.get_span_context = _remembering_span_context
TestBase.create_tracer_provider = staticmethod(create_tracer_provider)
