//! The helpers of the database layer.
//!
//! Position: what users call; thin over `LayerSpan` and [`Statement`].

use super::{Database, SqlDialect, Statement};
use crate::{
    layers::span::{LayerSpan, layer_span},
    semconv::attribute,
    span::SpanKind,
};
use std::time::Duration;

layer_span! {
    /// A query; made by [`trace_query`].
    Query {
    }
}

layer_span! {
    /// A transaction; made by [`trace_transaction`].
    Transaction {
        /// The database, as the conventions write it: `sqlite`, `postgresql`.
        system: &'a str => attribute::DB_SYSTEM_NAME,
    }
}

/// A `db.<operation>.<table>` span around a query, in lower case.
///
/// The statement is recorded without its literals (see [`scrub_sql`](super::scrub_sql)), or not at all
/// when it is not certain what is a literal. The operation is the first word of the statement if that
/// is a verb of SQL, and `SELECT` otherwise. A query that takes a second or longer gets the event
/// `slow_query`.
///
/// ```
/// use continuum_observability::{layers::database::trace_query, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     trace_query("SELECT name FROM entities WHERE kind = 'place'")
///         .table("entities")
///         .system("sqlite")
///         .tenant_id("user_123")
///         .in_scope(|span| span.row_count(3));
/// });
/// assert_eq!(
///     recorder.tree(),
///     "db.select.entities [client] db.system.name=sqlite tenant.id=user_123 \
///      db.operation.name=SELECT db.collection.name=entities \
///      db.query.text=SELECT name FROM entities WHERE kind = ? db.response.returned_rows=3\n"
/// );
/// ```
pub fn trace_query(sql: &str) -> Query<'_> {
    let span = LayerSpan::new("", SpanKind::Client);
    Query(span.database(Database::Query(Statement::new(sql))))
}

/// A `db.transaction` span.
///
/// The forms that return a `Result` record whether it was committed: `Ok` says that it was, `Err` that it
/// was not. In the others, say it by
/// [`SpanRef::transaction_committed`](crate::SpanRef::transaction_committed).
///
/// ```
/// # use continuum_observability::{layers::database::trace_transaction, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// let done: Result<(), &str> = trace_transaction().run_sync(|_| Ok(()));
/// # });
/// # assert_eq!(recorder.tree(), "db.transaction [client] OK db.transaction.committed=true\n");
/// ```
pub fn trace_transaction<'a>() -> Transaction<'a> {
    let span = LayerSpan::new("db.transaction", SpanKind::Client);
    Transaction(span.database(Database::Transaction))
}

impl<'a> Query<'a> {
    /// Says what the query does, where its first word does not: `SELECT` for one that begins with
    /// `WITH`.
    pub fn operation(self, operation: &'a str) -> Self {
        self.change(|statement| statement.operation = Some(operation))
    }

    /// Names the main table.
    pub fn table(self, table: &'a str) -> Self {
        self.change(|statement| statement.table = Some(table))
    }

    /// Names the database, as the conventions write it: `sqlite`, `postgresql`, `mysql`.
    ///
    /// It also decides by which rules the statement is read.
    pub fn system(self, system: &'a str) -> Self {
        let dialect = SqlDialect::of_system(system);
        Self(self.0.with(attribute::DB_SYSTEM_NAME, system))
            .change(|statement| statement.dialect = dialect)
    }

    /// Whether the statement, without its literals, is recorded; it is unless this says otherwise.
    pub fn capture_sql(self, captured: bool) -> Self {
        self.change(|statement| statement.captured = captured)
    }

    /// From which duration on the query counts as slow; a second otherwise.
    pub fn slow_after(self, threshold: Duration) -> Self {
        self.change(|statement| statement.slow_after = threshold)
    }

    fn change(mut self, change: impl FnOnce(&mut Statement<'a>)) -> Self {
        if let Some(statement) = self.0.statement() {
            change(statement);
        }
        self
    }
}
