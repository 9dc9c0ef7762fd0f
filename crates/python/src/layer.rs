//! The helpers of the layers: `trace_recall`, `trace_query` and the others, as scopes.
//!
//! Position: on top of the recorder's own helpers, which give names, attributes and scrubbing.
//!
//! Invariant: a helper does nothing until its scope is entered.

use crate::{
    meter::{self, Operation},
    propagation::current_span,
    scope::Scope,
    span::PySpan,
    value::{Count, Text, Truth},
    work::Work,
};
use continuum_observability::layers::{cache, database, federation, memory};
use pyo3::prelude::*;
use std::time::Duration;

/// What counts where a call says nothing usable.
const MAX_CONCEPTS: usize = 10;
const MAX_DEPTH: usize = 3;

/// Makes a scope of one of the recorder's helpers, with the parent and the tenant set.
macro_rules! scope {
    ($operation:ident, $tenant:ident, $helper:expr) => {{
        let tenant: Option<String> = $tenant.map(|Text(tenant)| tenant);
        Scope::layer(Work::layer(Operation::$operation, move |parent| {
            let span = $helper.parent(parent);
            match &tenant {
                Some(tenant) => span.tenant_id(tenant).start(),
                None => span.start(),
            }
        }))
    }};
}

/// Opens a span around a look-up in a memory.
///
/// Args:
///     query: What is asked for; only its length is recorded, in characters.
///     max_concepts: How many concepts the answer may have.
///     tenant_id: Whose data it is.
///     store_id: The store that is searched.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(
    signature = (
        query, max_concepts = Count::new(MAX_CONCEPTS), tenant_id = None, store_id = None
    ),
    text_signature = "(query, max_concepts=10, tenant_id=None, store_id=None)"
)]
pub(crate) fn trace_recall(
    query: Text,
    max_concepts: Count,
    tenant_id: Option<Text>,
    store_id: Option<Text>,
) -> Scope {
    scope!(Recall, tenant_id, {
        let span = memory::trace_recall(&query.0).max_concepts(max_concepts.or(MAX_CONCEPTS));
        match &store_id {
            Some(Text(store)) => span.store_id(store),
            None => span,
        }
    })
}

/// Opens a span around the storing of a turn.
///
/// Args:
///     user_message_length: Length of the user's message in characters.
///     ai_response_length: Length of the answer in characters.
///     tenant_id: Whose data it is.
///     store_id: The store that is written to.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (user_message_length, ai_response_length, tenant_id = None, store_id = None))]
pub(crate) fn trace_learn(
    user_message_length: Count,
    ai_response_length: Count,
    tenant_id: Option<Text>,
    store_id: Option<Text>,
) -> Scope {
    scope!(Learn, tenant_id, {
        let span = memory::trace_learn(user_message_length.or(0), ai_response_length.or(0));
        match &store_id {
            Some(Text(store)) => span.store_id(store),
            None => span,
        }
    })
}

/// Opens a span around the search for concepts in a text.
///
/// Args:
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (tenant_id = None))]
pub(crate) fn trace_concept_extraction(tenant_id: Option<Text>) -> Scope {
    scope!(
        ConceptExtraction,
        tenant_id,
        memory::trace_concept_extraction()
    )
}

/// Opens a span around a walk along the links between concepts.
///
/// Args:
///     start_concept: Where the walk begins.
///     max_depth: How many links away it goes at most.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(
    signature = (start_concept, max_depth = Count::new(MAX_DEPTH), tenant_id = None),
    text_signature = "(start_concept, max_depth=3, tenant_id=None)"
)]
pub(crate) fn trace_graph_traversal(
    start_concept: Text,
    max_depth: Count,
    tenant_id: Option<Text>,
) -> Scope {
    scope!(
        GraphTraversal,
        tenant_id,
        memory::trace_graph_traversal(&start_concept.0).max_depth(max_depth.or(MAX_DEPTH))
    )
}

/// Opens a span around the making of an embedding.
///
/// Args:
///     text_length: Length of the text in characters.
///     model: The name of the model.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(
    signature = (text_length, model = None, tenant_id = None),
    text_signature = "(text_length, model='unknown', tenant_id=None)"
)]
pub(crate) fn trace_embedding_generation(
    text_length: Count,
    model: Option<Text>,
    tenant_id: Option<Text>,
) -> Scope {
    let model = model.map_or_else(|| "unknown".into(), |Text(model)| model);
    scope!(
        Embedding,
        tenant_id,
        memory::trace_embedding_generation(text_length.or(0)).model(&model)
    )
}

/// Opens a span around a statement to a database.
///
/// Args:
///     query: The statement; its literals are replaced by `?`.
///     operation: What it does, such as `SELECT`.
///     table: The table that it is about.
///     tenant_id: Whose data it is.
///     capture_sql: Whether the statement is recorded.
///     system: The database, such as `sqlite`; also by which rules the statement is read.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(
    signature = (
        query, operation = None, table = None, tenant_id = None,
        capture_sql = Truth(true), system = None
    ),
    text_signature =
        "(query, operation='SELECT', table=None, tenant_id=None, capture_sql=True, system=None)"
)]
pub(crate) fn trace_query(
    query: Text,
    operation: Option<Text>,
    table: Option<Text>,
    tenant_id: Option<Text>,
    capture_sql: Truth,
    system: Option<Text>,
) -> Scope {
    let tenant = tenant_id.map(|Text(tenant)| tenant);
    let operation = operation.map_or_else(|| "SELECT".into(), |Text(operation)| operation);
    Scope::layer(Work::layer(Operation::Query, move |parent| {
        let mut span = database::trace_query(&query.0)
            .operation(&operation)
            .capture_sql(capture_sql.0)
            .parent(parent);
        if let Some(Text(table)) = &table {
            span = span.table(table);
        }
        if let Some(Text(system)) = &system {
            span = span.system(system);
        }
        if let Some(tenant) = &tenant {
            span = span.tenant_id(tenant);
        }
        span.start()
    }))
}

