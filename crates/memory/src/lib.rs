//! Learn and recall for many tenants: turns, concepts and links in `SQLite`.
//!
//! The modules in the order the data flows: `tenant` says whose memory it is, `request` is what
//! callers send and get, `extract` finds concepts and decisions in text, `store` keeps them, `learn`
//! writes and `recall` ranks, `cache` remembers answers; `outbox` is what another node is to be told, and
//! `sync` takes what another node tells.
//!
//! Invariants:
//! - each tenant is one file, and nothing in the store can be called without a tenant's scope;
//! - a learn is one transaction: all of it is kept, or nothing;
//! - text of a user is never part of SQL, of the search syntax, of a span or of an error.
//!
//! Every call blocks; asynchronous callers use their runtime's `spawn_blocking`.
//!
//! # Examples
//!
//! ```
//! use continuum_memory::{LearnRequest, Memory, MemoryConfig, RecallRequest, TenantId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let memory = Memory::open(dir.path(), MemoryConfig::default())?;
//! let tenant = memory.tenant(TenantId::new("acme")?);
//!
//! tenant.learn(&LearnRequest::new("kick-off").user_message("We decided to store turns in SQLite."))?;
//! let answer = tenant.recall(&RecallRequest::new("where do we store turns?"))?;
//!
//! assert_eq!(answer.turns[0].text, "We decided to store turns in SQLite.");
//! # Ok(())
//! # }
//! ```

mod cache;
mod config;
mod error;
mod extract;
mod learn;
mod memory;
mod outbox;
mod recall;
mod request;
mod store;
mod sync;
mod tenant;

pub use config::{Limits, MemoryConfig, RecallConfig};
pub use error::{InputError, MemoryError};
pub use memory::{Memory, TenantMemory};
pub use outbox::{DeadLetter, Job, Outbox, OutboxStatus};
pub use request::{
    CacheOutcome, Concept, ConceptKind, EmptyReason, LearnRequest, LearnResponse, RecallRequest,
    RecallResponse, RecalledTurn, Relationship, Signals, Stats, SyncEntry, SyncOutcome,
    SyncResponse, SyncTurn,
};
pub use tenant::{ApiKeys, PeerKey, TenantId};
