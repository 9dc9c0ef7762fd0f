//! Streams of traced functions.
//!
//! Position: the counterpart of [`super::future`] on top of `StreamExt::in_span`.
//!
//! Invariants: the span lasts until the stream is exhausted or dropped; an item that is an `Err` is
//! a failure of the function; a panic is recorded once, and ends the stream.

use super::{Entry, Payload, Watch};
use crate::{
    context::{InContextStream, StreamExt as _},
    span::SpanRef,
};
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// A stream inside the span of the function that made it.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct TracedStream<T, S> {
        #[pin]
        inner: InContextStream<Caught<T, S>>,
    }
}

impl<T, S> TracedStream<T, S>
where
    T: Stream,
    S: FnMut(Watch<'_>, &T::Item),
{
    pub(super) fn new(entry: Entry, stream: T, settle: S) -> Self {
        let caught = Caught {
            stream,
            settle,
            span: entry.span.view().clone(),
            record_exception: entry.record_exception,
            panicked: false,
        };
        Self {
            inner: caught.in_span(entry.span),
        }
    }
}

impl<T, S> Stream for TracedStream<T, S>
where
    T: Stream,
    S: FnMut(Watch<'_>, &T::Item),
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let mut inner = self.project().inner;
        match ready!(inner.as_mut().poll_next(cx)) {
            Some(Ok(item)) => Poll::Ready(Some(item)),
            Some(Err(payload)) => {
                // Polled once more it is exhausted, by which its span ends.
                let _exhausted = inner.poll_next(cx).is_ready();
                resume_unwind(payload)
            }
            None => Poll::Ready(None),
        }
    }
}

pin_project! {
    /// A stream whose panic is its last item.
    #[derive(Debug)]
    struct Caught<T, S> {
        #[pin]
        stream: T,
        settle: S,
        span: SpanRef,
        record_exception: bool,
        panicked: bool,
    }
}

impl<T, S> Stream for Caught<T, S>
where
    T: Stream,
    S: FnMut(Watch<'_>, &T::Item),
{
    type Item = Result<T::Item, Payload>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.panicked {
            return Poll::Ready(None);
        }
        let watch = Watch::new(this.span, *this.record_exception);
        let item = match catch_unwind(AssertUnwindSafe(|| this.stream.poll_next(cx))) {
            Ok(polled) => ready!(polled).map(Ok),
            Err(payload) => Some(Err(payload)),
        };
        match &item {
            Some(Ok(item)) => (this.settle)(watch, item),
            Some(Err(payload)) => {
                *this.panicked = true;
                watch.panicked(&**payload);
            }
            None => {}
        }
        Poll::Ready(item)
    }
}
