//! [`SpanGuard`]: a span that is current on its thread until it is dropped.
//!
//! Position: the guard form of `Tracer`; a span that nobody else owns, and a scope.
//!
//! Invariant: leaving the scope comes before ending the span, also out of order and on panic.

#[cfg(feature = "macros")]
use super::Span;
use super::SpanRef;
use crate::context::{Context, Position, pop, push, push_inert};
use std::{marker::PhantomData, ops::Deref};

/// A span that is current on this thread, and ends, when the guard is dropped.
///
/// The guard must not be held across an `.await`: use `Tracer::in_span` there. The documentation of
/// [`ContextGuard`](crate::ContextGuard) has the clippy line that checks it.
#[derive(Debug)]
#[must_use = "the span ends when the guard is dropped"]
pub struct SpanGuard {
    span: SpanRef,
    position: Position,
    calm: bool,
    not_send: PhantomData<*const ()>,
}

impl SpanGuard {
    /// A guard where nothing is recorded and no scope is open.
    #[inline]
    pub(super) fn idle() -> Self {
        Self::new(SpanRef::default(), push_inert())
    }

    /// Makes the span current that `start` starts, and owns it from now on.
    #[inline]
    pub(super) fn enter(start: impl FnOnce(&mut Context)) -> Self {
        let mut context = Context::default();
        start(&mut context);
        let span = context.span.clone();
        Self::new(span, push(context))
    }

    /// Makes a span current that has started already, and owns it from now on.
    #[cfg(feature = "macros")]
    #[inline]
    pub(super) fn of(span: Span) -> Self {
        if span.is_inert() && crate::context::no_scope_is_open() {
            return Self::idle();
        }
        Self::enter(|context| *context = span.into_context())
    }

    #[inline]
    fn new(span: SpanRef, position: Position) -> Self {
        Self {
            span,
            position,
            calm: !std::thread::panicking(),
            not_send: PhantomData,
        }
    }
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
        if std::thread::panicking() && self.calm {
            self.span.record_panic();
        }
        self.span.end();
    }
}
