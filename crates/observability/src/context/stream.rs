//! Streams and sinks that carry their own context.
//!
//! Position: the counterpart of [`super::future`] for `futures_core::Stream` and `futures_sink::Sink`.
//!
//! Invariant: the context is current during each poll and the drop, and never else.

use super::{Context, future::TaskSlot};
use crate::span::Span;
use futures_core::Stream;
use futures_sink::Sink;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{self, Poll},
};

/// Attaches spans and contexts to streams and sinks.
///
/// ```
/// use continuum_observability::{StreamExt as _, get_tracer};
/// # use futures_util::{StreamExt as _, stream};
/// # futures_util::FutureExt::now_or_never(async {
/// let numbers = stream::iter([1, 2]).in_span(get_tracer("docs").start_span("numbers"));
/// assert_eq!(numbers.collect::<Vec<_>>().await, [1, 2]);
/// # }).unwrap();
/// ```
pub trait StreamExt: Sized {
    /// Runs the stream inside `span`, which ends when the stream is exhausted or dropped.
    fn in_span(self, span: Span) -> InContextStream<Self> {
        InContextStream::new(self, TaskSlot::with_span(span))
    }

    /// Runs the stream with `context` as its current context.
    fn with_context(self, context: Context) -> InContextStream<Self> {
        InContextStream::new(self, TaskSlot::new(context))
    }

    /// Runs the stream with the context of the calling code.
    fn in_current_context(self) -> InContextStream<Self> {
        InContextStream::new(self, TaskSlot::new(Context::current()))
    }
}

impl<S: Stream> StreamExt for S {}

/// Attaches spans and contexts to sinks.
///
/// ```
/// use continuum_observability::{SinkExt as _, get_tracer};
/// use futures_util::{SinkExt as _, sink};
/// # futures_util::FutureExt::now_or_never(async {
/// let mut sink = sink::drain().in_span(get_tracer("docs").start_span("write"));
/// sink.send(1).await?;
/// sink.close().await
/// # }).unwrap().unwrap();
/// ```
pub trait SinkExt<T>: Sink<T> + Sized {
    /// Runs the sink inside `span`, which ends when the sink is closed or dropped.
    fn in_span(self, span: Span) -> InContextStream<Self> {
        InContextStream::new(self, TaskSlot::with_span(span))
    }

    /// Runs the sink with `context` as its current context.
    fn with_context(self, context: Context) -> InContextStream<Self> {
        InContextStream::new(self, TaskSlot::new(context))
    }

    /// Runs the sink with the context of the calling code.
    fn in_current_context(self) -> InContextStream<Self> {
        InContextStream::new(self, TaskSlot::new(Context::current()))
    }
}

impl<T, S: Sink<T>> SinkExt<T> for S {}

pin_project! {
    /// A stream or sink with its own context; made by [`StreamExt`] or [`SinkExt`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct InContextStream<S> {
        #[pin]
        inner: Option<S>,
        slot: TaskSlot,
        done: bool,
    }

    impl<S> PinnedDrop for InContextStream<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let entered = if *this.done {
                this.slot.enter()
            } else {
                this.slot.enter_cancelled()
            };
            this.inner.set(None);
            entered.finish();
        }
    }
}

impl<S: Stream> Stream for InContextStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let mut entered = this.slot.enter();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let item = entered.watch(|| inner.poll_next(cx));
        if matches!(item, Poll::Ready(None)) {
            *this.done = true;
            entered.finish();
        }
        item
    }
}

impl<T, S: Sink<T>> Sink<T> for InContextStream<S> {
    type Error = S::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.with_inner(|inner| inner.poll_ready(cx), || Poll::Ready(Ok(())))
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), S::Error> {
        self.with_inner(|inner| inner.start_send(item), || Ok(()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.with_inner(|inner| inner.poll_flush(cx), || Poll::Ready(Ok(())))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        let entered = this.slot.enter();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(Ok(()));
        };
        let closed = inner.poll_close(cx);
        if closed.is_ready() {
            *this.done = true;
            entered.finish();
        }
        closed
    }
}

impl<S> InContextStream<S> {
    fn new(inner: S, slot: TaskSlot) -> Self {
        Self {
            inner: Some(inner),
            slot,
            done: false,
        }
    }

    fn with_inner<R>(
        self: Pin<&mut Self>,
        run: impl FnOnce(Pin<&mut S>) -> R,
        gone: impl FnOnce() -> R,
    ) -> R {
        let this = self.project();
        let _entered = this.slot.enter();
        this.inner.as_pin_mut().map_or_else(gone, run)
    }
}
