//! Futures that carry their own context.
//!
//! Position: behind `FutureExt`, the async span closures, the tower layer and the spawn helpers.
//!
//! Invariants:
//! - the context is current during each poll and during the drop of the future, and never else;
//! - what the future changes in it (baggage) is kept for its next poll;
//! - a future that is dropped before it is done ends its span with the event `cancelled`.

use super::{Context, Position, stack};
use crate::{recorder::thread, span::Span};
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
        InContext::new(self, TaskSlot::with_span(span))
    }

    /// Runs the future with `context` as its current context.
    fn with_context(self, context: Context) -> InContext<Self> {
        InContext::new(self, TaskSlot::new(context))
    }

    /// Runs the future with the context of the calling code.
    ///
    /// This is what a bare `tokio::spawn` lacks: `tokio::spawn(work().in_current_context())`.
    fn in_current_context(self) -> InContext<Self> {
        InContext::new(self, TaskSlot::new(Context::current()))
    }

    /// Runs the future with the context of the calling code, in which nothing is recorded.
    fn with_telemetry_disabled(self) -> InContext<Self> {
        let context = Context::current().with_telemetry_disabled();
        InContext::new(self, TaskSlot::new(context))
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
            let entered = this.slot.enter_cancelled();
            this.inner.set(None);
            entered.finish();
        }
    }
}

impl<F> InContext<F> {
    fn new(inner: F, slot: TaskSlot) -> Self {
        Self {
            inner: Some(inner),
            slot,
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
    /// On the stack during a poll.
    context: Context,
    /// Whether the span of the context ends with the task.
    owns_span: bool,
    /// Whether the span belongs to the strand that it was meant for, or to the one around it.
    is_settled: bool,
    /// 0: not needed yet.
    strand: u64,
}

impl TaskSlot {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            owns_span: false,
            is_settled: true,
            strand: 0,
        }
    }

    /// The task's own span, which passes to a strand that nobody has run yet.
    pub(super) fn with_span(span: Span) -> Self {
        Self {
            strand: span.pass_to_task(),
            context: span.into_context(),
            owns_span: true,
            is_settled: false,
        }
    }

    /// Makes the slot's context and strand current until the result is dropped.
    pub(super) fn enter(&mut self) -> Entered<'_> {
        let own_strand = self.enter_strand();
        Entered::new(self, own_strand)
    }

    /// As [`TaskSlot::enter`], for a task that is dropped before it was done.
    pub(super) fn enter_cancelled(&mut self) -> Entered<'_> {
        let own_strand = self.enter_strand();
        if self.owns_span && !std::thread::panicking() {
            self.context.span.add_event("cancelled", &[]);
        }
        Entered::new(self, own_strand)
    }

    fn enter_strand(&mut self) -> Option<u64> {
        if self.strand == 0 {
            self.strand = thread::new_strand_id();
        }
        let own_strand = thread::enter_strand(self.strand);
        if !self.is_settled {
            self.is_settled = true;
            if own_strand.is_none() {
                self.context.span.take_from_task(self.strand);
            }
        }
        own_strand
    }

    /// Ends the span that belongs to the task, once.
    fn end_span(&mut self) {
        if std::mem::take(&mut self.owns_span) {
            self.context.span.end();
        }
    }
}

impl Drop for TaskSlot {
    fn drop(&mut self) {
        self.end_span();
    }
}

/// Restores the thread after a poll, also after one that panics.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    slot: &'a mut TaskSlot,
    position: Position,
    own_strand: Option<u64>,
    /// Whether no panic was under way at the start.
    calm: bool,
    /// Whether the context is back in the slot.
    left: bool,
    /// Whether the task's span ends with this poll, and nothing more is to be said of it.
    done: bool,
}

impl<'a> Entered<'a> {
    #[inline]
    fn new(slot: &'a mut TaskSlot, own_strand: Option<u64>) -> Self {
        Self {
            position: stack::enter_poll(&mut slot.context),
            slot,
            own_strand,
            calm: !std::thread::panicking(),
            left: false,
            done: false,
        }
    }

    /// Runs a poll; a panic is recorded with its text, ends the span, and goes on.
    #[inline]
    pub(super) fn watch<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|payload| {
            self.leave();
            if self.slot.owns_span {
                self.slot.context.span.record_panic(Some(&*payload));
            }
            self.done = true;
            resume_unwind(payload)
        })
    }

    /// Takes the context back from the stack.
    #[inline]
    fn leave(&mut self) {
        if !std::mem::replace(&mut self.left, true) {
            stack::leave_poll(self.position, &mut self.slot.context);
        }
    }

    /// Leaves for the last time: the span ends outside of its context, still on its own strand.
    pub(super) fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.leave();
        let slot = &mut *self.slot;
        let panicked = self.calm && !self.done && std::thread::panicking();
        if panicked && slot.owns_span {
            slot.context.span.record_panic(None);
        }
        if self.done || panicked {
            slot.end_span();
        }
        if let Some(own) = self.own_strand {
            thread::leave_strand(own);
        }
    }
}
