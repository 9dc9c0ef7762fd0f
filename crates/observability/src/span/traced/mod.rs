//! What `#[trace_function]` expands to at run time: call sites, and the ways a function can end.
//!
//! Position: called by the code that `continuum-observability-macros` writes, through
//! `crate::__private`; on top of `Start`, `SpanGuard` and the attached futures.
//!
//! Invariants:
//! - what the function returns, and the panic that leaves it, pass on unchanged;
//! - an attribute whose expression panics is left out, with the other computed ones;
//! - each failure is recorded once.

mod future;
mod named;
mod outcome;
mod stream;

pub use future::TracedFuture;
pub use named::{ByClone, ByReference, ByTarget, Named, PointsToValue, text};
pub use outcome::{
    AnyOutcome, DisplayOutcome, DynErrorOutcome, ErrorOutcome, Outcome, ResultOutcome, Watch,
};
pub use stream::TracedStream;

use super::{InstrumentationScope, Span, SpanGuard, SpanKind, Value, start::Start};
use crate::context::with_context;
use futures_core::Stream;
use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicU32, Ordering},
};

/// What a panic carries.
pub(super) type Payload = Box<dyn Any + Send>;

/// The number of an instrumentation scope, looked up at the first use. No lock: a fork could find
/// it held for ever.
#[derive(Debug, Default)]
pub struct Scope(AtomicU32);

impl Scope {
    /// A scope that is not looked up yet.
    pub const fn new() -> Self {
        Self(AtomicU32::new(u32::MAX))
    }

    #[inline]
    fn number(&self, name: &str) -> u32 {
        match self.0.load(Ordering::Relaxed) {
            u32::MAX => self.look_up(name),
            number => number,
        }
    }

    #[cold]
    fn look_up(&self, name: &str) -> u32 {
        let number = InstrumentationScope::intern(name, "");
        self.0.store(number, Ordering::Relaxed);
        number
    }
}

/// Everything about a traced function that is known when it is compiled; one static for each.
#[derive(Debug)]
pub struct CallSite {
    /// The name of the instrumentation scope.
    pub tracer: &'static str,
    /// The name of the span.
    pub name: &'static str,
    /// The kind of the span.
    pub kind: SpanKind,
    /// The attributes whose values are literals.
    pub attributes: &'static [(&'static str, Value<'static>)],
    /// Whether a failure adds an exception event.
    pub record_exception: bool,
    /// The number of `tracer`.
    pub scope: Scope,
}

impl CallSite {
    /// Starts a span at this call site; `computed` gives the attributes that are not literals.
    #[inline]
    pub fn start<'a, const N: usize>(
        &self,
        computed: impl FnOnce() -> [(&'static str, Value<'a>); N],
    ) -> Entry {
        let span = if Start::is_idle() {
            Span::default()
        } else if N == 0 {
            self.start_with(self.attributes)
        } else {
            let mut attributes = Vec::with_capacity(self.attributes.len() + N);
            attributes.extend_from_slice(self.attributes);
            if let Ok(computed) = catch_unwind(AssertUnwindSafe(computed)) {
                attributes.extend(computed);
            }
            self.start_with(&attributes)
        };
        Entry {
            span,
            record_exception: self.record_exception,
        }
    }

    #[inline]
    fn start_with(&self, attributes: &[(&str, Value<'_>)]) -> Span {
        let start = Start {
            scope: self.scope.number(self.tracer),
            name: self.name,
            kind: self.kind,
            attributes,
            links: &[],
            time_unix_nanos: None,
        };
        Span::new(|started| start.under_current(started))
    }
}

/// A span that has started, and will be ended by the function that it describes.
#[must_use = "the span ends when the entry is dropped"]
pub struct Entry {
    span: Span,
    record_exception: bool,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

impl Entry {
    /// Runs the body of a function that is done when it returns.
    #[inline]
    pub fn run<R>(self, body: impl FnOnce() -> R, settle: impl FnOnce(Watch<'_>, &R)) -> R {
        let guard = SpanGuard::of(self.span);
        let watch = Watch::new(&guard, self.record_exception);
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(result) => {
                settle(watch, &result);
                result
            }
            Err(payload) => {
                watch.panicked(&*payload);
                drop(guard);
                resume_unwind(payload)
            }
        }
    }

    /// Runs a future inside the span.
    #[inline]
    pub fn watch<F, S>(self, future: F, settle: S) -> TracedFuture<F, S>
    where
        F: Future,
        S: FnOnce(Watch<'_>, &F::Output),
    {
        TracedFuture::new(self, future, settle)
    }

    /// Runs the body of a function that returns a future, and then that future.
    pub fn future<O, F, S>(self, body: impl FnOnce() -> F, settle: S) -> TracedFuture<F, S>
    where
        F: Future<Output = O>,
        S: FnOnce(Watch<'_>, &O),
    {
        let future = self.prepare(body);
        TracedFuture::new(self, future, settle)
    }

    /// Runs the body of a function that returns a stream, and then that stream.
    pub fn stream<I, T, S>(self, body: impl FnOnce() -> T, settle: S) -> TracedStream<T, S>
    where
        T: Stream<Item = I>,
        S: FnMut(Watch<'_>, &I),
    {
        let stream = self.prepare(body);
        TracedStream::new(self, stream, settle)
    }

    /// Runs what comes before the future or stream, inside the span that outlasts it.
    fn prepare<R>(&self, body: impl FnOnce() -> R) -> R {
        let context = self.span.as_context();
        let prepared = catch_unwind(AssertUnwindSafe(|| with_context(&context, body)));
        prepared.unwrap_or_else(|payload| {
            Watch::new(&self.span, self.record_exception).panicked(&*payload);
            resume_unwind(payload)
        })
    }
}
