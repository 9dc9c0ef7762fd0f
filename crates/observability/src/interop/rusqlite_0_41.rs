//! Statements of `rusqlite`, release 0.41, inside of spans.
//!
//! Position: in place of the methods of a `Connection`; on top of the database layer.
//!
//! Invariants: a result is passed on unchanged; a statement is recorded without its literals, parameters not
//! at all; nor does the text of an error quote them.

use crate::{
    SpanRef,
    layers::database::{Query, trace_query},
};
use rusqlite::{Connection, Error, ErrorCode, Params, Result, Row};

/// Gives a connection, or a transaction on it, the methods of [`Traced`].
pub trait ConnectionExt {
    /// The same connection, each statement of which is a span.
    ///
    /// ```
    /// use continuum_observability::{interop::rusqlite_0_41::ConnectionExt as _, testing::TestRecorder};
    /// use rusqlite::Connection;
    ///
    /// let connection = Connection::open_in_memory()?;
    /// connection.execute_batch("CREATE TABLE turns (text TEXT)")?;
    /// let recorder = TestRecorder::new();
    /// recorder.run(|| connection.traced().execute("INSERT INTO turns VALUES (?1)", ["hello"]))?;
    /// assert_eq!(
    ///     recorder.tree(),
    ///     "db.insert.turns [client] OK db.system.name=sqlite db.operation.name=INSERT \
    ///      db.collection.name=turns db.query.text=INSERT INTO turns VALUES (?1) \
    ///      db.response.affected_rows=1\n"
    /// );
    /// # Ok::<(), rusqlite::Error>(())
    /// ```
    fn traced(&self) -> Traced<'_>;
}

impl ConnectionExt for Connection {
    fn traced(&self) -> Traced<'_> {
        Traced { connection: self }
    }
}

/// A connection each statement of which is a `db.<operation>.<table>` span.
///
/// The methods have the names of those of `rusqlite`, and do what those do.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'c> {
    connection: &'c Connection,
}

impl Traced<'_> {
    /// Runs a statement that gives no rows; how many it changed is recorded.
    ///
    /// # Errors
    ///
    /// Those of `Connection::execute`.
    pub fn execute(self, sql: &str, params: impl Params) -> Result<usize> {
        query(sql).in_scope(|span| {
            let result = self.connection.execute(sql, params);
            tell(span, &result, |changed| {
                span.affected_row_count(*changed);
            });
            result
        })
    }

    /// Runs a query for one row. That there is none is recorded, not as an error.
    ///
    /// # Errors
    ///
    /// Those of `Connection::query_row`.
    pub fn query_row<T>(
        self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        query(sql).in_scope(|span| {
            let result = self.connection.query_row(sql, params, map);
            if let Err(Error::QueryReturnedNoRows) = result {
                span.row_count(0);
                span.succeed();
            } else {
                tell(span, &result, |_| span.row_count(1));
            }
            result
        })
    }

    /// Runs a query and collects its rows; how many there are is recorded.
    ///
    /// # Errors
    ///
    /// Those of `Connection::prepare` and `Statement::query_map`, and the first one of `map`.
    pub fn query_map<T>(
        self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        query(sql).in_scope(|span| {
            let result = self.all_rows(sql, params, map);
            tell(span, &result, |rows| span.row_count(rows.len()));
            result
        })
    }

    fn all_rows<T>(
        self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare(sql)?;
        statement.query_map(params, map)?.collect()
    }
}

fn query(sql: &str) -> Query<'_> {
    let query = trace_query(sql).system("sqlite");
    match table(sql) {
        Some(table) => query.table(table),
        None => query,
    }
}

/// The table of a statement that names a single one, and nothing before it that could be a literal.
fn table(sql: &str) -> Option<&str> {
    const BEFORE_A_TABLE: [&str; 3] = ["FROM", "INTO", "UPDATE"];
    const AFTER_TABLES: [&str; 6] = ["WHERE", "ORDER", "GROUP", "HAVING", "LIMIT", "RETURNING"];
    let is_one_of = |word: &str, known: &[&str]| known.iter().any(|k| k.eq_ignore_ascii_case(word));
    let mut words = sql.split_ascii_whitespace();
    let before = words
        .by_ref()
        .take_while(|word| !word.contains(['\'', '"', '`', '[', '-', '/']))
        .find(|word| is_one_of(word, &BEFORE_A_TABLE))?;
    let table = plain_name(words.next()?)?;
    // Only there several may stand.
    let mut is_list = before.eq_ignore_ascii_case("FROM");
    let has_more = words.any(|word| {
        is_list &= !is_one_of(word, &AFTER_TABLES);
        (is_list && word.contains(',')) || is_one_of(word, &["FROM", "JOIN", "UNION"])
    });
    (!has_more && !table.eq_ignore_ascii_case("OR")).then_some(table)
}

fn plain_name(word: &str) -> Option<&str> {
    let end = word.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let (name, rest) = word.split_at(end.unwrap_or(word.len()));
    let is_whole = rest.is_empty() || rest.starts_with('(') || rest == ";";
    (is_whole && !name.is_empty()).then_some(name)
}

/// Records what a statement came to; `describe` says how many rows it is about.
fn tell<T>(span: &SpanRef, result: &Result<T>, describe: impl FnOnce(&T)) {
    match result {
        Ok(value) => {
            describe(value);
            span.succeed();
        }
        Err(error) => span.record_error_as::<Error>(text_of(error)),
    }
}

/// What may be said of an error. `SQLite` quotes statements and parameters in many ways; what a constraint is called
/// is in the schema.
fn text_of(error: &Error) -> String {
    match error {
        Error::SqliteFailure(failure, Some(message))
            if failure.code == ErrorCode::ConstraintViolation =>
        {
            message.clone()
        }
        Error::SqliteFailure(failure, _) => failure.to_string(),
        Error::SqlInputError { error, offset, .. } => format!("{error} at offset {offset}"),
        other => {
            let variant = format!("{other:?}");
            let end = variant.find(|letter: char| !letter.is_alphanumeric());
            variant[..end.unwrap_or(variant.len())].to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_only_where_it_is_the_single_one_and_surely_no_literal() {
        let rows = [
            ("SELECT text FROM turns WHERE id = ?1", Some("turns")),
            (
                "insert or replace into turns(text) values (?)",
                Some("turns"),
            ),
            ("UPDATE turns SET text = 'a'", Some("turns")),
            ("DELETE FROM turns;", Some("turns")),
            ("SELECT * FROM a, b", None),
            ("SELECT * FROM a , b", None),
            ("SELECT * FROM turns t, users u WHERE t.id = u.id", None),
            ("SELECT * FROM turns t ,users u", None),
            ("SELECT * FROM turns t,users u", None),
            (
                "INSERT INTO turns (id, text) VALUES (?1, ?2)",
                Some("turns"),
            ),
            ("INSERT INTO turns VALUES(?1, ?2)", Some("turns")),
            ("DELETE FROM turns RETURNING id, text", Some("turns")),
            ("SELECT id FROM turns t ORDER BY id, text", Some("turns")),
            ("SELECT * FROM a JOIN b ON a.id = b.id", None),
            ("SELECT 'a letter from bob to', id FROM turns", None),
            ("SELECT * FROM (SELECT 1)", None),
            ("UPDATE OR IGNORE turns SET text = ?1", None),
            ("PRAGMA user_version", None),
            ("", None),
        ];
        for (sql, expected) in rows {
            assert_eq!(table(sql), expected, "{sql}");
        }
    }
}
