//! What can leave a ready-made span as its failure.
//!
//! Position: the bound of the forms of `layers` that record an outcome. A traced function does
//! without: there the compiler sees the type itself, see `traced::outcome`.
//!
//! Rust has no way to ask in generic code whether something that can be shown is an error too. The
//! parameter `By` keeps the implementations apart; the compiler finds the one that fits.

use super::{
    SpanRef,
    exception::{DynError, Exception},
};
use std::{
    error::Error,
    fmt::{Debug, Display},
    ops::Deref,
};

/// What can be the `Err` of a ready-made span: a standard error, a box of one, or a text.
///
/// Of an error the type, the message and the causes are recorded; of a box of one, such as
/// `Box<dyn Error>` or `anyhow::Error`, its backtrace as well where it was captured. `By` tells these
/// apart and is always inferred.
///
/// For a type of somebody else's that can only be shown, say how:
///
/// ```
/// use continuum_observability::{
///     Failure, SpanRef, layers::memory::trace_recall, testing::TestRecorder,
/// };
/// # #[derive(Debug)]
/// # struct StatusCode(u16);
///
/// struct ByNumber;
///
/// impl Failure<ByNumber> for StatusCode {
///     fn record_on(&self, span: &SpanRef) {
///         span.record_failure(&self.0);
///     }
/// }
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| trace_recall("q").run_sync(|_| Err::<(), _>(StatusCode(503)))).unwrap_err();
/// assert!(recorder.tree().starts_with("memory.recall ERROR(503)"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded as a failure",
    label = "neither an error, a box of one, nor a text",
    note = "implement `std::error::Error` for it, or `Failure` with a type of your own for `By`"
)]
pub trait Failure<By> {
    /// Records it on a span that it leaves, with the error status.
    fn record_on(&self, span: &SpanRef);
}

/// A standard error.
#[derive(Debug)]
pub enum ByError {}

/// What points to a standard error of any type.
#[derive(Debug)]
pub enum ByBox {}

/// What points to a text.
#[derive(Debug)]
pub enum ByText {}

impl<E: Error> Failure<ByError> for E {
    #[cold]
    fn record_on(&self, span: &SpanRef) {
        if span.is_recording() {
            span.escaped(&Exception::of_error(self), true);
        }
    }
}

impl<E: Deref<Target: DynError> + Debug + Display> Failure<ByBox> for E {
    #[cold]
    fn record_on(&self, span: &SpanRef) {
        if span.is_recording() {
            span.escaped(&Exception::of_box(self), true);
        }
    }
}

impl<E: Deref<Target = str> + Display> Failure<ByText> for E {
    #[cold]
    fn record_on(&self, span: &SpanRef) {
        if span.is_recording() {
            span.escaped(&Exception::of_text(self), true);
        }
    }
}
