//! The request to remember an exchange, and what was made of it.
//!
//! Invariants: a checked request has one or two turns, the user's first.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::check;
use crate::config::Limits;
use crate::error::InputError;

const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// Something that was said: by the user, by the assistant, or by both.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnRequest {
    /// The conversation that this belongs to; turns of one session are read in the order learned.
    pub session_id: String,
    /// What the user said.
    #[serde(default)]
    pub user_message: Option<String>,
    /// What the assistant answered.
    #[serde(default)]
    pub ai_response: Option<String>,
    /// Who said the user's message; `user` when missing.
    #[serde(default)]
    pub speaker: Option<String>,
    /// When it was said, as RFC 3339; now when missing.
    #[serde(default)]
    pub at: Option<String>,
    /// Anything that should come back with the turns, byte for byte.
    #[serde(default)]
    pub metadata: Option<Box<RawValue>>,
}

impl LearnRequest {
    /// Starts a request for a session.
    pub fn new(session_id: impl Into<String>) -> Self {
        Self {
            session_id: session_id.into(),
            ..Self::default()
        }
    }

    /// Sets what the user said.
    #[must_use]
    pub fn user_message(mut self, text: impl Into<String>) -> Self {
        self.user_message = Some(text.into());
        self
    }

    /// Sets what the assistant answered.
    #[must_use]
    pub fn ai_response(mut self, text: impl Into<String>) -> Self {
        self.ai_response = Some(text.into());
        self
    }

    /// Sets who said the user's message.
    #[must_use]
    pub fn speaker(mut self, name: impl Into<String>) -> Self {
        self.speaker = Some(name.into());
        self
    }

    /// Sets when it was said, as RFC 3339.
    #[must_use]
    pub fn at(mut self, time: impl Into<String>) -> Self {
        self.at = Some(time.into());
        self
    }

    /// Sets what should come back with the turns.
    #[must_use]
    pub fn metadata(mut self, metadata: Box<RawValue>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Checks the request and splits it into turns.
    pub(crate) fn turns(&self, limits: &Limits) -> Result<Vec<NewTurn<'_>>, InputError> {
        check::text("session_id", &self.session_id, limits.name_bytes)?;
        if let Some(speaker) = &self.speaker {
            check::text("speaker", speaker, limits.name_bytes)?;
        }
        if let Some(at) = &self.at {
            check::time("at", at)?;
        }
        check::metadata(self.metadata.as_deref(), limits.metadata_bytes)?;
        let user = self.turn("user_message", self.user_message.as_deref(), USER, limits)?;
        let assistant = self.turn(
            "ai_response",
            self.ai_response.as_deref(),
            ASSISTANT,
            limits,
        )?;
        let turns: Vec<_> = user.into_iter().chain(assistant).collect();
        if turns.is_empty() {
            return Err(InputError::NoText);
        }
        Ok(turns)
    }

    fn turn<'a>(
        &'a self,
        field: &'static str,
        text: Option<&'a str>,
        role: &'static str,
        limits: &Limits,
    ) -> Result<Option<NewTurn<'a>>, InputError> {
        let Some(text) = text else { return Ok(None) };
        check::text(field, text, limits.text_bytes)?;
        let named = self.speaker.as_deref().filter(|_| role == USER);
        Ok(Some(NewTurn {
            session_id: &self.session_id,
            speaker: named.unwrap_or(role),
            text,
            at: self.at.as_deref(),
            metadata: self.metadata.as_deref().map(RawValue::get),
        }))
    }
}

/// A checked turn, ready to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewTurn<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) speaker: &'a str,
    pub(crate) text: &'a str,
    pub(crate) at: Option<&'a str>,
    pub(crate) metadata: Option<&'a str>,
}

/// What was made of a [`LearnRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnResponse {
    /// The turns that were stored, the user's first.
    pub turn_ids: Vec<i64>,
    /// Different concepts mentioned.
    pub concepts_extracted: usize,
    /// Sentences that state a decision.
    pub decisions_detected: usize,
    /// Pairs of concepts that were seen together for the first time.
    pub links_created: usize,
    /// Multi-word concepts mentioned that had been mentioned before.
    pub compounds_found: usize,
}

/// Turns between two merges of the full-text indexes.
const MAINTENANCE_INTERVAL: i64 = 64;

impl LearnResponse {
    /// Whether it is time for [`TenantMemory::maintain_index`](crate::TenantMemory::maintain_index).
    pub fn is_maintenance_due(&self) -> bool {
        let mut ids = self.turn_ids.iter();
        ids.any(|id| id % MAINTENANCE_INTERVAL == 0)
    }
}
