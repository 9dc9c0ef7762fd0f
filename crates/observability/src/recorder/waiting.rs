//! Waiting for the export thread: who asked for a flush or the shutdown, and what they are told.
//!
//! Position: between `config::flush`, which asks, and `export::worker`, which does it.
//!
//! Invariants:
//! - a caller waits until its own deadline, and the export thread does not hurry for it;
//! - what was asked for before a round ended with a loss is told of that loss.

use super::{
    core::{Core, Queue},
    ticket::{Ticket, wake},
};
use std::{
    sync::{Arc, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

/// From this number of tickets on, those nobody waits for are thrown away.
const MANY_TICKETS: usize = 64;

impl Core {
    /// Asks for a round.
    pub(crate) fn request_flush(&self, deadline: Instant) -> Arc<Ticket> {
        self.request(&mut self.lock(), deadline, false)
    }

    /// Asks for a round that also writes out what the flight recorder holds.
    pub(crate) fn request_snapshot(&self, deadline: Instant) -> Arc<Ticket> {
        self.request(&mut self.lock(), deadline, true)
    }

    /// Asks for the last round, after which everything is refused.
    pub(crate) fn request_stop(&self, deadline: Instant) -> Arc<Ticket> {
        let mut queue = self.lock();
        queue.stop.get_or_insert(deadline);
        self.request(&mut queue, deadline, false)
    }

    fn request(&self, queue: &mut Queue, deadline: Instant, wants_snapshot: bool) -> Arc<Ticket> {
        queue.requested += 1;
        let ticket = Arc::new(Ticket::new(queue.requested, deadline, wants_snapshot));
        if let Some(failed) = queue.stopped_with_failure {
            ticket.resolve(failed, 0);
            return ticket;
        }
        if queue.tickets.len() >= MANY_TICKETS {
            queue.tickets.retain(|known| Arc::strong_count(known) > 1);
        }
        queue.tickets.push(ticket.clone());
        self.wake.notify_all();
        ticket
    }

    /// Until when the export thread has to be done, once the shutdown was asked for.
    pub(crate) fn stop_deadline(&self) -> Option<Instant> {
        self.lock().stop
    }

    /// Ends a round: tells those that it was made for.
    pub(crate) fn complete(&self, request: u64, failed: bool, recovered: u64) {
        let queue = self.lock();
        let is_served = |ticket: &Ticket| ticket.number <= request;
        self.resolve(queue, is_served, (failed, recovered));
    }

    /// Tells everybody that nothing will be exported any more.
    pub(crate) fn complete_last(&self, failed: bool, recovered: u64) {
        let mut queue = self.lock();
        queue.stopped_with_failure = Some(failed);
        self.resolve(queue, |_| true, (failed, recovered));
    }

    fn resolve(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        is_served: impl Fn(&Ticket) -> bool,
        (failed, recovered): (bool, u64),
    ) {
        let tickets = std::mem::take(&mut queue.tickets);
        let (served, waiting): (Vec<_>, Vec<_>) =
            tickets.into_iter().partition(|ticket| is_served(ticket));
        for ticket in &served {
            ticket.resolve(failed, recovered);
        }
        if failed {
            for ticket in &waiting {
                ticket.fail();
            }
        }
        queue.tickets = waiting;
        drop(queue);
        self.done.notify_all();
        wake(served.iter().filter_map(|ticket| ticket.take_waker()));
    }

    /// Blocks until the ticket is served or its deadline has passed.
    pub(crate) fn wait(&self, ticket: &Ticket) -> Option<bool> {
        let mut queue = self.lock();
        loop {
            if let Some(delivered) = ticket.delivered() {
                return Some(delivered);
            }
            let left = ticket.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            queue = self
                .done
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Has `waker` woken when the ticket is served or its deadline has passed.
    pub(crate) fn register(&'static self, ticket: &Ticket, waker: &Waker) {
        let mut queue = self.lock();
        ticket.set_waker(waker);
        let watched = std::mem::replace(&mut queue.is_watched, true);
        drop(queue);
        if watched {
            return self.done.notify_all();
        }
        let watch = || self.watch_deadlines();
        let thread = std::thread::Builder::new().name("continuum-wait".into());
        if thread.spawn(watch).is_err() {
            // The task is still woken when the ticket is served.
            self.lock().is_watched = false;
        }
    }

    /// Wakes the tasks whose deadline has passed, until no task waits: a future has no timer, and the
    /// export thread may be busy.
    fn watch_deadlines(&self) {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            let overdue = queue.tickets.iter().filter(|ticket| ticket.deadline <= now);
            let wakers: Vec<_> = overdue.filter_map(|ticket| ticket.take_waker()).collect();
            if !wakers.is_empty() {
                drop(queue);
                wake(wakers);
                queue = self.lock();
                continue;
            }
            let waited_for = queue.tickets.iter().filter_map(|t| t.watched_deadline());
            let Some(next) = waited_for.min() else {
                queue.is_watched = false;
                return;
            };
            queue = self
                .done
                .wait_timeout(queue, next.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Sleeps while sending is to be tried again; `false` when shutdown came meanwhile.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        let mut queue = self.lock();
        while queue.stop.is_none_or(|stop| stop > until) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            queue = self
                .wake
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }
}
