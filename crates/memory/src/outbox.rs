//! What a tenant's memory has promised to tell another node.
//!
//! Position: `learn` adds to it in its own transaction; a worker claims jobs here, sends each as a
//! [`SyncEntry`] and says what became of it.
//!
//! Invariants:
//! - a job exists exactly when its turns do: both are one transaction;
//! - a job carries the trace of the learn that made it;
//! - what was received from another node is never promised to anybody, so that nothing goes round;
//! - a job that was given up is kept: only somebody who knows why can say what becomes of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use continuum_observability::layers::messaging::trace_publish;
use continuum_observability::semconv::attribute;
use continuum_observability::{Carrier, create_carrier_from_span};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::MemoryError;
use crate::memory::Inner;
use crate::request::{SyncEntry, SyncTurn};
use crate::store::{TurnId, Writer};
use crate::tenant::{TenantId, TenantScope};

/// Dead letters that are shown at once.
const SHOWN_DEAD_LETTERS: usize = 100;

/// The outbox of one tenant.
#[derive(Clone)]
pub struct Outbox {
    memory: Arc<Inner>,
    scope: TenantScope,
}

/// Something to be told, claimed by this process.
#[derive(Debug, Clone)]
pub struct Job {
    /// The number of the job, never used twice for a tenant.
    pub id: i64,
    /// How often it was claimed, this time included.
    pub attempts: u32,
    /// The trace of the learn that made it.
    pub carrier: Carrier,
    pub(crate) turn_ids: Vec<TurnId>,
}

/// A look into an outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxStatus {
    /// Jobs that will be tried, again or for the first time.
    pub waiting: i64,
    /// Jobs that were given up, the latest first; a hundred at most.
    pub dead: Vec<DeadLetter>,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The number of the entry that was to be sent.
    pub entry_id: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt did not succeed.
    pub last_error: String,
    /// The trace of the learn that made it.
    pub carrier: Carrier,
}

impl Outbox {
    pub(crate) fn new(memory: Arc<Inner>, scope: TenantScope) -> Self {
        Self { memory, scope }
    }

    /// Whose outbox it is.
    pub fn tenant(&self) -> &TenantId {
        self.scope.tenant()
    }

    /// Takes jobs that are due, oldest first.
    ///
    /// A job that is neither finished, postponed, released nor buried comes back by itself.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; nothing was claimed.
    pub fn claim(&self, limit: usize) -> Result<Vec<Job>, MemoryError> {
        self.change(|writer| writer.claim_jobs(limit))
    }

    /// In what time the next job is due; `None` when there is none.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store cannot be read.
    pub fn next_due(&self) -> Result<Option<Duration>, MemoryError> {
        let store = &self.memory.store;
        // Before the look: a learn that promises something meanwhile puts the tenant back.
        store.promised().remove(self.tenant());
        let looked = store.read(&self.scope, |reader| Ok(reader.waiting_jobs()?.1));
        if !matches!(looked, Ok(None)) {
            store.promised().insert(self.tenant().clone());
        }
        let millis = looked?.map(|millis| u64::try_from(millis).unwrap_or_default());
        Ok(millis.map(Duration::from_millis))
    }

    /// What is to be sent for a job; `None` when its turns are gone.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store cannot be read.
    pub fn entry(&self, job: &Job) -> Result<Option<SyncEntry>, MemoryError> {
        let store = &self.memory.store;
        let mut turns = store.read(&self.scope, |reader| reader.turns(&job.turn_ids))?;
        turns.sort_by_key(|turn| turn.id);
        let Some(first) = turns.first() else {
            return Ok(None);
        };
        Ok(Some(SyncEntry {
            origin: store.instance().to_owned(),
            entry_id: job.id,
            tenant: self.tenant().as_str().to_owned(),
            session_id: first.session_id.clone(),
            turns: turns
                .into_iter()
                .map(|turn| SyncTurn {
                    speaker: turn.speaker,
                    text: turn.text,
                    at: turn.at,
                    metadata: turn
                        .metadata
                        .and_then(|json| RawValue::from_string(json).ok()),
                })
                .collect(),
        }))
    }

    /// Forgets a job that is done.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; the job comes back.
    pub fn finish(&self, job: &Job) -> Result<(), MemoryError> {
        self.change(|writer| writer.delete_job(job.id))
    }

    /// Puts a job off and keeps the reason.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; the job comes back all the same.
    pub fn postpone(&self, job: &Job, delay: Duration, reason: &str) -> Result<(), MemoryError> {
        self.change(|writer| writer.postpone_job(job.id, delay, reason))
    }

    /// Gives a job back that was not tried: it is due, and this claim does not count.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; the job comes back later.
    pub fn release(&self, job: &Job) -> Result<(), MemoryError> {
        self.change(|writer| writer.release_job(job.id))
    }

    /// Gives a job up: it is kept as a dead letter and not claimed until it is revived.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; the job comes back.
    pub fn bury(&self, job: &Job, reason: &str) -> Result<(), MemoryError> {
        self.change(|writer| writer.bury_job(job.id, reason))
    }

    /// Makes every dead letter a job again that is due, and says how many there were.
    ///
    /// Such a job is tried as often as any other that was tried once.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses; the dead letters are as they were.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is tied to one lifetime of the writer"
    )]
    pub fn revive(&self) -> Result<usize, MemoryError> {
        let revived = self.change(|writer| writer.revive_jobs())?;
        let store = &self.memory.store;
        store.promised().insert(self.tenant().clone());
        Ok(revived)
    }

    /// Makes every job that was put off, or under way when the program ended, due at once.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store refuses.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is tied to one lifetime of the writer"
    )]
    pub fn hasten(&self) -> Result<(), MemoryError> {
        self.change(|writer| writer.hasten_jobs())
    }

    /// Counts what is waiting and shows what was given up.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when the store cannot be read.
    pub fn status(&self) -> Result<OutboxStatus, MemoryError> {
        self.memory.store.read(&self.scope, |reader| {
            Ok(OutboxStatus {
                waiting: reader.waiting_jobs()?.0,
                dead: reader.dead_letters(SHOWN_DEAD_LETTERS)?,
            })
        })
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&Writer<'_>) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        self.memory.store.write_aside(&self.scope, change)
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("tenant", self.tenant())
            .finish_non_exhaustive()
    }
}

/// Promises, in the transaction of a learn, to tell another node about its turns.
pub(crate) fn promise(writer: &Writer<'_>, turns: &[TurnId]) -> Result<(), MemoryError> {
    trace_publish("outbox")
        .system("continuum")
        .tenant_id(writer.tenant())
        .run_sync(|span| {
            let job = writer.insert_job(turns, &create_carrier_from_span(span))?;
            span.set_attribute(attribute::MESSAGING_MESSAGE_ID, job.to_string());
            Ok(())
        })
}
