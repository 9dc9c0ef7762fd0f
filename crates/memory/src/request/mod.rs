//! What callers send and what they get back.
//!
//! Position: between the callers (HTTP, the demo, tests) and `learn` and `recall`. The serde names are
//! the names of the HTTP API.
//!
//! Invariants: a request is checked before anything is read or written; unknown fields are refused,
//! because a misspelt `user_message` would otherwise be lost in silence.

mod check;
mod learn;
mod recall;
mod search_syntax;
mod sync;

pub(crate) use learn::NewTurn;
pub use learn::{LearnRequest, LearnResponse};
pub use recall::{
    CacheOutcome, Concept, ConceptKind, EmptyReason, RecallRequest, RecallResponse, RecalledTurn,
    Relationship, Signals, Stats,
};
pub use sync::{SyncEntry, SyncOutcome, SyncResponse, SyncTurn};
