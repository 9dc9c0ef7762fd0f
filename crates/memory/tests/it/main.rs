//! The memory service on real files, through its public doors.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod atomicity;
mod cache;
mod isolation;
mod languages;
mod lifecycle;
mod outbox;
mod ranking;
mod requests;
mod spans;
mod sync;

use continuum_memory::{LearnRequest, Memory, MemoryConfig, TenantId, TenantMemory};
use tempfile::TempDir;

/// A memory in a directory of its own, and the handle of its tenant `acme`.
fn acme() -> (TempDir, Memory, TenantMemory) {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    let tenant = memory.tenant(TenantId::new("acme").unwrap());
    (dir, memory, tenant)
}

/// Learns one message of the session `s` and returns its turn.
fn say(tenant: &TenantMemory, text: &str) -> i64 {
    tenant
        .learn(&LearnRequest::new("s").user_message(text))
        .unwrap()
        .turn_ids[0]
}
