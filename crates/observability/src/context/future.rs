//! Futures that carry their own context.
//!
//! Position: behind `FutureExt`, the async span closures, the tower layer and the spawn helpers.
//!
//! Invariants:
//! - the context is current during each poll and during the drop of the future, and never else;
//! - what the future changes in it (baggage) is kept for its next poll;
//! - a future that is dropped before it is done ends its span with the event `cancelled`.

use super::{Context, Position, stack};
use crate::{
    recorder::thread,
    span::{Span, SpanRef},
};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Poll, ready},
};

/// Attaches spans and contexts to futures.
///
/// ```
/// use continuum_observability::{FutureExt as _, get_current_span, get_tracer};
///
/// async fn work() {
///     get_current_span().set_attribute("step", 1);
/// }
/// # async fn doc() {
/// work().in_span(get_tracer("docs").start_span("work")).await;
/// # }
/// ```
pub trait FutureExt: Future + Sized {
    /// Runs the future inside `span`, which ends with it.
    fn in_span(self, span: Span) -> InContext<Self> {
        let context = span.as_context();
        span.view().park();
        InContext::new(self, context, Some(span))
    }

    /// Runs the future with `context` as its current context.
    fn with_context(self, context: Context) -> InContext<Self> {
        InContext::new(self, context, None)
    }

    /// Runs the future with the context of the calling code.
    ///
    /// This is what a bare `tokio::spawn` lacks: `tokio::spawn(work().in_current_context())`.
    fn in_current_context(self) -> InContext<Self> {
        InContext::new(self, Context::current(), None)
    }

    /// Runs the future with the context of the calling code, in which nothing is recorded.
    fn with_telemetry_disabled(self) -> InContext<Self> {
        let context = Context::current().with_telemetry_disabled();
        InContext::new(self, context, None)
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future with its own context; made by [`FutureExt`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InContext<F> {
        #[pin]
        inner: Option<F>,
        slot: TaskSlot,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_none() {
                return;
            }
            let entered = this.slot.enter();
            entered.cancel();
            this.inner.set(None);
            entered.finish();
        }
    }
}

impl<F> InContext<F> {
    fn new(inner: F, context: Context, span: Option<Span>) -> Self {
        Self {
            inner: Some(inner),
            slot: TaskSlot::new(context, span),
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let mut entered = this.slot.enter();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let output = ready!(entered.watch(|| inner.poll(cx)));
        this.inner.set(None);
        entered.finish();
        Poll::Ready(output)
    }
}

/// What a task carries: its context, the span it owns, the strand it runs as.
#[derive(Debug)]
pub(super) struct TaskSlot {
    context: Context,
    span: Option<Span>,
    strand: u64,
    claimed: bool,
}

impl TaskSlot {
    pub(super) fn new(context: Context, span: Option<Span>) -> Self {
        Self {
            context,
            span,
            strand: 0,
            claimed: false,
        }
    }

    /// Makes the slot's context and strand current until the result is dropped.
    pub(super) fn enter(&mut self) -> Entered<'_> {
        let strand_before = thread::on_own_strand().then(|| {
            if self.strand == 0 {
                self.strand = thread::new_strand_id();
            }
            thread::switch_strand(self.strand)
        });
        if !self.claimed {
            self.claimed = true;
            if let Some(span) = &self.span {
                span.view().claim();
            }
        }
        let position = stack::enter_poll(std::mem::take(&mut self.context));
        let calm = !std::thread::panicking();
        Entered {
            slot: self,
            position,
            strand_before,
            calm,
            done: false,
        }
    }

    fn span(&self) -> Option<&SpanRef> {
        self.span.as_ref().map(Span::view)
    }
}

/// Restores the thread after a poll, also after one that panics.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    slot: &'a mut TaskSlot,
    position: Position,
    strand_before: Option<u64>,
    /// Whether no panic was under way at the start.
    calm: bool,
    /// Whether the task's span ends with this poll, and nothing more is to be said of it.
    done: bool,
}

impl Entered<'_> {
    /// Runs a poll; a panic is recorded with its text, ends the span, and goes on.
    #[inline]
    pub(super) fn watch<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|payload| {
            if let Some(span) = self.slot.span() {
                span.record_panic(Some(&*payload));
            }
            self.done = true;
            resume_unwind(payload)
        })
    }

    /// Leaves for the last time: the span ends outside of its context, still on its own strand.
    pub(super) fn finish(mut self) {
        self.done = true;
    }

    /// Notes that the task is dropped before it was done.
    pub(super) fn cancel(&self) {
        if let Some(span) = self.slot.span()
            && self.calm
        {
            span.add_event("cancelled", &[]);
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let panicked = self.calm && !self.done && std::thread::panicking();
        if panicked && let Some(span) = self.slot.span() {
            span.record_panic(None);
        }
        if let Some(context) = stack::leave_poll(self.position) {
            self.slot.context = context;
        }
        if self.done || panicked {
            self.slot.span = None;
        }
        if let Some(strand) = self.strand_before {
            thread::switch_strand(strand);
        }
    }
}
