//! Errors and panics as exception events.
//!
//! Position: methods of `SpanRef` on top of `add_event` and `set_status`.
//!
//! Invariants: the text of an error is made by the user's code, which may panic: that is caught and
//! the error is recorded without its text; an exception event never changes the status by itself.
//!
//! Source: OpenTelemetry semantic conventions, "Exceptions on spans".

use super::{SpanRef, Status};
use std::{
    error::Error,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Causes of an error that are recorded at most.
const MAX_CAUSES: usize = 16;

impl SpanRef {
    /// Records an error as one `exception` event: type, message, and its causes as stack trace.
    ///
    /// The status stays as it is; see [`SpanRef::record_error`].
    pub fn record_exception<E: Error + ?Sized>(&self, error: &E) {
        if !self.is_recording() {
            return;
        }
        let message = guarded_text(&error);
        let causes = causes(error);
        let kind = type_name::<E>();
        let mut attributes = vec![
            ("exception.type", kind.into()),
            ("exception.message", message.into()),
        ];
        if !causes.is_empty() {
            attributes.push(("exception.stacktrace", causes.into()));
        }
        self.add_event("exception", &attributes);
    }

    /// Records an error as [`SpanRef::record_exception`] does and sets the error status to its text.
    pub fn record_error<E: Error + ?Sized>(&self, error: &E) {
        self.record_exception(error);
        if self.is_recording() {
            self.set_status(Status::error(guarded_text(&error)));
        }
    }

    /// Records anything that can be shown as the reason of a failure, and sets the error status.
    pub fn record_failure<E: Display>(&self, error: &E) {
        if self.is_recording() {
            let message = guarded_text(error);
            let event = [
                ("exception.type", type_name::<E>().into()),
                ("exception.message", message.as_str().into()),
            ];
            self.add_event("exception", &event);
            self.set_status(Status::error(message));
        }
    }

    /// Records that the code inside the span panics.
    pub(crate) fn record_panic(&self) {
        self.add_event("exception", &[("exception.type", "panic".into())]);
        self.set_status(Status::error("panic"));
    }
}

/// The text of a value of the user's, or nothing when making it panics.
pub(super) fn guarded_text(value: &impl Display) -> String {
    catch_unwind(AssertUnwindSafe(|| value.to_string())).unwrap_or_default()
}

pub(super) fn causes<E: Error + ?Sized>(error: &E) -> String {
    causes_of(|| error.source())
}

/// The chain that begins with what `first` gives, which is code of the user's too.
pub(super) fn causes_of<'a>(first: impl FnOnce() -> Option<&'a (dyn Error + 'static)>) -> String {
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

/// The type's name as written in code, without the paths of its parameters' crates.
fn type_name<E: ?Sized>() -> &'static str {
    std::any::type_name::<E>()
}
