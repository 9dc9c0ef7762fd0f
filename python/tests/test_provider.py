"""Provider and propagator as instrumentations use them, through the API."""

from opentelemetry import propagate, trace
from opentelemetry.propagators.textmap import Getter, Setter
from receiver import Recorded

from continuum.observability import get_tracer
from continuum.observability.provider import TracerProvider

tracer = get_tracer(__name__)


def test_the_propagator_uses_the_getter_and_the_setter_of_an_instrumentation(
    recorded: Recorded,
) -> None:
    class Listed(Getter[list[tuple[str, str]]], Setter[list[tuple[str, str]]]):
        def get(self, carrier: list[tuple[str, str]], key: str) -> list[str] | None:
            return [value for name, value in carrier if name == f"h-{key}"] or None

        def keys(self, carrier: list[tuple[str, str]]) -> list[str]:
            return []

        def set(self, carrier: list[tuple[str, str]], key: str, value: str) -> None:
            carrier.append((f"h-{key}", value))

    headers: list[tuple[str, str]] = []
    with tracer.start_as_current_span("caller"):
        propagate.inject(headers, setter=Listed())
    context = propagate.extract(headers, getter=Listed())
    tracer.start_span("server", context=context).end()
    assert [name for name, _ in headers] == ["h-traceparent"]
    assert recorded.tree() == "caller\n  server"


def test_the_provider_delivers_and_stops(recorded: Recorded) -> None:
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    tracer.start_span("one").end()
    assert provider.force_flush(10_000)
    assert [span.name for span in recorded.sink.spans()] == ["one"]
    provider.shutdown()
    assert not tracer.start_span("two").is_recording()