/// Opens a span around a transaction, which was committed if nothing fails in it.
///
/// Args:
///     tenant_id: Whose data it is.
///     system: The database, such as `sqlite`.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (tenant_id = None, system = None))]
pub(crate) fn trace_transaction(tenant_id: Option<Text>, system: Option<Text>) -> Scope {
    scope!(Transaction, tenant_id, {
        let span = database::trace_transaction();
        match &system {
            Some(Text(system)) => span.system(system),
            None => span,
        }
    })
}

/// Opens a span around an operation of a cache.
///
/// Args:
///     operation: What it does, such as `GET`.
///     key: The key; parts that look like hashes are replaced.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (operation, key = None, tenant_id = None))]
pub(crate) fn trace_cache_operation(
    operation: Text,
    key: Option<Text>,
    tenant_id: Option<Text>,
) -> Scope {
    let key = key.map(|Text(key)| key).unwrap_or_default();
    scope!(
        Cache,
        tenant_id,
        cache::trace_cache_operation(&operation.0, &key)
    )
}

/// Opens a span around commands that are sent to a cache at once.
///
/// Args:
///     command_count: The number of commands.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (command_count, tenant_id = None))]
pub(crate) fn trace_pipeline(command_count: Count, tenant_id: Option<Text>) -> Scope {
    scope!(
        Pipeline,
        tenant_id,
        cache::trace_pipeline(command_count.or(0))
    )
}

/// Opens a span around a synchronisation with a peer.
///
/// Args:
///     operation_type: Its kind, such as `push`.
///     peer_instance_id: The other instance.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (operation_type, peer_instance_id = None, tenant_id = None))]
pub(crate) fn trace_sync_operation(
    operation_type: Text,
    peer_instance_id: Option<Text>,
    tenant_id: Option<Text>,
) -> Scope {
    let tenant = tenant_id.map(|Text(tenant)| tenant);
    Scope::layer(Work::layer(Operation::Sync, move |parent| {
        let mut span = federation::trace_sync_operation(&operation_type.0).parent(parent);
        if let Some(Text(peer)) = &peer_instance_id {
            span = span.peer_instance_id(peer);
        }
        if let Some(tenant) = &tenant {
            span = span.tenant_id(tenant);
        }
        span.start()
    }))
}

/// Opens a span around a message to a peer.
///
/// Args:
///     peer_id: The peer.
///     message_type: The kind of the message.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (peer_id, message_type, tenant_id = None))]
pub(crate) fn trace_peer_communication(
    peer_id: Text,
    message_type: Text,
    tenant_id: Option<Text>,
) -> Scope {
    scope!(
        Message,
        tenant_id,
        federation::trace_peer_communication(&peer_id.0, &message_type.0)
    )
}

/// Opens a span around a decision that several peers come to.
///
/// Args:
///     operation: What is decided, such as `vote`.
///     participant_count: The number of peers.
///     tenant_id: Whose data it is.
///
/// Returns:
///     A context manager that yields the span; also a decorator.
#[pyfunction]
#[pyo3(signature = (operation, participant_count, tenant_id = None))]
pub(crate) fn trace_consensus_operation(
    operation: Text,
    participant_count: Count,
    tenant_id: Option<Text>,
) -> Scope {
    scope!(
        Consensus,
        tenant_id,
        federation::trace_consensus_operation(&operation.0, participant_count.or(0))
    )
}

/// A query plan without its literals, for spans of others; `None` where it is not certain what they are.
#[pyfunction]
pub(crate) fn scrub_query_plan(plan: Text) -> Option<String> {
    database::scrub_sql(&plan.0, database::SqlDialect::Generic)
}

/// Records on the current span whether a cache had the entry, and counts it.
#[pyfunction]
#[pyo3(signature = (key, hit, tenant_id = None, value_size = None))]
pub(crate) fn record_cache_outcome(
    py: Python<'_>,
    key: Text,
    hit: bool,
    tenant_id: Option<Text>,
    value_size: Option<Count>,
) -> PyResult<()> {
    let operation = if hit { Operation::Hit } else { Operation::Miss };
    meter::measured(py, operation, Duration::ZERO, false);
    let span = current_span(py)?;
    let span = span.as_ref().and_then(|span| span.cast::<PySpan>().ok());
    let Some(state) = span.and_then(|span| span.get().state()) else {
        return Ok(());
    };
    let view = state.view();
    if hit {
        view.cache_hit(&key.0);
    } else {
        view.cache_miss(&key.0);
    }
    if let Some(Text(tenant)) = tenant_id {
        view.tenant_id(&tenant);
    }
    if let Some(size) = value_size.and_then(Count::get) {
        view.set_attribute("cache.value_size", size);
    }
    Ok(())
}
