//! The statements of a learn.
//!
//! Position: `learn` calls them in the order of the tables, inside one transaction.
//!
//! Invariants: a [`Writer`] exists inside a transaction only; each method fills one table and is one
//! span, whatever the number of rows.

use continuum_observability::layers::database::trace_query;
use rusqlite::{CachedStatement, Transaction};

use super::SYSTEM;
use super::graph::EntityId;
use super::search::{Reader, TurnId, sql_count};
use crate::error::MemoryError;
use crate::extract::{FoundConcept, index_text};
use crate::request::NewTurn;
use crate::tenant::TenantScope;

/// Pages of an index that one merge may write, so that the writer is soon free again.
const MERGED_PAGES: i64 = 64;

/// One transaction on a tenant's file.
pub(crate) struct Writer<'a> {
    transaction: &'a Transaction<'a>,
    scope: &'a TenantScope,
}

impl<'a> Writer<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>, scope: &'a TenantScope) -> Self {
        Self { transaction, scope }
    }

    /// Whose file it is, for spans.
    pub(crate) fn tenant(&self) -> &'a str {
        self.scope.tenant().as_str()
    }

    /// Reads what this transaction sees.
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader::new(self.transaction, self.scope)
    }

    /// Runs one statement for each row; the only place that writes.
    pub(super) fn change<R, T>(
        &self,
        operation: &'static str,
        table: &'static str,
        sql: &'static str,
        rows: impl IntoIterator<Item = R>,
        mut change: impl FnMut(&mut CachedStatement<'_>, R) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, MemoryError> {
        let changed = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.transaction.prepare_cached(sql)?;
            rows.into_iter()
                .map(|row| change(&mut statement, row))
                .collect()
        };
        trace_query(sql)
            .operation(operation)
            .table(table)
            .system(SYSTEM)
            .tenant_id(self.tenant())
            .run_sync(|span| {
                let rows = changed().map_err(MemoryError::storage("write"))?;
                span.row_count(rows.len());
                Ok(rows)
            })
    }

    fn insert<R, T>(
        &self,
        table: &'static str,
        sql: &'static str,
        rows: impl IntoIterator<Item = R>,
        insert: impl FnMut(&mut CachedStatement<'_>, R) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, MemoryError> {
        self.change("INSERT", table, sql, rows, insert)
    }

    /// The last turns of a session with their speakers, oldest first.
    pub(crate) fn last_texts(
        &self,
        session_id: &str,
        limit: usize,
    ) -> Result<Vec<String>, MemoryError> {
        let mut texts = self.reader().select(
            "turns",
            "SELECT speaker || ': ' || text FROM turns WHERE session_id = ?1 ORDER BY id DESC LIMIT ?2",
            (session_id, sql_count(limit)),
            |row| row.get(0),
        )?;
        texts.reverse();
        Ok(texts)
    }

    /// Stores turns; a turn without a time gets the present one.
    pub(crate) fn insert_turns(&self, turns: &[NewTurn<'_>]) -> Result<Vec<TurnId>, MemoryError> {
        self.insert(
            "turns",
            "INSERT INTO turns (session_id, speaker, text, at, metadata)
             VALUES (?1, ?2, ?3, coalesce(?4, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), ?5)",
            turns,
            |statement, turn| {
                statement.insert((
                    turn.session_id,
                    turn.speaker,
                    turn.text,
                    turn.at,
                    turn.metadata,
                ))
            },
        )
    }

    /// Makes the texts of turns searchable.
    pub(crate) fn index_turns(&self, texts: &[(TurnId, &str)]) -> Result<(), MemoryError> {
        self.insert(
            "turns_fts",
            "INSERT INTO turns_fts (rowid, text) VALUES (?1, ?2)",
            texts,
            |statement, (turn, text)| statement.execute((turn, index_text(text))),
        )?;
        Ok(())
    }

    /// Makes turns searchable together with those before them.
    pub(crate) fn index_windows(&self, texts: &[(TurnId, String)]) -> Result<(), MemoryError> {
        self.insert(
            "windows_fts",
            "INSERT INTO windows_fts (rowid, text) VALUES (?1, ?2)",
            texts,
            |statement, (turn, text)| statement.execute((turn, index_text(text))),
        )?;
        Ok(())
    }

    /// Counts pairs of words and returns how often each was seen, this time included.
    pub(crate) fn count_compounds(
        &self,
        compounds: &[FoundConcept],
    ) -> Result<Vec<i64>, MemoryError> {
        self.insert(
            "compound_concepts",
            "INSERT INTO compound_concepts (key, occurrences) VALUES (?1, 1)
             ON CONFLICT (key) DO UPDATE SET occurrences = occurrences + 1
             RETURNING occurrences",
            compounds,
            |statement, compound| statement.query_row([&compound.key], |row| row.get(0)),
        )
    }

    /// Stores concepts, or counts one more mention of those that are known.
    pub(crate) fn insert_entities(
        &self,
        concepts: &[FoundConcept],
    ) -> Result<Vec<EntityId>, MemoryError> {
        self.insert(
            "entities",
            "INSERT INTO entities (key, name, kind, mentions) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (key) DO UPDATE SET mentions = mentions + 1
             RETURNING id",
            concepts,
            |statement, concept| {
                let row = (&concept.key, &concept.name, concept.kind);
                statement.query_row(row, |row| row.get(0))
            },
        )
    }

    /// Stores which concepts a turn mentions.
    pub(crate) fn insert_mentions(
        &self,
        turn: TurnId,
        concepts: &[EntityId],
    ) -> Result<(), MemoryError> {
        self.insert(
            "entity_turns",
            "INSERT INTO entity_turns (entity_id, turn_id) VALUES (?1, ?2)",
            concepts,
            |statement, concept| statement.execute((concept, turn)),
        )?;
        Ok(())
    }

    /// Strengthens the link of every pair of concepts, and returns how many links are new.
    pub(crate) fn strengthen_links(&self, concepts: &[EntityId]) -> Result<usize, MemoryError> {
        let pairs = concepts
            .iter()
            .flat_map(|from| concepts.iter().map(move |to| (*from, *to)));
        let strengths: Vec<(bool, i64)> = self.insert(
            "attention_links",
            "INSERT INTO attention_links (from_id, to_id, strength) VALUES (?1, ?2, 1)
             ON CONFLICT (from_id, to_id) DO UPDATE SET strength = strength + 1
             RETURNING from_id < to_id, strength",
            pairs.filter(|(from, to)| from != to),
            |statement, pair| statement.query_row(pair, |row| Ok((row.get(0)?, row.get(1)?))),
        )?;
        Ok(strengths
            .into_iter()
            .filter(|&(forward, strength)| forward && strength == 1)
            .count())
    }

    /// Stores sentences that state a decision.
    pub(crate) fn insert_decisions(
        &self,
        turn: TurnId,
        sentences: &[&str],
    ) -> Result<(), MemoryError> {
        self.insert(
            "decisions",
            "INSERT INTO decisions (turn_id, text) VALUES (?1, ?2)",
            sentences,
            |statement, sentence| statement.execute((turn, sentence)),
        )?;
        Ok(())
    }

    /// Merges a bounded part of both full-text indexes, which learning leaves in many pieces.
    ///
    /// Source: `SQLite` documentation, "FTS5", section 6.8.
    pub(crate) fn merge_indexes(&self) -> Result<(), MemoryError> {
        self.insert(
            "turns_fts",
            "INSERT INTO turns_fts (turns_fts, rank) VALUES ('merge', ?1)",
            [MERGED_PAGES],
            |statement, pages| statement.execute([pages]),
        )?;
        self.insert(
            "windows_fts",
            "INSERT INTO windows_fts (windows_fts, rank) VALUES ('merge', ?1)",
            [MERGED_PAGES],
            |statement, pages| statement.execute([pages]),
        )?;
        Ok(())
    }
}
