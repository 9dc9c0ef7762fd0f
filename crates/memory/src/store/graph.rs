//! Queries about concepts and the links between them.
//!
//! Position: `recall` starts at the concepts of the question and follows links from here.
//!
//! Invariants: every query is bounded, whatever the number of links of a concept.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use super::search::{Reader, TurnId, json_list, sql_count};
use crate::error::MemoryError;
use crate::request::ConceptKind;

/// The id of a concept.
pub(crate) type EntityId = i64;

/// A concept as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) name: String,
    pub(crate) kind: ConceptKind,
    pub(crate) mentions: i64,
}

/// How often two concepts were mentioned in the same turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) from: EntityId,
    pub(crate) to: EntityId,
    pub(crate) strength: i64,
}

/// A turn that mentions a concept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) entity: EntityId,
    pub(crate) turn: TurnId,
}

impl Reader<'_> {
    /// The concepts with these keys.
    pub(crate) fn entities_by_key(&self, keys: &[String]) -> Result<Vec<Entity>, MemoryError> {
        self.select(
            "entities",
            "SELECT id, name, kind, mentions FROM entities
             WHERE key IN (SELECT value FROM json_each(?1)) ORDER BY id",
            [json_list(keys)],
            entity,
        )
    }

    /// The concepts with these ids.
    pub(crate) fn entities(&self, ids: &[EntityId]) -> Result<Vec<Entity>, MemoryError> {
        self.select(
            "entities",
            "SELECT id, name, kind, mentions FROM entities
             WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id",
            [json_list(ids)],
            entity,
        )
    }

    /// Links that leave these concepts, those first that say most about the far end.
    ///
    /// A concept that is mentioned everywhere is linked to everything, hence the division.
    pub(crate) fn links_from(
        &self,
        ids: &[EntityId],
        limit: usize,
    ) -> Result<Vec<Link>, MemoryError> {
        self.select(
            "attention_links",
            "SELECT from_id, to_id, strength FROM attention_links
             JOIN entities ON entities.id = to_id
             WHERE from_id IN (SELECT value FROM json_each(?1))
             ORDER BY strength * 1.0 / (mentions + 4) DESC, to_id LIMIT ?2",
            (json_list(ids), sql_count(limit)),
            link,
        )
    }

    /// Links among these concepts, strongest first.
    pub(crate) fn links_among(
        &self,
        ids: &[EntityId],
        limit: usize,
    ) -> Result<Vec<Link>, MemoryError> {
        self.select(
            "attention_links",
            "SELECT from_id, to_id, strength FROM attention_links
             WHERE from_id IN (SELECT value FROM json_each(?1))
               AND to_id IN (SELECT value FROM json_each(?1)) AND from_id < to_id
             ORDER BY strength DESC, from_id, to_id LIMIT ?2",
            (json_list(ids), sql_count(limit)),
            link,
        )
    }

    /// Turns that mention these concepts, newest first.
    pub(crate) fn mentions(
        &self,
        ids: &[EntityId],
        limit: usize,
    ) -> Result<Vec<Mention>, MemoryError> {
        self.select(
            "entity_turns",
            "SELECT entity_id, turn_id FROM entity_turns
             WHERE entity_id IN (SELECT value FROM json_each(?1))
             ORDER BY turn_id DESC, entity_id LIMIT ?2",
            (json_list(ids), sql_count(limit)),
            |row| {
                Ok(Mention {
                    entity: row.get(0)?,
                    turn: row.get(1)?,
                })
            },
        )
    }
}

fn entity(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entity> {
    Ok(Entity {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        mentions: row.get(3)?,
    })
}

fn link(row: &rusqlite::Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link {
        from: row.get(0)?,
        to: row.get(1)?,
        strength: row.get(2)?,
    })
}

const KIND_NAMES: [(ConceptKind, &str); 5] = [
    (ConceptKind::Term, "term"),
    (ConceptKind::Compound, "compound"),
    (ConceptKind::Name, "name"),
    (ConceptKind::Code, "code"),
    (ConceptKind::Quoted, "quoted"),
];

impl ToSql for ConceptKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let name = KIND_NAMES
            .iter()
            .find(|(kind, _)| kind == self)
            .map_or("term", |(_, name)| name);
        Ok(ToSqlOutput::from(name))
    }
}

impl FromSql for ConceptKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let stored = value.as_str()?;
        let known = KIND_NAMES.iter().find(|(_, name)| *name == stored);
        known
            .map(|(kind, _)| *kind)
            .ok_or(FromSqlError::InvalidType)
    }
}
