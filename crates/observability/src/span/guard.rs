//! [`SpanGuard`]: a span that is current on its thread until it is dropped.
//!
//! Position: the guard form of `Tracer`; a span that nobody else owns, and a scope.
//!
//! Invariant: leaving the scope comes before ending the span, also out of order and on panic.

use super::{Span, SpanRef};
use crate::context::{Context, Position, leave_forgotten, pop, push, push_filled, push_inert};
use std::{
    any::Any,
    marker::PhantomData,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// A span that is current on this thread, and ends, when the guard is dropped.
///
/// A panic that drops the guard is recorded without its text, which a guard cannot know: the closure
/// forms record that too.
///
/// Guards may be dropped in any order: the current span is that of the latest one that is left. Where no span is
/// recorded, an outer guard takes the baggage along that was set within inner ones.
///
/// The guard must not be held across an `.await`: use `Tracer::in_span` there. The documentation of
/// [`ContextGuard`](crate::ContextGuard) has the clippy line that checks it.
#[derive(Debug)]
#[must_use = "the span ends when the guard is dropped"]
pub struct SpanGuard {
    span: SpanRef,
    position: Position,
    /// Whether the span is recorded and no panic was under way at its start.
    calm: bool,
    not_send: PhantomData<*const ()>,
}

impl SpanGuard {
    /// A guard where nothing is recorded and no scope is open.
    #[inline]
    pub(super) fn idle() -> Self {
        Self::new(SpanRef::default(), push_inert(), false)
    }

    /// Makes the span current that `start` starts, and owns it from now on.
    #[inline]
    pub(super) fn enter(start: impl FnOnce(&mut Context)) -> Self {
        let mut context = Context::default();
        start(&mut context);
        let (calm, span) = (is_calm(), context.span.clone());
        Self::new(span, push(context), calm)
    }

    /// Makes a span current that has started already, and owns it from now on.
    #[inline]
    pub(super) fn of(mut span: Span) -> Self {
        if span.is_inert() && crate::context::no_scope_is_open() {
            return Self::idle();
        }
        let view = span.view().clone();
        let swap = |_: Option<&Context>, fresh: &mut Context| {
            std::mem::swap(fresh, span.context_mut());
            Some(())
        };
        match push_filled(swap) {
            Some(((), position)) => Self::new(view, position, is_calm()),
            None => Self::enter(|context| *context = span.into_context()),
        }
    }

    /// Runs `work` inside the span; a panic is recorded with its text, and goes on.
    #[inline]
    pub(crate) fn run<R>(self, work: impl FnOnce(&SpanRef) -> R) -> R {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&self)));
        leave_forgotten(self.position);
        match outcome {
            Ok(result) => result,
            Err(payload) => self.panicked(payload),
        }
    }

    #[cold]
    fn panicked(self, payload: Box<dyn Any + Send>) -> ! {
        self.span.record_panic(Some(&*payload));
        drop(self);
        resume_unwind(payload)
    }

    /// A guard of a scope that is open; `calm`: as [`is_calm`] has said.
    #[inline]
    pub(super) fn new(span: SpanRef, position: Position, calm: bool) -> Self {
        Self {
            position,
            calm: calm && span.is_recorded(),
            span,
            not_send: PhantomData,
        }
    }
}

/// Whether no panic is under way. Asked before the guard's parts are there: a call that might not return
/// would keep them in memory.
#[inline]
pub(super) fn is_calm() -> bool {
    !std::thread::panicking()
}

impl Deref for SpanGuard {
    type Target = SpanRef;

    #[inline]
    fn deref(&self) -> &SpanRef {
        &self.span
    }
}

impl Drop for SpanGuard {
    #[inline]
    fn drop(&mut self) {
        pop(self.position);
        if self.calm && std::thread::panicking() {
            self.span.record_panic(None);
        }
        self.span.end();
    }
}
