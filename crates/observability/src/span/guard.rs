//! [`SpanGuard`]: a span that is current on its thread until it is dropped.
//!
//! Position: the guard form of `Tracer`; a `Span` plus a scope of the context stack.
//!
//! Invariant: leaving the scope comes before ending the span, also out of order and on panic.

use super::{Span, SpanRef};
use crate::context::{Position, pop, push, push_inert};
use std::{marker::PhantomData, ops::Deref};

/// A span that is current on this thread, and ends, when the guard is dropped.
///
/// The guard must not be held across an `.await`: use `Tracer::in_span` there. The documentation of
/// [`ContextGuard`](crate::ContextGuard) has the clippy line that checks it.
#[derive(Debug)]
#[must_use = "the span ends when the guard is dropped"]
pub struct SpanGuard {
    span: Span,
    position: Position,
    calm: bool,
    not_send: PhantomData<*const ()>,
}

impl SpanGuard {
    #[inline]
    pub(super) fn enter(span: Span) -> Self {
        let position = if span.is_inert() {
            push_inert()
        } else {
            push(span.as_context())
        };
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

    fn deref(&self) -> &SpanRef {
        self.span.view()
    }
}

impl Drop for SpanGuard {
    #[inline]
    fn drop(&mut self) {
        pop(self.position);
        if std::thread::panicking() && self.calm {
            self.span.record_panic();
        }
    }
}
