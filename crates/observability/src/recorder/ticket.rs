//! What somebody holds who waits for the export thread: for a flush, or for the shutdown.
//!
//! Position: given out and resolved by the core, under the lock of its queue.
//!
//! Invariant: a ticket is resolved once, with the outcome of everything that was exported between its
//! request and its round; later rounds do not change it.

use super::registry::locked;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    task::Waker,
    time::Instant,
};

/// A request to the export thread.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(super) number: u64,
    pub(super) deadline: Instant,
    /// Whether it asks for what the flight recorder holds.
    pub(super) wants_snapshot: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a round failed that was under way when this one was asked for.
    failed: bool,
    delivered: Option<bool>,
    /// How many spans its round wrote out of the flight recorder.
    recovered: u64,
    waker: Option<Waker>,
}

impl Ticket {
    pub(super) fn new(number: u64, deadline: Instant, wants_snapshot: bool) -> Self {
        Self {
            number,
            deadline,
            wants_snapshot,
            state: Mutex::default(),
        }
    }

    /// Whether it is served, and if so, whether everything was delivered.
    pub(crate) fn delivered(&self) -> Option<bool> {
        locked(&self.state).delivered
    }

    /// Notes that spans were lost which were recorded before the request.
    pub(super) fn fail(&self) {
        locked(&self.state).failed = true;
    }

    /// How many spans were written out of the flight recorder, once it is served.
    pub(crate) fn recovered(&self) -> u64 {
        locked(&self.state).recovered
    }

    pub(super) fn resolve(&self, failed: bool, recovered: u64) {
        let mut state = locked(&self.state);
        state.recovered = recovered;
        state.delivered = Some(!failed && !state.failed);
    }

    pub(super) fn set_waker(&self, waker: &Waker) {
        locked(&self.state).waker = Some(waker.clone());
    }

    pub(super) fn take_waker(&self) -> Option<Waker> {
        locked(&self.state).waker.take()
    }

    /// The deadline, if a task waits for it.
    pub(super) fn watched_deadline(&self) -> Option<Instant> {
        locked(&self.state).waker.as_ref().map(|_| self.deadline)
    }
}

/// Wakes tasks; a runtime that panics then loses its wake-up only.
pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let _panicked = catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err();
    }
}
