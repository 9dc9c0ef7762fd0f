"""What holds for every input: nothing is raised, and what was injected is extracted."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiver import Recorded

from continuum.observability import api_instrumentation as api
from continuum.observability import cache_instrumentation as cache
from continuum.observability import (
    context,
    force_flush,
    force_sampling,
    get_tracer,
    traced_operation,
)
from continuum.observability import database_instrumentation as database
from continuum.observability import federation_instrumentation as federation
from continuum.observability import logging as logs
from continuum.observability import memory_instrumentation as memory
from continuum.observability._native import SpanScope
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


class Unusable:
    """Raises whatever it is asked."""

    def _raise(self, *_args: Any) -> Any:
        raise RuntimeError

    __str__ = __bool__ = __int__ = __float__ = __getattr__ = __len__ = __iter__ = _raise


# A logger of its own, whose records nobody sees.
quiet = logging.getLogger("properties")
quiet.propagate = False
quiet.addHandler(logging.NullHandler())

# Every helper, and how many arguments it takes.
HELPERS: list[tuple[Callable[..., Any], int]] = [
    (api.enrich_span_with_request, 2),
    (api.record_api_error, 4),
    (cache.record_cache_hit, 3),
    (cache.record_cache_miss, 2),
    (cache.record_cache_stats, 5),
    (cache.trace_cache_operation, 3),
    (cache.trace_pipeline, 2),
    (context.create_carrier_from_span, 1),
    (context.extract_context_from_dict, 1),
    (context.extract_trace_context, 1),
    (context.get_baggage, 1),
    (context.inject_trace_context, 1),
    (context.link_spans, 1),
    (context.propagate_context_to_dict, 1),
    (context.set_baggage, 2),
    (database.enrich_span_with_query_plan, 2),
    (database.enrich_span_with_row_count, 2),
    (database.trace_connection_pool, 3),
    (database.trace_query, 6),
    (database.trace_transaction, 2),
    (federation.enrich_span_with_sync_stats, 4),
    (federation.extract_trace_context_from_message, 1),
    (federation.inject_trace_context_into_message, 1),
    (federation.record_conflict_resolution, 3),
    (federation.record_peer_connection, 3),
    (federation.trace_consensus_operation, 3),
    (federation.trace_peer_communication, 3),
    (federation.trace_sync_operation, 3),
    (federation.update_peer_count, 2),
    (force_sampling, 1),
    (memory.enrich_span_with_learn_results, 5),
    (memory.enrich_span_with_recall_results, 4),
    (memory.record_memory_operation, 4),
    (memory.trace_concept_extraction, 1),
    (memory.trace_embedding_generation, 3),
    (memory.trace_graph_traversal, 3),
    (memory.trace_learn, 4),
    (memory.trace_recall, 4),
    (memory.update_memory_stats, 5),
    (partial(logs.log_exception, quiet), 2),
    (partial(logs.log_with_context, quiet), 2),
    (partial(logs.log_with_context, quiet, "INFO", "m"), 0),
    (traced_operation, 3),
    (tracer.start_as_current_span, 9),
    (tracer.start_span, 8),
]

TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)
FIELDS = st.text().filter(lambda key: key not in ("logger", "level", "message"))
ODD = ANYTHING | st.builds(Unusable)


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
        span.record_exception(key, value, value, value)
        span.add_event(key, {"value": value})
        span.set_status(value)
        span.update_name(value)


@settings(quick, max_examples=400)
@given(helper=st.sampled_from(HELPERS), data=st.data())
def test_no_helper_raises(
    recorded: Recorded, helper: tuple[Callable[..., Any], int], data: st.DataObject
) -> None:
    function, count = helper
    arguments = [data.draw(ODD) for _ in range(count)]
    with tracer.start_as_current_span("around"):
        made = function(*arguments)
        with made if isinstance(made, SpanScope) else nullcontext():
            pass
    assert get_all_baggage() == {}


def test_a_time_of_anything_is_a_time(recorded: Recorded) -> None:
    for timeout in (None, -1, "soon", 2**70, 0.5):
        force_flush(timeout)  # type: ignore[arg-type]


@quick
@given(fields=st.dictionaries(FIELDS, ODD))
def test_any_field_is_logged(recorded: Recorded, fields: dict[str, Any]) -> None:
    logs.log_with_context(quiet, "INFO", "message", **fields)
