//! What one node tells another, and what the other made of it.
//!
//! Position: made by [`Outbox::entry`](crate::Outbox::entry), sent as JSON, taken by
//! [`Memory::receive`](crate::Memory::receive).
//!
//! Invariants:
//! - an entry is checked like a learn; which tenant it may be for is decided by the key of the sender
//!   and not by the entry;
//! - fields that are not known are passed over, so that a newer node can tell an older one.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{NewTurn, check};
use crate::config::Limits;
use crate::error::InputError;

/// A learn makes two turns at most.
const MAX_TURNS: usize = 2;

/// Turns that were learned by another node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncEntry {
    /// The instance that learned them.
    pub origin: String,
    /// The number of the entry there; with `origin` it tells one entry from every other.
    pub entry_id: i64,
    /// Whose memory they belong to.
    pub tenant: String,
    /// The conversation that they belong to.
    pub session_id: String,
    /// One or two turns, in the order in which they were said.
    pub turns: Vec<SyncTurn>,
}

/// A turn as it was stored by the node that learned it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncTurn {
    /// Who said it.
    pub speaker: String,
    /// What was said.
    pub text: String,
    /// When it was said, as RFC 3339.
    pub at: String,
    /// What should come back with the turn, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

/// What a node made of a [`SyncEntry`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncResponse {
    /// Whether it was stored.
    pub outcome: SyncOutcome,
    /// Different concepts mentioned in what was stored.
    pub concepts_extracted: usize,
    /// The instance that answers.
    pub instance_id: String,
}

/// Whether an entry was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncOutcome {
    /// It was new and is kept.
    Stored,
    /// It had been stored before; nothing changed.
    Known,
    /// Another entry has its number; that one was kept and nothing changed.
    Conflict,
}

impl SyncEntry {
    /// Checks the entry and returns its turns.
    pub(crate) fn checked_turns(&self, limits: &Limits) -> Result<Vec<NewTurn<'_>>, InputError> {
        check::text("origin", &self.origin, limits.name_bytes)?;
        check::text("session_id", &self.session_id, limits.name_bytes)?;
        check::range("turns", self.turns.len(), 1, MAX_TURNS)?;
        self.turns
            .iter()
            .map(|turn| self.turn(turn, limits))
            .collect()
    }

    fn turn<'a>(&'a self, turn: &'a SyncTurn, limits: &Limits) -> Result<NewTurn<'a>, InputError> {
        check::text("speaker", &turn.speaker, limits.name_bytes)?;
        check::text("text", &turn.text, limits.text_bytes)?;
        check::time("at", &turn.at)?;
        check::metadata(turn.metadata.as_deref(), limits.metadata_bytes)?;
        Ok(NewTurn {
            session_id: &self.session_id,
            speaker: &turn.speaker,
            text: &turn.text,
            at: Some(&turn.at),
            metadata: turn.metadata.as_deref().map(RawValue::get),
        })
    }

    /// A hash of everything that is stored.
    pub(crate) fn content_hash(&self) -> [u8; 32] {
        let content = (&self.session_id, &self.turns);
        // JSON is unambiguous, and these types have no key that is not a string.
        Sha256::digest(serde_json::to_vec(&content).unwrap_or_default()).into()
    }
}
