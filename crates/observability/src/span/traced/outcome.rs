//! Whether what a function returned is a failure, and what is known of it.
//!
//! Position: called with each result of a traced function, and each item of a traced stream.
//!
//! Only `Result` can fail. Of its error as much is recorded as its type gives: `Error` with the
//! causes, a box of `dyn Error` or `anyhow::Error` with these and its backtrace, `Display`, or
//! nothing but the type's name. The compiler chooses: it takes the implementation with the most
//! references that fits.
//!
//! Invariant: code of the user's runs guarded.

use super::super::{SpanRef, Status, exception};
use std::{
    any::{Any, type_name},
    backtrace::{Backtrace, BacktraceStatus},
    error::Error,
    fmt::{Debug, Display},
    ops::Deref,
};

/// How `anyhow` begins the backtrace in the `Debug` text of an error.
const BACKTRACE: &str = "Stack backtrace:";

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
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        self.failed("panic", text, "");
    }

    fn failed(self, kind: &str, message: Option<&str>, stacktrace: &str) {
        if self.record_exception {
            let mut event = vec![("exception.type", kind.into())];
            event.extend(message.map(|message| ("exception.message", message.into())));
            if !stacktrace.is_empty() {
                event.push(("exception.stacktrace", stacktrace.into()));
            }
            self.span.add_event("exception", &event);
        }
        self.span.set_status(Status::error(message.unwrap_or(kind)));
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
            erroneous(watch, error);
        }
    }
}

#[cold]
fn erroneous<E: Error>(watch: Watch<'_>, error: &E) {
    if watch.span.is_recording() {
        let message = exception::guarded_text(&error);
        watch.failed(type_name::<E>(), Some(&message), &exception::causes(error));
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
            dynamic(watch, error);
        }
    }
}

/// A standard error of a type that is not known.
pub trait DynError {
    /// What caused it.
    fn cause(&self) -> Option<&(dyn Error + 'static)>;
}

impl DynError for dyn Error + '_ {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.source()
    }
}

impl DynError for dyn Error + Send + '_ {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.source()
    }
}

impl DynError for dyn Error + Send + Sync + '_ {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.source()
    }
}

#[cold]
fn dynamic<E: Deref<Target: DynError> + Debug + Display>(watch: Watch<'_>, error: &E) {
    if watch.span.is_recording() {
        let message = exception::guarded_text(error);
        let mut stacktrace = exception::causes_of(|| error.cause());
        if let Some(backtrace) = backtrace(error) {
            let between = if stacktrace.is_empty() { "" } else { "\n" };
            stacktrace = format!("{stacktrace}{between}{backtrace}");
        }
        watch.failed(type_name::<E>(), Some(&message), &stacktrace);
    }
}

/// The backtrace that an error captured. There is no stable interface to it but the text.
fn backtrace(error: &impl Debug) -> Option<String> {
    // Where backtraces are off, as they usually are, the text need not be made.
    if Backtrace::capture().status() != BacktraceStatus::Captured {
        return None;
    }
    let text = exception::guarded_text(&format_args!("{error:?}"));
    let start = text.find(BACKTRACE)?;
    text.get(start..).map(ToOwned::to_owned)
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
            shown(watch, error);
        }
    }
}

#[cold]
fn shown<E: Display>(watch: Watch<'_>, error: &E) {
    if watch.span.is_recording() {
        let message = exception::guarded_text(error);
        watch.failed(type_name::<E>(), Some(&message), "");
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
            watch.failed(type_name::<E>(), None, "");
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
