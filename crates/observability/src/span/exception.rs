//! Errors and panics as exception events.
//!
//! Position: methods of `SpanRef` on top of `add_event` and `set_status`; what a traced function and
//! the ready-made spans record by themselves passes through [`SpanRef::escaped`].
//!
//! Invariants: the text of an error is made by the user's code, which may panic: that is caught and
//! the error is recorded without its text; an exception event never changes the status by itself; a
//! failure that was recorded by hand is not recorded once more because it leaves the span.
//!
//! Source: OpenTelemetry semantic conventions, "Exceptions on spans".

use super::{SpanRef, Status, Value};
use crate::semconv::{attribute, event};
use std::{
    any::{Any, type_name},
    backtrace::{Backtrace, BacktraceStatus},
    error::Error,
    fmt::{Debug, Display},
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Causes of an error that are recorded at most.
const MAX_CAUSES: usize = 16;
/// How `anyhow` begins the backtrace in the `Debug` text of an error.
const BACKTRACE: &str = "Stack backtrace:";

impl SpanRef {
    /// Records an error as one `exception` event: type, message, and its causes as stack trace.
    ///
    /// The status stays as it is; see [`SpanRef::record_error`].
    pub fn record_exception<E: Error + ?Sized>(&self, error: &E) {
        if self.is_recording() {
            self.add_exception(&Exception::of_error(error));
        }
    }

    /// Records an error as [`SpanRef::record_exception`] does and sets the error status to its text.
    pub fn record_error<E: Error + ?Sized>(&self, error: &E) {
        if self.is_recording() {
            let exception = Exception::of_error(error);
            self.add_exception(&exception);
            self.set_status(exception.status());
        }
    }

    /// Records an error as [`SpanRef::record_error`] does, with another text than its own, which says too much, as
    /// its causes may.
    #[cfg(any(feature = "redis_1", feature = "rusqlite_0_41"))]
    pub(crate) fn record_error_as<E: Error>(&self, text: String) {
        if self.is_recording() {
            let exception = Exception::new::<E>(Some(text), String::new());
            self.add_exception(&exception);
            self.set_status(exception.status());
        }
    }

    /// Records anything that can be shown as the reason of a failure, and sets the error status.
    pub fn record_failure<E: Display>(&self, error: &E) {
        if self.is_recording() {
            let exception = Exception::of_text(error);
            self.add_exception(&exception);
            self.set_status(exception.status());
        }
    }

    /// Records that the code inside the span panics; what the panic carries is known where it is
    /// caught.
    pub(crate) fn record_panic(&self, payload: Option<&(dyn Any + Send)>) {
        self.escaped(&Exception::of_panic(payload), true);
    }

    /// Records a failure that leaves the span: the status unless an error was set already, and the
    /// event unless the last exception of the span was this one.
    pub(crate) fn escaped(&self, exception: &Exception, with_event: bool) {
        let is_told = self.with(|body| {
            let message = exception.message.as_deref();
            body.last_exception().is(exception.kind, message)
        });
        if with_event && is_told == Some(false) {
            self.add_exception(exception);
        }
        self.fail(exception.status());
    }

    fn add_exception(&self, exception: &Exception) {
        let mut attributes = vec![(attribute::EXCEPTION_TYPE, exception.kind.into())];
        if let Some(message) = &exception.message {
            attributes.push((attribute::EXCEPTION_MESSAGE, message.into()));
        }
        if !exception.stacktrace.is_empty() {
            let stacktrace = Value::from(&exception.stacktrace);
            attributes.push((attribute::EXCEPTION_STACKTRACE, stacktrace));
        }
        self.add_event(event::EXCEPTION, &attributes);
    }
}

/// What an exception event says.
#[derive(Debug)]
pub(crate) struct Exception {
    kind: &'static str,
    /// `None` for an error that says nothing about itself.
    message: Option<String>,
    stacktrace: String,
}

impl Exception {
    fn new<E: ?Sized>(message: Option<String>, stacktrace: String) -> Self {
        Self {
            kind: type_name::<E>(),
            message,
            stacktrace,
        }
    }

    /// A standard error, with its causes.
    pub(crate) fn of_error<E: Error + ?Sized>(error: &E) -> Self {
        Self::new::<E>(Some(guarded_text(&error)), causes(|| error.source()))
    }

    /// What points to a standard error of any type, with its causes and its backtrace.
    pub(crate) fn of_box<E: Deref<Target: DynError> + Debug + Display>(error: &E) -> Self {
        let mut stacktrace = causes(|| error.cause());
        if let Some(backtrace) = backtrace(error) {
            let between = if stacktrace.is_empty() { "" } else { "\n" };
            stacktrace = format!("{stacktrace}{between}{backtrace}");
        }
        Self::new::<E>(Some(guarded_text(error)), stacktrace)
    }

    /// An error that can be shown, and nothing else.
    pub(crate) fn of_text<E: Display>(error: &E) -> Self {
        Self::new::<E>(Some(guarded_text(error)), String::new())
    }

    /// An error that says nothing about itself.
    #[cfg(feature = "macros")]
    pub(super) fn of_type<E: ?Sized>() -> Self {
        Self::new::<E>(None, String::new())
    }

    /// A panic, whose text is known if it was given as one.
    pub(super) fn of_panic(payload: Option<&(dyn Any + Send)>) -> Self {
        let text = |payload: &(dyn Any + Send)| {
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            text.map(ToOwned::to_owned)
        };
        Self {
            kind: "panic",
            message: payload.and_then(text),
            stacktrace: String::new(),
        }
    }

    fn status(&self) -> Status<'_> {
        Status::error(self.message.as_deref().unwrap_or(self.kind))
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

/// The text of a value of the user's, or nothing when making it panics.
pub(crate) fn guarded_text(value: &impl Display) -> String {
    catch_unwind(AssertUnwindSafe(|| value.to_string())).unwrap_or_default()
}

/// The chain that begins with what `first` gives, which is code of the user's too.
fn causes<'a>(first: impl FnOnce() -> Option<&'a (dyn Error + 'static)>) -> String {
    let walk = || {
        let mut text = String::new();
        let mut cause = first();
        for _ in 0..MAX_CAUSES {
            let Some(error) = cause else { break };
            text.push_str(if text.is_empty() {
                "caused by: "
            } else {
                "\ncaused by: "
            });
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    };
    catch_unwind(AssertUnwindSafe(walk)).unwrap_or_default()
}

/// The backtrace that an error captured. There is no stable interface to it but the text.
fn backtrace(error: &impl Debug) -> Option<String> {
    // Where backtraces are off, as they usually are, the text need not be made.
    if Backtrace::capture().status() != BacktraceStatus::Captured {
        return None;
    }
    let text = guarded_text(&format_args!("{error:?}"));
    let start = text.find(BACKTRACE)?;
    text.get(start..).map(ToOwned::to_owned)
}
