//! The page `from-python.md`: each name that a reader of the Python guide knows has a row, and what it is called here
//! is there.
//!
//! An item of Rust on the page is a path below `layers`, `logs` or `semconv`, or else what code between backticks begins with,
//! up to its first `(` or `::`.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../from-python.md");

/// The functions of the Python package, and what else its guide uses.
const PYTHON: &str = "
    init_telemetry shutdown_telemetry get_tracer get_meter get_current_span trace_function traced_operation
    extract_trace_context inject_trace_context get_trace_id get_span_id get_trace_context set_baggage get_baggage
    get_all_baggage clear_baggage with_trace_context create_carrier_from_span link_spans propagate_context_to_dict
    extract_context_from_dict get_traceparent get_tracestate
    trace_recall trace_learn trace_concept_extraction trace_graph_traversal trace_embedding_generation
    enrich_span_with_recall_results enrich_span_with_learn_results update_memory_stats record_memory_operation
    trace_query trace_transaction trace_connection_pool enrich_span_with_query_plan enrich_span_with_row_count
    trace_cache_operation trace_pipeline record_cache_hit record_cache_miss record_cache_stats
    trace_sync_operation trace_peer_communication trace_consensus_operation inject_trace_context_into_message
    extract_trace_context_from_message record_conflict_resolution record_peer_connection update_peer_count
    enrich_span_with_sync_stats
    TracingMiddleware instrument_fastapi_app add_route_span enrich_span_with_request record_api_error
    setup_logging get_logger create_logger log_with_context log_exception
    start_span start_as_current_span set_attribute add_event record_exception set_status update_name is_recording
    end
    HTTP_METHOD HTTP_URL HTTP_STATUS_CODE DB_SYSTEM DB_OPERATION ALWAYS_ON OTEL_EXPORTER_TYPE
";

/// Lists items of the SDK, which the compiler looks up, and their names.
macro_rules! items {
    ($($first:ident $(:: $more:ident)*),* $(,)?) => {
        #[allow(unused_imports, reason = "that they are there is all that is asked of them")]
        mod items {
            $(use continuum_observability::$first $(::$more)* as _;)*
        }

        const ITEMS: &[&str] = &[$(concat!(stringify!($first) $(, "::", stringify!($more))*)),*];
    };
}

items! {
    Context,
    Sampler,
    Span,
    SpanKind,
    Status,
    Telemetry,
    Tracer,
    create_carrier_from_span,
    extract_context_from_dict,
    extract_trace_context,
    get_current_span,
    get_span_id,
    get_trace_id,
    get_tracer,
    init_telemetry,
    inject_trace_context,
    layers::api::TraceLayer,
    layers::api::enrich_span_with_request,
    layers::api::record_api_error,
    layers::cache::record_cache_hit,
    layers::cache::record_cache_miss,
    layers::cache::record_cache_stats,
    layers::cache::trace_cache_operation,
    layers::cache::trace_pipeline,
    layers::database::enrich_span_with_query_plan,
    layers::database::enrich_span_with_row_count,
    layers::database::trace_connection_pool,
    layers::database::trace_query,
    layers::database::trace_transaction,
    layers::federation::enrich_span_with_sync_stats,
    layers::federation::record_conflict_resolution,
    layers::federation::record_peer_connection,
    layers::federation::trace_consensus_operation,
    layers::federation::trace_peer_communication,
    layers::federation::trace_sync_operation,
    layers::federation::update_peer_count,
    layers::memory::enrich_span_with_learn_results,
    layers::memory::enrich_span_with_recall_results,
    layers::memory::record_memory_operation,
    layers::memory::trace_concept_extraction,
    layers::memory::trace_embedding_generation,
    layers::memory::trace_graph_traversal,
    layers::memory::trace_learn,
    layers::memory::trace_recall,
    layers::memory::update_memory_stats,
    link_spans,
    logs::TraceFormat,
    logs::TracedLog,
    propagate_context_to_dict,
    semconv::attribute::DB_OPERATION_NAME,
    semconv::attribute::DB_SYSTEM_NAME,
    semconv::attribute::HTTP_REQUEST_METHOD,
    semconv::attribute::HTTP_RESPONSE_STATUS_CODE,
    semconv::attribute::URL_FULL,
    semconv::former::DB_OPERATION,
    semconv::former::DB_SYSTEM,
    semconv::former::HTTP_METHOD,
    semconv::former::HTTP_STATUS_CODE,
    semconv::former::HTTP_URL,
    with_trace_context,
}

/// The rows of all tables, as their cells.
fn rows() -> Vec<Vec<String>> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| {
        row.replace("\\|", "")
            .split('|')
            .map(str::to_owned)
            .collect()
    })
    .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The item that code begins with.
fn item(code: &str) -> Option<&str> {
    let end =
        code.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':');
    let (path, after) = code.split_at(end.unwrap_or(code.len()));
    if ["layers::", "logs::", "semconv::"]
        .iter()
        .any(|module| path.starts_with(module))
    {
        return Some(path);
    }
    match path.split_once("::") {
        Some((first, _)) => Some(first),
        None => (after.starts_with('(') && !path.is_empty()).then_some(path),
    }
}

#[test]
fn every_name_of_python_has_a_row() {
    let rows = rows();
    let of_python: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| quoted(&row[1]))
        .flat_map(|code| {
            code.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        })
        .collect();
    let missing: Vec<_> = PYTHON
        .split_whitespace()
        .filter(|name| !of_python.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_item_of_rust_on_the_page_is_one() {
    let rows = rows();
    let on_the_page: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| quoted(&row[2]))
        .filter_map(item)
        .collect();
    assert_eq!(on_the_page, ITEMS.iter().copied().collect());
}
