//! What `#[trace_function]` expands to at run time: call sites, and the ways a function can end.
//!
//! Position: called by the code that `continuum-observability-macros` writes, through
//! `crate::__private`; on top of `Start`, `SpanGuard` and the attached futures.
//!
//! Invariants:
//! - what the function returns, and the panic that leaves it, pass on unchanged;
//! - each failure is recorded once.

mod call_site;
mod function_name;
mod future;
mod named;
mod outcome;
mod stream;

pub use call_site::{CallSite, Found};
pub use future::TracedFuture;
pub use named::{ByClone, ByReference, ByTarget, Named, PointsToValue, text};
pub use outcome::{
    AnyOutcome, DisplayOutcome, DynErrorOutcome, ErrorOutcome, Outcome, ResultOutcome, Watch,
};
pub use stream::TracedStream;

use super::{Span, SpanGuard};
use crate::context::with_context;
use futures_core::Stream;
use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// What a panic carries.
pub(super) type Payload = Box<dyn Any + Send>;

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
