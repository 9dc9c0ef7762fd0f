//! Remembers what another node has learned.
//!
//! Position: request → **here** → `learn` and store.
//!
//! Invariants: an entry is stored once, however often it comes, because the note of it and its turns are
//! one transaction; of two entries with the same number the first is kept.

use continuum_observability::layers::federation::record_conflict_resolution;

use crate::error::MemoryError;
use crate::learn::{extract_all, write};
use crate::request::{NewTurn, SyncEntry, SyncOutcome, SyncResponse};
use crate::store::{Receipt, Store};
use crate::tenant::TenantScope;

/// Stores the checked turns of an entry unless it is known.
pub(crate) fn receive(
    store: &Store,
    scope: &TenantScope,
    entry: &SyncEntry,
    turns: &[NewTurn<'_>],
) -> Result<SyncResponse, MemoryError> {
    let extracted = extract_all(scope, turns);
    let content_hash = entry.content_hash();
    let response = store.write(scope, |writer| {
        let outcome = match writer.note_entry(entry, &content_hash)? {
            Receipt::Known => SyncOutcome::Known,
            Receipt::Different => SyncOutcome::Conflict,
            Receipt::New => SyncOutcome::Stored,
        };
        let stored = match outcome {
            SyncOutcome::Stored => write(writer, turns, &extracted)?.concepts_extracted,
            SyncOutcome::Known | SyncOutcome::Conflict => 0,
        };
        Ok(SyncResponse {
            outcome,
            concepts_extracted: stored,
            instance_id: store.instance().to_owned(),
        })
    })?;
    if response.outcome == SyncOutcome::Conflict {
        record_conflict_resolution("entry_differs", "keep_first");
    }
    Ok(response)
}
