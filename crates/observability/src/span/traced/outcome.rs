//! Whether what a function returned is a failure, and what is known of it.
//!
//! Position: called with each result of a traced function, and each item of a traced stream.
//!
//! Only `Result` can fail. Of its error as much is recorded as its type gives: `Error` with the
//! causes, a box of `dyn Error` or `anyhow::Error` with these and its backtrace, `Display`, or
//! nothing but the type's name. The compiler chooses: it takes the implementation with the most
//! references that fits.
//!
//! Invariant: code of the user's runs guarded, in [`Exception`].

use super::super::{
    SpanRef,
    exception::{DynError, Exception},
};
use std::{
    any::Any,
    error::Error,
    fmt::{Debug, Display},
    ops::Deref,
};

/// The span of a traced function, and what to record in it.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    span: &'a SpanRef,
    record_exception: bool,
}

impl<'a> Watch<'a> {
    #[inline]
    pub(super) fn new(span: &'a SpanRef, record_exception: bool) -> Self {
        Self {
            span,
            record_exception,
        }
    }

    /// Records that the function panics.
    #[cold]
    pub(super) fn panicked(self, payload: &(dyn Any + Send)) {
        self.failed(|| Exception::of_panic(Some(payload)));
    }

    #[cold]
    fn failed(self, exception: impl FnOnce() -> Exception) {
        if self.span.is_recording() {
            self.span.escaped(&exception(), self.record_exception);
        }
    }
}

/// What a function returned.
#[derive(Debug)]
pub struct Outcome<'a, R>(pub &'a R);

/// Results whose error is a standard one.
pub trait ErrorOutcome {
    /// Records a failure.
    fn settle(&self, watch: Watch<'_>);
}

impl<T, E: Error> ErrorOutcome for &&&&Outcome<'_, Result<T, E>> {
    #[inline]
    fn settle(&self, watch: Watch<'_>) {
        if let Err(error) = self.0 {
            watch.failed(|| Exception::of_error(error));
        }
    }
}

/// Results whose error points to a standard one of any type: `Box<dyn Error>`, `anyhow::Error`.
pub trait DynErrorOutcome {
    /// Records a failure.
    fn settle(&self, watch: Watch<'_>);
}

impl<T, E> DynErrorOutcome for &&&Outcome<'_, Result<T, E>>
where
    E: Deref<Target: DynError> + Debug + Display,
{
    #[inline]
    fn settle(&self, watch: Watch<'_>) {
        if let Err(error) = self.0 {
            watch.failed(|| Exception::of_box(error));
        }
    }
}

/// Results whose error can be shown.
pub trait DisplayOutcome {
    /// Records a failure.
    fn settle(&self, watch: Watch<'_>);
}

impl<T, E: Display> DisplayOutcome for &&Outcome<'_, Result<T, E>> {
    #[inline]
    fn settle(&self, watch: Watch<'_>) {
        if let Err(error) = self.0 {
            watch.failed(|| Exception::of_text(error));
        }
    }
}

/// Results whose error says nothing about itself.
pub trait ResultOutcome {
    /// Records a failure.
    fn settle(&self, watch: Watch<'_>);
}

impl<T, E> ResultOutcome for &Outcome<'_, Result<T, E>> {
    #[inline]
    fn settle(&self, watch: Watch<'_>) {
        if self.0.is_err() {
            watch.failed(Exception::of_type::<E>);
        }
    }
}

/// Everything else: not a failure.
pub trait AnyOutcome {
    /// Records nothing.
    fn settle(&self, watch: Watch<'_>);
}

impl<R> AnyOutcome for Outcome<'_, R> {
    #[inline]
    fn settle(&self, _watch: Watch<'_>) {}
}
