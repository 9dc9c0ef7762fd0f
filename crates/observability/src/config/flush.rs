//! Waiting until everything recorded so far is delivered, with or without an async runtime.
//!
//! Position: between [`Telemetry`](super::Telemetry) and the recorder's core, whose export thread
//! serves the requests.
//!
//! Invariants:
//! - a recorder that is stopped refuses what comes later, also when nobody waited for the end;
//! - the futures need no runtime and no timer: the export thread wakes them.

use super::FlushError;
use crate::recorder::{Core, Recorder, Ticket, fork_epoch, prepare};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// Longer than anybody waits; stands for a time that the clock cannot hold.
const FOREVER: Duration = Duration::from_hours(365 * 24);

/// Whether a recorder set up by [`super::TelemetryBuilder`] runs in this process: one of those that follow, or the
/// process that sets one up, as its number of forks above them.
static ACTIVE: AtomicU64 = AtomicU64::new(NONE);

const NONE: u64 = 0;
const RUNS: u64 = 1;

/// Claims the one place for an active recorder; `false` when it is taken. What a process sets up is nothing to
/// the children that it forks before it is done.
pub(super) fn claim() -> bool {
    prepare();
    let claimed = ACTIVE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |known| {
        (!is_taken(known)).then(being_set_up)
    });
    claimed.is_ok()
}

/// Notes that the recorder for which the place was claimed runs.
pub(super) fn run() {
    ACTIVE.store(RUNS, Ordering::Release);
}

/// Whether a recorder is active.
pub(super) fn is_active() -> bool {
    is_taken(ACTIVE.load(Ordering::Acquire))
}

fn is_taken(known: u64) -> bool {
    known == RUNS || known == being_set_up()
}

fn being_set_up() -> u64 {
    RUNS + 1 + u64::from(fork_epoch())
}

/// Gives the place up.
fn end() {
    ACTIVE.store(NONE, Ordering::Release);
}

/// A request to the export thread.
#[derive(Debug)]
struct Request {
    core: &'static Core,
    ticket: Arc<Ticket>,
    deadline: Instant,
    timeout: Duration,
}

impl Request {
    fn new(
        recorder: &'static Recorder,
        timeout: Duration,
        ask: impl FnOnce(&Core, Instant) -> Arc<Ticket>,
    ) -> Option<Self> {
        let core = recorder.core()?;
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or_else(|| now + FOREVER);
        Some(Self {
            core,
            ticket: ask(core, deadline),
            deadline,
            timeout,
        })
    }

    fn wait(&self) -> Result<(), FlushError> {
        self.judge(self.core.wait(&self.ticket))
    }

    /// `None` while it is neither served nor overdue.
    fn poll(&self) -> Option<Result<(), FlushError>> {
        let delivered = self.ticket.delivered();
        let over = delivered.is_some() || Instant::now() >= self.deadline;
        over.then(|| self.judge(delivered))
    }

    /// Says what was lost: when it was served, at its deadline, or when nobody waits any more.
    fn say_losses(&self) {
        match self.poll() {
            Some(Err(FlushError::TimedOut { timeout })) => self.core.say_losses(Some(timeout)),
            Some(_) => self.core.say_losses(None),
            None if self.core.undelivered() > 0 => {
                let left = self.deadline.saturating_duration_since(Instant::now());
                self.core
                    .say_losses(Some(self.timeout.saturating_sub(left)));
            }
            None => {}
        }
    }

    fn judge(&self, delivered: Option<bool>) -> Result<(), FlushError> {
        match delivered {
            Some(true) => Ok(()),
            Some(false) => Err(FlushError::SpansLost),
            None => Err(FlushError::TimedOut {
                timeout: self.timeout,
            }),
        }
    }
}

/// Resolves when everything recorded before is delivered; made by
/// [`TelemetryHandle::force_flush_async`](super::TelemetryHandle::force_flush_async).
///
/// The request is made at once, polled or not. While the future waits, a thread of its own looks
/// after the deadline, so that no runtime is needed.
///
/// # Cancel safety
///
/// Dropping the future stops the waiting, not the delivery.
#[derive(Debug)]
#[must_use = "the flush goes on without being awaited, but its outcome is lost"]
pub struct Flush {
    request: Option<Request>,
    waker: Option<Waker>,
}

impl Flush {
    pub(super) fn of(recorder: Option<&'static Recorder>, timeout: Duration) -> Self {
        let flush = |recorder| Request::new(recorder, timeout, Core::request_flush);
        Self {
            request: recorder.and_then(flush),
            waker: None,
        }
    }

    pub(super) fn wait(&self) -> Result<(), FlushError> {
        self.request.as_ref().map_or(Ok(()), Request::wait)
    }
}

impl Future for Flush {
    type Output = Result<(), FlushError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(request) = &this.request else {
            return Poll::Ready(Ok(()));
        };
        if let Some(outcome) = request.poll() {
            return Poll::Ready(outcome);
        }
        if !this
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()))
        {
            // Before the outcome is looked at: one that comes in between wakes the task again.
            request.core.register(&request.ticket, cx.waker());
            this.waker = Some(cx.waker().clone());
        }
        request.poll().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Resolves to the number of spans that were written out of the flight recorder; made by
/// [`TelemetryHandle::snapshot_async`](super::TelemetryHandle::snapshot_async).
///
/// Otherwise like [`Flush`], also when it is dropped.
#[derive(Debug)]
#[must_use = "the snapshot is written without being awaited, but its outcome is lost"]
pub struct Snapshot {
    flush: Flush,
}

impl Snapshot {
    pub(super) fn of(recorder: Option<&'static Recorder>, timeout: Duration) -> Self {
        let ask = |recorder| Request::new(recorder, timeout, Core::request_snapshot);
        Self {
            flush: Flush {
                request: recorder.and_then(ask),
                waker: None,
            },
        }
    }

    pub(super) fn wait(&self) -> Result<u64, FlushError> {
        self.flush.wait().map(|()| self.recovered())
    }

    fn recovered(&self) -> u64 {
        let request = self.flush.request.as_ref();
        request.map_or(0, |request| request.ticket.recovered())
    }
}

impl Future for Snapshot {
    type Output = Result<u64, FlushError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let done = Pin::new(&mut self.flush).poll(cx);
        done.map_ok(|()| self.recovered())
    }
}

/// Resolves when everything is delivered and the export thread has stopped; made by
/// [`Telemetry::shutdown_async`](super::Telemetry::shutdown_async).
///
/// # Cancel safety
///
/// Dropping the future stops the waiting: what is not yet delivered may still be until the deadline,
/// what ends later is counted as dropped.
#[derive(Debug)]
#[must_use = "dropped, it does not wait for the spans to be delivered"]
pub struct Shutdown {
    flush: Flush,
}

impl Shutdown {
    /// Stops the recorder; `None` has nothing to stop.
    pub(super) fn of(recorder: Option<&'static Recorder>, timeout: Duration) -> Self {
        let stop = |recorder: &'static Recorder| {
            recorder.uninstall();
            let request = Request::new(recorder, timeout, Core::request_stop);
            if request.is_none() {
                end();
            }
            request
        };
        Self {
            flush: Flush {
                request: recorder.and_then(stop),
                waker: None,
            },
        }
    }

    pub(super) fn wait(&self) -> Result<(), FlushError> {
        self.flush.wait()
    }
}

impl Future for Shutdown {
    type Output = Result<(), FlushError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.flush).poll(cx)
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        if let Some(request) = &self.flush.request {
            request.core.close();
            request.say_losses();
            end();
        }
    }
}
