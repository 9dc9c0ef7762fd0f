"""What holds for every input: nothing is raised, and what was injected is extracted."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiver import Recorded

from continuum.observability import get_tracer
from continuum.observability.context import (
    extract_trace_context,
    get_all_baggage,
    inject_trace_context,
    set_baggage,
    with_trace_context,
)

tracer = get_tracer(__name__)
quick = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@quick
@given(baggage=st.dictionaries(TOKENS, st.text(max_size=50), max_size=10))
def test_injected_baggage_is_extracted(recorded: Recorded, baggage: dict[str, str]) -> None:
    with tracer.start_as_current_span("caller"):
        for key, value in baggage.items():
            set_baggage(f"k{key}", value)
        headers = inject_trace_context()
    with with_trace_context(headers):
        expected = {f"k{key}": value for key, value in baggage.items()}
        assert get_all_baggage() == expected


@quick
@given(carrier=st.dictionaries(st.text() | st.just("traceparent") | st.just("baggage"), ANYTHING))
def test_any_carrier_gives_a_context(recorded: Recorded, carrier: dict[str, Any]) -> None:
    context = extract_trace_context(carrier)
    with tracer.start_as_current_span("server", context=context) as span:
        assert span.get_span_context().is_valid


@quick
@given(key=ANYTHING, value=ANYTHING)
def test_any_attribute_is_taken(recorded: Recorded, key: Any, value: Any) -> None:
    with tracer.start_as_current_span("span") as span:
        span.set_attribute(key, value)
        span.add_event(key, {"value": value})
        span.set_status(value)
        span.update_name(value)
