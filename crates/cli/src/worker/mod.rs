//! The worker of the service: tells another node what was learned, and what need not hold up an answer.
//!
//! Position: `http` wakes it after a learn. `delivery` takes jobs from the outboxes of
//! `continuum-memory`, `retry` decides when to try again, [`Peer`] is the other node; `background` runs short
//! tasks of requests.
//!
//! Invariants:
//! - a job is forgotten only after the other node has answered that it is stored there;
//! - while the other node is away, one job at a time finds out whether it is back, and the others wait untried;
//! - asked to stop, the worker finishes the job under way and leaves the others in their outboxes.

mod background;
mod delivery;
mod peer;
mod retry;

use std::{sync::Arc, time::Duration};

use continuum_memory::{Memory, MemoryError, Outbox};
use continuum_observability::{Context, FutureExt as _, spawn_blocking};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

pub(crate) use background::Background;
pub use peer::Peer;
pub use retry::{Backoff, RetryPolicy};

/// Jobs that are claimed at once.
const BATCH: usize = 16;

/// How long the worker sleeps when nothing is waiting and nobody wakes it.
const IDLE: Duration = Duration::from_hours(1);

/// When an outbox is looked at again that could not be read.
const UNUSABLE: Duration = Duration::from_mins(1);

/// Delivers the outboxes of a memory to another node.
#[derive(Debug, Clone)]
pub struct Worker {
    memory: Memory,
    peer: Arc<Peer>,
    wake: Arc<Notify>,
    policy: RetryPolicy,
}

/// What came of one look at all outboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Jobs that the other node has.
    pub delivered: usize,
    /// Jobs that will be tried again, or were given up.
    pub failed: usize,
    /// Whether the other node can be talked to.
    pub is_peer_up: bool,
    /// When the next job is due.
    pub next_due: Option<Duration>,
}

impl Worker {
    pub(crate) fn new(memory: Memory, peer: Arc<Peer>, wake: Arc<Notify>) -> Self {
        Self {
            memory,
            peer,
            wake,
            policy: RetryPolicy::default(),
        }
    }

    /// Sets how often and when a delivery is tried again.
    #[must_use]
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Delivers what is promised until `stop` becomes true or its sender is gone.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        self.hasten().await;
        let mut failures = 0;
        while !*stop.borrow() {
            let pass = self.deliver_due(&stop).await;
            failures = if pass.is_peer_up { 0 } else { failures + 1 };
            let pause = match failures {
                0 => sleep(pass.next_due.unwrap_or(IDLE)),
                failures => sleep(self.policy.probe_delay(failures)),
            };
            tokio::select! {
                changed = stop.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
                // A node that is away is not asked again for each learn.
                () = self.wake.notified(), if failures == 0 => {}
                () = pause => {}
            }
        }
    }

    /// Looks at every outbox once and delivers what is due, until the other node turns out to be away or
    /// `stop` becomes true.
    pub async fn deliver_due(&self, stop: &watch::Receiver<bool>) -> Pass {
        let mut pass = Pass {
            delivered: 0,
            failed: 0,
            is_peer_up: true,
            next_due: None,
        };
        for outbox in self.memory.outboxes() {
            if !pass.goes_on(stop) {
                break;
            }
            if let Err(error) = self.empty(&outbox, stop, &mut pass).await {
                // One tenant's file that cannot be used does not hold up the others.
                tracing::warn!(tenant = %outbox.tenant(), error, "an outbox cannot be used");
                pass.look_again_in(UNUSABLE);
            }
        }
        pass
    }

    /// Delivers from one outbox until nothing is due.
    async fn empty(
        &self,
        outbox: &Outbox,
        stop: &watch::Receiver<bool>,
        pass: &mut Pass,
    ) -> Result<(), String> {
        while pass.goes_on(stop) {
            let jobs = aside(outbox, |outbox| outbox.claim(BATCH)).await?;
            if jobs.is_empty() {
                break;
            }
            self.deliver(outbox, jobs, stop, pass).await;
        }
        if let Some(due) = aside(outbox, Outbox::next_due).await? {
            pass.look_again_in(due);
        }
        Ok(())
    }

    /// What an earlier process left under way or put off is due now.
    async fn hasten(&self) {
        for outbox in self.memory.outboxes() {
            if let Err(error) = aside(&outbox, Outbox::hasten).await {
                tracing::warn!(tenant = %outbox.tenant(), error, "an outbox cannot be used");
            }
        }
    }
}

impl Pass {
    /// Whether the next job may be tried.
    fn goes_on(&self, stop: &watch::Receiver<bool>) -> bool {
        self.is_peer_up && !*stop.borrow()
    }

    fn look_again_in(&mut self, due: Duration) {
        self.next_due = self.next_due.into_iter().chain([due]).min();
    }
}

/// Work on an outbox that belongs to no trace: looking whether there is something to do.
async fn aside<T: Send + 'static>(
    outbox: &Outbox,
    work: impl FnOnce(&Outbox) -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, String> {
    let outbox = outbox.clone();
    let silent = Context::root().with_telemetry_disabled();
    let done = async { spawn_blocking(move || work(&outbox)).await };
    match done.with_context(silent).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(crashed) => Err(crashed.to_string()),
    }
}
