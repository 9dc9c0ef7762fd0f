//! Spans of the database layer: queries and transactions.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "Database client spans" (stable names).

use super::span::{LayerSpan, layer_span};
use crate::{
    semconv::attribute,
    span::{SpanKind, SpanRef},
};

layer_span! {
    /// A query; made by [`trace_query`].
    Query {
        /// The database, as the conventions write it: `sqlite`, `postgresql`.
        system: &'a str => "db.system.name",
    }
}

layer_span! {
    /// A transaction; made by [`trace_transaction`].
    Transaction {
        /// The database, as the conventions write it: `sqlite`, `postgresql`.
        system: &'a str => "db.system.name",
    }
}

/// A `db.<operation>.<table>` span around a query, both in lower case.
///
/// ```
/// # use continuum_observability::{layers::database::trace_query, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// trace_query("SELECT", "entities").system("sqlite").in_scope(|span| span.row_count(3));
/// # });
/// # assert_eq!(recorder.tree(), "db.select.entities [client] db.operation.name=SELECT \
/// # db.collection.name=entities db.system.name=sqlite db.response.returned_rows=3\n");
/// ```
pub fn trace_query<'a>(operation: &'a str, table: &'a str) -> Query<'a> {
    let mut name = String::with_capacity(4 + operation.len() + table.len());
    name.push_str("db.");
    name.extend(operation.chars().flat_map(char::to_lowercase));
    if !table.is_empty() {
        name.push('.');
        name.extend(table.chars().flat_map(char::to_lowercase));
    }
    let span = LayerSpan::new(name, SpanKind::Client).with("db.operation.name", operation);
    Query(if table.is_empty() {
        span
    } else {
        span.with("db.collection.name", table)
    })
}

/// A `db.transaction` span.
pub fn trace_transaction<'a>() -> Transaction<'a> {
    Transaction(LayerSpan::new("db.transaction", SpanKind::Client))
}

impl SpanRef {
    /// Records how many rows a query returned or changed.
    pub fn row_count(&self, rows: usize) {
        self.set_conventional(attribute::DB_RESPONSE_RETURNED_ROWS, rows);
    }
}
