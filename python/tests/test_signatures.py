"""The signatures of public functions: those of the guide's former package, with what was added.

Added are `store_id`, `system`, `sampler`, a default of `get_tracer`, `force_flush`,
`force_sampling`, `stats` and the module `metrics`.
"""

import importlib
import inspect
import re

import pytest

# By module, below the package.
SIGNATURES = {
    "": """
        init_telemetry(service_name=None, exporter_type=None, sampling_rate=None, config=None,
            *, sampler=None)
        shutdown_telemetry(timeout_millis=30000)
        force_flush(timeout_millis=30000)
        force_sampling(seconds)
        stats()
        get_tracer(name='continuum')
        get_meter(name)
        get_current_span()
        trace_function(name=None, attributes=None, record_exception=True)
        traced_operation(name, attributes=None, tracer_name='continuum')
    """,
    ".context": """
        extract_trace_context(carrier)
        inject_trace_context(carrier=None)
        get_trace_id()
        get_span_id()
        get_trace_context()
        set_baggage(key, value)
        get_baggage(key)
        get_all_baggage()
        clear_baggage()
        with_trace_context(carrier)
        create_carrier_from_span(span)
        link_spans(parent_carrier)
        propagate_context_to_dict(data)
        extract_context_from_dict(data)
        get_traceparent()
        get_tracestate()
    """,
    ".memory_instrumentation": """
        trace_recall(query, max_concepts=10, tenant_id=None, store_id=None)
        trace_learn(user_message_length, ai_response_length, tenant_id=None, store_id=None)
        trace_concept_extraction(tenant_id=None)
        trace_graph_traversal(start_concept, max_depth=3, tenant_id=None)
        trace_embedding_generation(text_length, model='unknown', tenant_id=None)
        enrich_span_with_recall_results(concepts_found, relationships_found, query_time_ms,
            span=None)
        enrich_span_with_learn_results(concepts_extracted, decisions_detected, links_created,
            compounds_found, span=None)
        update_memory_stats(total_entities, total_messages, total_decisions, attention_links,
            tenant_id=None)
        record_memory_operation(operation, duration, success, tenant_id=None)
    """,
    ".database_instrumentation": """
        trace_query(query, operation='SELECT', table=None, tenant_id=None, capture_sql=True,
            system=None)
        trace_transaction(tenant_id=None, system=None)
        trace_connection_pool(pool_size, active_connections, idle_connections)
        enrich_span_with_query_plan(plan, span=None)
        enrich_span_with_row_count(row_count, span=None)
    """,
    ".cache_instrumentation": """
        trace_cache_operation(operation, key=None, tenant_id=None)
        trace_pipeline(command_count, tenant_id=None)
        record_cache_hit(key, tenant_id=None, value_size=None)
        record_cache_miss(key, tenant_id=None)
        record_cache_stats(hits, misses, evictions, used_memory, tenant_id=None)
    """,
    ".federation_instrumentation": """
        trace_sync_operation(operation_type, peer_instance_id=None, tenant_id=None)
        trace_peer_communication(peer_id, message_type, tenant_id=None)
        trace_consensus_operation(operation, participant_count, tenant_id=None)
        inject_trace_context_into_message(message)
        extract_trace_context_from_message(message)
        record_conflict_resolution(conflict_type, resolution_strategy, tenant_id=None)
        record_peer_connection(peer_id, connected, tenant_id=None)
        update_peer_count(count, tenant_id=None)
        enrich_span_with_sync_stats(entities_synced, conflicts_resolved, bytes_transferred,
            span=None)
    """,
    ".api_instrumentation": """
        TracingMiddleware(app, tracer_name='continuum.api', capture_headers=True,
            capture_body=False)
        instrument_fastapi_app(app)
        add_route_span(func)
        enrich_span_with_request(request, span=None)
        record_api_error(error, method, route, tenant_id=None)
    """,
    ".logging": """
        setup_logging(level='INFO', json_output=False, add_span_events=True)
        get_logger(name)
        create_logger(name)
        log_with_context(logger, level, message, **fields)
        log_exception(logger, message, exception=None, **fields)
    """,
    ".sampling": """
        ErrorAlwaysSampler(success_rate=0.1)
        RateLimitedSampler(max_traces_per_second=100)
        AdaptiveSampler(min_rate=0.01, max_rate=1.0, target_traces_per_minute=1000)
        TraceIdRatioBased(rate)
    """,
    ".metrics": """
        snapshot()
    """,
}

WRITTEN = [
    (module, name, " ".join(parameters.split()))
    for module, text in SIGNATURES.items()
    for name, parameters in re.findall(r"(\w+)(\([^)]*\))", text)
]


@pytest.mark.parametrize(("module", "name", "parameters"), WRITTEN)
def test_a_public_function_takes_what_is_written_here(
    module: str, name: str, parameters: str
) -> None:
    found = getattr(importlib.import_module(f"continuum.observability{module}"), name)
    signature = inspect.signature(found)
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == parameters


@pytest.mark.parametrize("module", SIGNATURES)
def test_every_public_function_is_written_here(module: str) -> None:
    package = importlib.import_module(f"continuum.observability{module}")
    functions = {name for name in package.__all__ if inspect.isroutine(getattr(package, name))}
    assert functions <= {name for of, name, _ in WRITTEN if of == module}
