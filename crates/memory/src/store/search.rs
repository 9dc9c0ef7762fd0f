//! Queries about turns.
//!
//! Position: `recall` asks through a [`Reader`]; the queries about concepts are in `graph`.
//!
//! Invariants: every query is one span, which has the table and the number of rows; lists of ids are
//! passed as one JSON parameter, so that every statement is constant.

use continuum_observability::layers::database::trace_query;
use rusqlite::{Connection, Params, Row};

use super::SYSTEM;
use super::fts::FtsQuery;
use crate::error::MemoryError;
use crate::request::Stats;
use crate::tenant::TenantScope;

/// The id of a turn; later turns have larger ids.
pub(crate) type TurnId = i64;

/// The queries on one tenant's file.
pub(crate) struct Reader<'a> {
    connection: &'a Connection,
    scope: &'a TenantScope,
}

/// A turn as it was stored.
pub(crate) struct StoredTurn {
    pub(crate) id: TurnId,
    pub(crate) session_id: String,
    pub(crate) speaker: String,
    pub(crate) text: String,
    pub(crate) at: String,
    pub(crate) metadata: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(connection: &'a Connection, scope: &'a TenantScope) -> Self {
        Self { connection, scope }
    }

    /// Runs one query; the only place that does.
    pub(super) fn select<T>(
        &self,
        table: &'static str,
        sql: &'static str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, MemoryError> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(params, row)?.collect()
        };
        trace_query(sql)
            .table(table)
            .system(SYSTEM)
            .tenant_id(self.tenant())
            .run_sync(|span| {
                let rows = rows().map_err(MemoryError::storage("read"))?;
                span.row_count(rows.len());
                Ok(rows)
            })
    }

    /// Whose file it is, for spans.
    pub(crate) fn tenant(&self) -> &'a str {
        self.scope.tenant().as_str()
    }

    /// Turns whose own text matches, best first.
    pub(crate) fn matching_turns(
        &self,
        query: &FtsQuery,
        limit: usize,
    ) -> Result<Vec<TurnId>, MemoryError> {
        self.select(
            "turns_fts",
            "SELECT rowid FROM turns_fts WHERE turns_fts MATCH ?1 ORDER BY rank, rowid LIMIT ?2",
            (query.as_str(), sql_count(limit)),
            |row| row.get(0),
        )
    }

    /// Turns that match together with the two before them, best first.
    pub(crate) fn matching_windows(
        &self,
        query: &FtsQuery,
        limit: usize,
    ) -> Result<Vec<TurnId>, MemoryError> {
        self.select(
            "windows_fts",
            "SELECT rowid FROM windows_fts WHERE windows_fts MATCH ?1 ORDER BY rank, rowid LIMIT ?2",
            (query.as_str(), sql_count(limit)),
            |row| row.get(0),
        )
    }

    /// The turns with these ids, in no particular order.
    pub(crate) fn turns(&self, ids: &[TurnId]) -> Result<Vec<StoredTurn>, MemoryError> {
        self.select(
            "turns",
            "SELECT id, session_id, speaker, text, at, metadata FROM turns
             WHERE id IN (SELECT value FROM json_each(?1))",
            [json_list(ids)],
            |row| {
                Ok(StoredTurn {
                    id: row.get(0)?,
                    session_id: row.get(1)?,
                    speaker: row.get(2)?,
                    text: row.get(3)?,
                    at: row.get(4)?,
                    metadata: row.get(5)?,
                })
            },
        )
    }

    /// Whether nothing was ever learned.
    pub(crate) fn is_empty(&self) -> Result<bool, MemoryError> {
        let first: Vec<TurnId> =
            self.select("turns", "SELECT id FROM turns LIMIT 1", [], |row| {
                row.get(0)
            })?;
        Ok(first.is_empty())
    }

    /// Counts what the file holds.
    pub(crate) fn stats(&self) -> Result<Stats, MemoryError> {
        let counted = self.select(
            "turns",
            "SELECT (SELECT count(*) FROM turns), (SELECT count(DISTINCT session_id) FROM turns),
                    (SELECT count(*) FROM entities), (SELECT count(*) FROM decisions),
                    (SELECT count(*) FROM attention_links WHERE from_id < to_id),
                    (SELECT count(*) FROM compound_concepts WHERE occurrences > 1)",
            [],
            |row| {
                Ok(Stats {
                    turns: row.get(0)?,
                    sessions: row.get(1)?,
                    entities: row.get(2)?,
                    decisions: row.get(3)?,
                    attention_links: row.get(4)?,
                    compound_concepts: row.get(5)?,
                })
            },
        )?;
        Ok(counted.into_iter().next().unwrap_or_default())
    }
}

/// A count as the integer of `SQLite`.
pub(super) fn sql_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A JSON array for `json_each`.
pub(super) fn json_list<T: Into<serde_json::Value> + Clone>(values: &[T]) -> String {
    serde_json::Value::from(values).to_string()
}
