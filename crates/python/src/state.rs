//! [`State`]: what the object of a span holds.
//!
//! Position: inside of `Span`, which gives it to Python.
//!
//! Invariants:
//! - an exception is recorded once, though the user and the scope both see it;
//! - what is kept of Python is shown to the collector, so that a forgotten span ends too, where no
//!   scope in the same cycle holds it;
//! - while the end of a span waits, other threads of the interpreter run; one that cannot wait keeps
//!   the interpreter's lock.

use crate::{
    exception::{self, Outcome},
    telemetry,
};
use continuum_observability::{Context, Span, SpanRef, Status};
use pyo3::{PyTraverseError, PyVisit, prelude::*};
use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

/// What a span object holds once it stands for a span.
#[derive(Debug)]
pub(crate) struct State {
    held: Held,
    /// Whether what is set on the span may be kept.
    is_recorded: bool,
    /// The API's object that the context's baggage was read from.
    pub(crate) baggage: Option<Py<PyAny>>,
    /// The identity as the API has it, once somebody has asked.
    pub(crate) identity: OnceLock<Py<PyAny>>,
    /// Exceptions that were recorded, kept until the span ends.
    recorded: Mutex<Vec<Py<PyAny>>>,
    /// Whether there are any: to look costs more than the end of most spans.
    has_recorded: AtomicBool,
    /// One of the numbers that follow.
    status: AtomicU8,
    /// What an exception does that leaves a `with` block around the span itself.
    pub(crate) outcome: Outcome,
}

/// How many recorded exceptions a span remembers, as many as it has events by default.
const MAX_RECORDED: usize = 128;

const UNSET: u8 = 0;
const OK: u8 = 1;
const ERROR: u8 = 2;

/// A span, with the context in which it is the current one.
#[derive(Debug)]
enum Held {
    /// One of this process, which ends with it.
    Own(Span),
    /// One of another process.
    Remote(Context),
}

impl State {
    /// For a span of this process.
    #[inline]
    pub(crate) fn own(span: Span, baggage: Option<Py<PyAny>>, outcome: Outcome) -> Self {
        let is_recorded = span.is_recording();
        Self::new(Held::Own(span), is_recorded, baggage, outcome)
    }

    /// For a span of another process.
    pub(crate) fn remote(context: Context, baggage: Option<Py<PyAny>>) -> Self {
        Self::new(Held::Remote(context), false, baggage, Outcome::default())
    }

    #[inline]
    fn new(held: Held, is_recorded: bool, baggage: Option<Py<PyAny>>, outcome: Outcome) -> Self {
        Self {
            held,
            is_recorded,
            baggage,
            identity: OnceLock::new(),
            recorded: Mutex::new(Vec::new()),
            has_recorded: AtomicBool::new(false),
            status: AtomicU8::new(UNSET),
            outcome,
        }
    }

    /// The context in which the span is the current one.
    #[inline]
    pub(crate) fn context(&self) -> &Context {
        match &self.held {
            Held::Own(span) => span.context(),
            Held::Remote(context) => context,
        }
    }

    #[inline]
    pub(crate) fn view(&self) -> &SpanRef {
        match &self.held {
            Held::Own(span) => span.view(),
            Held::Remote(context) => context.span(),
        }
    }

    /// The span, where it is worth the while to find out what it is to be told.
    #[inline]
    pub(crate) fn recorded_view(&self) -> Option<&SpanRef> {
        self.is_recorded.then(|| self.view())
    }

    /// Whether somebody has set a status.
    pub(crate) fn has_status(&self) -> bool {
        self.status.load(Ordering::Relaxed) != UNSET
    }

    /// Whether the status that counts is an error.
    pub(crate) fn has_failed(&self) -> bool {
        self.status.load(Ordering::Relaxed) == ERROR
    }

    pub(crate) fn set_status(&self, status: Status<'_>) {
        // OK is final.
        if self.status.load(Ordering::Relaxed) != OK {
            let number = if status == Status::Ok { OK } else { ERROR };
            self.status.store(number, Ordering::Relaxed);
        }
        self.view().set_status(status);
    }

    fn recorded(&self) -> MutexGuard<'_, Vec<Py<PyAny>>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an exception unless it was recorded before.
    pub(crate) fn record_once(&self, exception: &Bound<'_, PyAny>) {
        let is_known = self.recorded().iter().any(|known| known.is(exception));
        if !is_known {
            exception::record(self.view(), exception, None, None);
        }
    }

    /// Keeps an exception that was recorded, so that it is not recorded again.
    pub(crate) fn remember(&self, exception: Py<PyAny>) {
        let mut recorded = self.recorded();
        if recorded.len() < MAX_RECORDED {
            recorded.push(exception);
            self.has_recorded.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn forget_recorded(&self) {
        if self.has_recorded.load(Ordering::Relaxed) {
            self.has_recorded.store(false, Ordering::Relaxed);
            // Outside of the lock: dropping an exception may run code of the user's.
            let recorded = std::mem::take(&mut *self.recorded());
            drop(recorded);
        }
    }

    /// Shows the collector what is kept of Python. A lock that is held says nothing: it comes again.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.baggage)?;
        if let Some(identity) = self.identity.get() {
            visit.call(identity)?;
        }
        match self.recorded.try_lock() {
            Ok(recorded) => recorded.iter().try_for_each(|each| visit.call(each)),
            Err(_) => Ok(()),
        }
    }

    /// Ends the span, without the interpreter's lock where that may take a while.
    pub(crate) fn end(&self, py: Python<'_>, unix_nanos: Option<u64>) {
        if let Held::Own(span) = &self.held {
            let end = || match unix_nanos {
                Some(unix_nanos) => span.end_with_timestamp(unix_nanos),
                None => span.end(),
            };
            if self.is_recorded && telemetry::may_wait() {
                py.detach(end);
            } else {
                end();
            }
        }
        self.forget_recorded();
    }
}

impl Drop for State {
    /// Ends a span that was forgotten, as [`State::end`] does.
    #[inline]
    fn drop(&mut self) {
        if telemetry::may_wait()
            && self.is_recorded
            && let Held::Own(span) = &self.held
            && span.view().is_recording()
        {
            // Whoever frees the object holds the interpreter's lock.
            let _is_held = Python::try_attach(|py| py.detach(|| span.end())).is_some();
        }
    }
}
