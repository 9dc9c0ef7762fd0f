//! Futures of traced functions.
//!
//! Position: on top of `FutureExt::in_span`, which ends the span and notes a cancellation.
//!
//! Invariant: a panic is stopped below the attached span and goes on above it, so that it is
//! recorded with its message, and once.

use super::{Entry, Payload, Watch};
use crate::{
    context::{FutureExt as _, InContext},
    span::SpanRef,
};
use pin_project_lite::pin_project;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// A future inside the span of the function that made it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct TracedFuture<F, S> {
        #[pin]
        inner: InContext<Caught<F, S>>,
    }
}

impl<F, S> TracedFuture<F, S>
where
    F: Future,
    S: FnOnce(Watch<'_>, &F::Output),
{
    pub(super) fn new(entry: Entry, future: F, settle: S) -> Self {
        let caught = Caught {
            future,
            settle: Some(settle),
            span: entry.span.view().clone(),
            record_exception: entry.record_exception,
        };
        Self {
            inner: caught.in_span(entry.span),
        }
    }
}

impl<F, S> Future for TracedFuture<F, S>
where
    F: Future,
    S: FnOnce(Watch<'_>, &F::Output),
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match ready!(self.project().inner.poll(cx)) {
            Ok(output) => Poll::Ready(output),
            Err(payload) => resume_unwind(payload),
        }
    }
}

pin_project! {
    /// A future whose panic is an output.
    #[derive(Debug)]
    struct Caught<F, S> {
        #[pin]
        future: F,
        settle: Option<S>,
        span: SpanRef,
        record_exception: bool,
    }
}

impl<F, S> Future for Caught<F, S>
where
    F: Future,
    S: FnOnce(Watch<'_>, &F::Output),
{
    type Output = Result<F::Output, Payload>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let watch = Watch::new(this.span, *this.record_exception);
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.poll(cx)));
        let output = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        match (&output, this.settle.take()) {
            (Ok(output), Some(settle)) => settle(watch, output),
            (Err(payload), _) => watch.panicked(&**payload),
            (Ok(_), None) => {}
        }
        Poll::Ready(output)
    }
}
