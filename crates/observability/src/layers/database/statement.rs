//! What the span of a query says of its statement.
//!
//! Position: kept by the `LayerSpan` of a query until it starts.
//!
//! Invariant: the text is scrubbed only for a span that is recorded.

use super::{
    super::span::{lower_case_name, push_lower_case},
    SqlDialect,
    scrub::with_scrubbed,
};
use crate::{
    semconv::attribute,
    span::{SpanBody, SpanRef},
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
            let sql = self.sql.trim_ascii_start().as_bytes();
            let end = sql.iter().position(u8::is_ascii_whitespace);
            let word = sql.get(..end.unwrap_or(sql.len()))?;
            let same = |verb: &&&str| word.eq_ignore_ascii_case(verb.as_bytes());
            VERBS.iter().find(same)
        };
        self.operation
            .unwrap_or_else(|| verb().copied().unwrap_or("SELECT"))
    }

    /// `db.<operation>.<table>`, in lower case.
    pub(in crate::layers) fn span_name(&self, operation: &str) -> String {
        let mut name = lower_case_name("db.", operation);
        if let Some(table) = self.table
            && !table.is_empty()
        {
            name.push('.');
            push_lower_case(&mut name, table);
        }
        name
    }

    /// Says what is costly to find out, of a span that is recorded.
    pub(in crate::layers) fn describe(&self, span: &SpanRef) {
        let slow_after_nanos = u64::try_from(self.slow_after.as_nanos()).unwrap_or(u64::MAX);
        span.with(|body| {
            body.slow_after_nanos = slow_after_nanos;
            if self.captured {
                with_scrubbed(self.sql, self.dialect, |text| set_text(body, text));
            }
        });
    }
}

fn set_text(body: &mut SpanBody, text: &str) {
    for name in body.naming.names(attribute::DB_QUERY_TEXT) {
        body.set_attribute(name, &text.into());
    }
}
