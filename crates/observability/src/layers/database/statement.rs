//! What the span of a query says of its statement.
//!
//! Position: kept by the `LayerSpan` of a query until it starts.
//!
//! Invariant: the text is scrubbed only for a span that is recorded.

use super::{super::span::push_lower_case, SqlDialect, scrub_sql};
use crate::{
    semconv::attribute,
    span::{OnStart, SpanRef},
};
use std::time::Duration;

/// From this duration on, a query is slow unless its helper says otherwise.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// Verbs by which a statement says what it does.
const VERBS: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "MERGE",
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "PRAGMA",
    "EXPLAIN",
    "ANALYZE",
    "VACUUM",
    "CALL",
    "COPY",
    "GRANT",
    "REVOKE",
    "SET",
    "SHOW",
];

/// A statement and what is to be said of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::layers) struct Statement<'a> {
    sql: &'a str,
    pub(in crate::layers) table: Option<&'a str>,
    pub(super) operation: Option<&'a str>,
    pub(super) dialect: SqlDialect,
    pub(super) captured: bool,
    pub(super) slow_after: Duration,
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self {
            sql,
            table: None,
            operation: None,
            dialect: SqlDialect::Generic,
            captured: true,
            slow_after: SLOW_AFTER,
        }
    }

    /// The operation as it was given, or else the statement's verb, or else `SELECT`.
    pub(in crate::layers) fn operation(&self) -> &'a str {
        let verb = || {
            let word = self.sql.split_ascii_whitespace().next()?;
            VERBS.iter().find(|verb| word.eq_ignore_ascii_case(verb))
        };
        self.operation
            .unwrap_or_else(|| verb().copied().unwrap_or("SELECT"))
    }

    /// `db.<operation>.<table>`, in lower case.
    pub(in crate::layers) fn span_name(&self) -> String {
        let (operation, table) = (self.operation(), self.table.unwrap_or_default());
        let mut name = String::with_capacity(4 + operation.len() + table.len());
        name.push_str("db.");
        push_lower_case(&mut name, operation);
        if !table.is_empty() {
            name.push('.');
            push_lower_case(&mut name, table);
        }
        name
    }
}

impl OnStart for Statement<'_> {
    fn started(&self, span: &SpanRef) {
        span.watch_slowness(self.slow_after);
        if self.captured
            && let Some(text) = scrub_sql(self.sql, self.dialect)
            && !text.is_empty()
        {
            span.set_conventional(attribute::DB_QUERY_TEXT, text);
        }
    }
}
