//! [`Span`]: the owner of a span, which ends it.
//!
//! Position: made by `SpanBuilder`; derefs to the `SpanRef` that describes it.
//!
//! Invariant: a span ends exactly once, at `end`, `end_with_timestamp` or when dropped: the generation
//! of its slot tells the first time from the others.

use super::{SpanGuard, SpanRef};
#[cfg(feature = "tracing")]
use crate::context::Baggage;
use crate::context::Context;
use std::ops::Deref;

/// A span that ends when it is dropped, if not before.
///
/// It is not the current span by itself: see `Tracer` for the forms that make it so.
///
/// ```
/// # use continuum_observability::{get_tracer, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// let span = get_tracer("docs").start_span("upload");
/// span.set_attribute("size_bytes", 512);
/// span.end();
/// span.set_attribute("late", true); // does nothing
/// # });
/// # assert_eq!(recorder.tree(), "upload size_bytes=512\n");
/// ```
#[derive(Debug, Default)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    /// The context in which this span is the current one.
    context: Context,
}

impl Span {
    /// A span started by `start`, which fills the context in which it is current.
    #[inline]
    pub(super) fn new(start: impl FnOnce(&mut Context)) -> Self {
        let mut span = Self::default();
        start(&mut span.context);
        span
    }

    /// The context of a span that is just being started.
    #[inline]
    pub(super) fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Whether nothing is known of the span: no recorder, no parent to pass on, no baggage, and no
    /// word on whether those below it are recorded.
    #[inline]
    pub(super) fn is_inert(&self) -> bool {
        let context = &self.context;
        context.recorder.is_none()
            && !context.suppressed
            && context.baggage.is_empty()
            && !context.span_context().is_valid()
    }

    /// Makes the span the current one on this thread until the guard is dropped, which then ends it.
    ///
    /// ```
    /// # use continuum_observability::{get_tracer, testing::TestRecorder};
    /// # let recorder = TestRecorder::new();
    /// # recorder.run(|| {
    /// let tracer = get_tracer("docs");
    /// let outer = tracer.start_span("outer").entered();
    /// tracer.in_scope("inner", |_| ());
    /// drop(outer);
    /// # });
    /// # assert_eq!(recorder.tree(), "outer\n  inner\n");
    /// ```
    #[inline]
    pub fn entered(self) -> SpanGuard {
        SpanGuard::of(self)
    }

    /// Gives the span up to whoever ends it from now on.
    #[inline]
    pub(crate) fn into_context(mut self) -> Context {
        std::mem::take(&mut self.context)
    }

    /// A reference for others that describe the span.
    #[inline]
    pub fn view(&self) -> &SpanRef {
        &self.context.span
    }

    /// The context in which this span is the current one.
    #[inline]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The same, to keep.
    #[inline]
    pub fn as_context(&self) -> Context {
        self.context.clone()
    }

    /// The same, to be looked at.
    #[cfg(feature = "tracing")]
    #[inline]
    pub(crate) fn current_in(&self) -> &Context {
        &self.context
    }

    /// Gives the context in which this span is current other baggage.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_baggage(&mut self, baggage: Baggage) {
        self.context.baggage = baggage;
    }

    /// Ends the span now, if it has not ended.
    #[inline]
    pub fn end(&self) {
        self.view().end();
    }

    /// Ends the span at a time in nanoseconds since the Unix epoch, not before its start.
    pub fn end_with_timestamp(&self, unix_nanos: u64) {
        self.view().end_with_timestamp(unix_nanos);
    }
}

impl Deref for Span {
    type Target = SpanRef;

    #[inline]
    fn deref(&self) -> &SpanRef {
        self.view()
    }
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}
