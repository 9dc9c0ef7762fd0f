//! Spans of the database layer: queries and transactions.
//!
//! Position: on top of the private `LayerSpan`; `query` has the helpers, `statement` what a query adds
//! to its span, `scrub` takes the literals out of it.
//!
//! Invariant: a statement is recorded without its literals, or not at all.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "Database client spans".

mod query;
mod scrub;
mod statement;
#[cfg(test)]
mod tests;

pub use {
    query::{Query, Transaction, trace_query, trace_transaction},
    scrub::{SqlDialect, scrub_sql},
};

pub(super) use statement::Statement;

use super::report::{self, Level};
use crate::{context::get_current_span, semconv::attribute, span::SpanRef};

/// What a ready-made span has to do with a database.
#[derive(Debug, Clone, Copy)]
pub(super) enum Database<'a> {
    /// Nothing.
    Other,
    Query(Statement<'a>),
    /// It says at its end whether it was committed.
    Transaction,
}

impl SpanRef {
    /// Records how many rows a query returned or changed.
    pub fn row_count(&self, rows: usize) {
        self.set_conventional(attribute::DB_RESPONSE_RETURNED_ROWS, rows);
    }

    /// Records how many rows a statement changed.
    pub fn affected_row_count(&self, rows: usize) {
        self.set_conventional(attribute::DB_RESPONSE_AFFECTED_ROWS, rows);
    }

    /// Records how the database executes a query, such as the answer to `EXPLAIN`.
    ///
    /// The plan is scrubbed as a statement of an unknown dialect is, since it repeats the conditions.
    pub fn query_plan(&self, plan: &str) {
        if self.is_recording()
            && let Some(plan) = scrub_sql(plan, SqlDialect::Generic)
        {
            self.set_attribute(attribute::DB_QUERY_PLAN, plan);
        }
    }

    /// Records whether a transaction was committed; [`Transaction::run`] does it by itself.
    pub fn transaction_committed(&self, committed: bool) {
        self.set_attribute(attribute::DB_TRANSACTION_COMMITTED, committed);
    }
}

/// Records on the current span how many rows a query returned or changed.
pub fn enrich_span_with_row_count(rows: usize) {
    get_current_span().row_count(rows);
}

/// Tells the [metrics](crate::SpanMetrics), where there are any, how full a pool of connections is.
///
/// ```
/// use continuum_observability::layers::database::trace_connection_pool;
///
/// let (most, in_use, idle) = (10, 4, 2);
/// trace_connection_pool(most, in_use, idle);
/// ```
pub fn trace_connection_pool(pool_size: usize, active_connections: usize, idle_connections: usize) {
    let levels = [
        (Level::PoolSize, pool_size as f64),
        (Level::PoolActive, active_connections as f64),
        (Level::PoolIdle, idle_connections as f64),
    ];
    report::set(&levels, None);
}

/// Records on the current span how the database executes a query; see [`SpanRef::query_plan`].
pub fn enrich_span_with_query_plan(plan: &str) {
    get_current_span().query_plan(plan);
}

/// The operation of a statement, which is its first word where that is a known one.
#[cfg(feature = "tracing")]
pub(crate) fn operation_of(sql: &str) -> &str {
    Statement::new(sql).operation()
}
