//! [`Span`]: the owner of a span, which ends it.
//!
//! Position: made by `SpanBuilder`; derefs to the `SpanRef` that describes it.
//!
//! Invariant: a span ends exactly once, at `end`, `end_with_timestamp` or when dropped: the generation
//! of its slot tells the first time from the others.

use super::{SpanBody, SpanRef};
use crate::{
    context::Context,
    recorder::{Clock, Slot, thread},
};
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
    #[inline]
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// A span that stands in for `parent`'s, in whose context nothing is recorded.
    #[inline]
    pub(super) fn unrecorded(parent: &Context) -> Self {
        let mut context = parent.clone();
        context.span = SpanRef::non_recording(parent.span_context().clone());
        Self { context }
    }

    /// Whether nothing is known of the span: no recorder, no parent to pass on, no baggage.
    #[inline]
    pub(super) fn is_inert(&self) -> bool {
        self.context.recorder.is_none()
            && self.context.baggage.is_empty()
            && !self.context.span_context().is_valid()
    }

    /// A reference for others that describe the span.
    #[inline]
    pub fn view(&self) -> &SpanRef {
        &self.context.span
    }

    /// The context in which this span is the current one.
    #[inline]
    pub fn as_context(&self) -> Context {
        self.context.clone()
    }

    /// Ends the span now, if it has not ended.
    #[inline]
    pub fn end(&self) {
        if let Some((slot, generation)) = self.view().slot()
            && slot.generation() == generation
        {
            let ticks = Clock::global().ticks();
            self.finish(slot, generation, |body| body.end_unix_nanos(ticks));
        }
    }

    /// Ends the span at a time in nanoseconds since the Unix epoch, not before its start.
    pub fn end_with_timestamp(&self, unix_nanos: u64) {
        if let Some((slot, generation)) = self.view().slot() {
            self.finish(slot, generation, |_| unix_nanos);
        }
    }

    #[inline]
    fn finish(&self, slot: &'static Slot, generation: u32, end: impl FnOnce(&SpanBody) -> u64) {
        let Some(recorder) = self.context.recorder else {
            return;
        };
        if let Some(body) = thread::close_span(slot, generation) {
            if self.context.span_context().is_sampled() {
                let end = end(&body);
                thread::finish_span(recorder, slot, body, end);
            } else {
                thread::discard_span(slot, body);
            }
        }
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
