//! [`Span`]: the owner of a span, which ends it.
//!
//! Position: made by `SpanBuilder`; derefs to the `SpanRef` that describes it.
//!
//! Invariant: a span ends exactly once, at `end`, `end_with_timestamp` or when dropped.

use super::{Identity, SpanRef};
use crate::{
    context::{Baggage, Context, LocalRoot},
    recorder::{Clock, Recorder, thread},
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
/// let mut span = get_tracer("docs").start_span("upload");
/// span.set_attribute("size_bytes", 512);
/// span.end();
/// span.set_attribute("late", true); // does nothing
/// # });
/// # assert_eq!(recorder.tree(), "upload size_bytes=512\n");
/// ```
#[derive(Debug, Default)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    view: SpanRef,
    recorder: Option<&'static Recorder>,
    root: LocalRoot,
    baggage: Baggage,
    suppressed: bool,
    forced: bool,
    ended: bool,
}

impl Span {
    #[inline]
    pub(crate) fn new(
        view: SpanRef,
        recorder: Option<&'static Recorder>,
        root: LocalRoot,
        baggage: Baggage,
    ) -> Self {
        Self {
            view,
            recorder,
            root,
            baggage,
            suppressed: false,
            forced: false,
            ended: false,
        }
    }

    /// A span that stands in for `parent`'s, in whose context nothing is recorded.
    #[inline]
    pub(crate) fn unrecorded(parent: &Context) -> Self {
        Self {
            view: SpanRef::non_recording(parent.span_context().clone()),
            recorder: parent.recorder,
            root: parent.root,
            baggage: parent.baggage.clone(),
            suppressed: parent.suppressed,
            forced: parent.forced,
            ended: false,
        }
    }

    /// The recorder that the span belongs to.
    #[inline]
    pub(super) fn recorder(&self) -> Option<&'static Recorder> {
        self.recorder
    }

    /// The span whose children are recorded whatever the sampler says, if its parent's are.
    #[inline]
    pub(super) fn forced_like(mut self, parent: Option<&Context>) -> Self {
        self.forced = parent.is_some_and(|parent| parent.forced);
        self
    }

    /// Whether nothing is known of the span: no recorder, no parent to pass on, no baggage.
    #[inline]
    pub(super) fn is_inert(&self) -> bool {
        self.recorder.is_none() && self.baggage.is_empty() && !self.view.context().is_valid()
    }

    /// A reference for others that describe the span.
    #[inline]
    pub fn view(&self) -> &SpanRef {
        &self.view
    }

    /// The context in which this span is the current one.
    #[inline]
    pub fn as_context(&self) -> Context {
        Context {
            span: self.view.clone(),
            baggage: self.baggage.clone(),
            recorder: self.recorder,
            root: self.root,
            suppressed: self.suppressed,
            forced: self.forced,
        }
    }

    /// Ends the span now.
    #[inline]
    pub fn end(&mut self) {
        if !self.ended && self.view.slot().is_some() {
            let ticks = Clock::global().ticks();
            self.finish(|identity| {
                let passed = identity
                    .anchor
                    .nanos(ticks.saturating_sub(identity.start_ticks));
                identity.start_unix_nanos.saturating_add(passed)
            });
        }
    }

    /// Ends the span at a time in nanoseconds since the Unix epoch, not before its start.
    pub fn end_with_timestamp(&mut self, unix_nanos: u64) {
        if !self.ended {
            self.finish(|_| unix_nanos);
        }
    }

    #[inline]
    fn finish(&mut self, end: impl Fn(&Identity) -> u64) {
        self.ended = true;
        let (Some((slot, generation)), Some(recorder)) = (self.view.slot(), self.recorder) else {
            return;
        };
        if let Some(hooks) = &recorder.hooks {
            hooks.ending(self, &end);
        }
        if let Some(mut body) = thread::close_span(slot, generation) {
            if !self.view.context().is_sampled() {
                return thread::discard_span(slot, body);
            }
            let end = end(&body.identity);
            body.note_slowness(end);
            thread::finish_span(recorder, slot, body, end);
        }
    }
}

impl Deref for Span {
    type Target = SpanRef;

    fn deref(&self) -> &SpanRef {
        &self.view
    }
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}
