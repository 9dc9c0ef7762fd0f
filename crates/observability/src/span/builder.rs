//! [`SpanBuilder`]: everything that is decided when a span starts.
//!
//! Position: between `Tracer` and [`Start`], which does it.
//!
//! Invariant: the parent is the given context or else the current one, never a guess.

use super::{
    Failure, Span, SpanGuard, SpanKind, SpanRef, Value,
    start::{Link, Start},
};
use crate::context::{Context, FutureExt as _, SpanContext};

/// Prepares a span; made by `Tracer::span_builder`.
///
/// ```
/// # use continuum_observability::{get_tracer, SpanKind, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// get_tracer("docs")
///     .span_builder("publish")
///     .kind(SpanKind::Producer)
///     .attribute("messaging.system", "nats")
///     .in_scope(|_| ());
/// # });
/// # assert_eq!(recorder.tree(), "publish [producer] messaging.system=nats\n");
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until the span is started"]
pub struct SpanBuilder<'a> {
    scope: u32,
    name: &'a str,
    kind: SpanKind,
    parent: Option<&'a Context>,
    attributes: Vec<(&'a str, Value<'a>)>,
    links: Vec<Link<'a>>,
    start_unix_nanos: Option<u64>,
}

impl<'a> SpanBuilder<'a> {
    #[inline]
    pub(super) fn new(scope: u32, name: &'a str) -> Self {
        Self {
            scope,
            name,
            kind: SpanKind::Internal,
            parent: None,
            attributes: Vec::new(),
            links: Vec::new(),
            start_unix_nanos: None,
        }
    }

    /// Sets the role of the span; [`SpanKind::Internal`] otherwise.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Takes the parent, the baggage and the recorder from `context` instead of the current one.
    pub fn parent(mut self, context: &'a Context) -> Self {
        self.parent = Some(context);
        self
    }

    /// Sets an attribute that samplers can see, and is better given here than later for that.
    pub fn attribute(mut self, key: &'a str, value: impl Into<Value<'a>>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    /// Links the span to another one.
    pub fn link(self, context: SpanContext) -> Self {
        self.link_with(context, Vec::new())
    }

    /// Links the span to another one, with attributes of the link.
    pub fn link_with(
        mut self,
        context: SpanContext,
        attributes: Vec<(&'a str, Value<'a>)>,
    ) -> Self {
        self.links.push((context, attributes));
        self
    }

    /// Starts the span at a time in nanoseconds since the Unix epoch instead of now.
    pub fn start_time_unix_nanos(mut self, unix_nanos: u64) -> Self {
        self.start_unix_nanos = Some(unix_nanos);
        self
    }

    /// Starts the span; it is not the current one.
    #[inline]
    pub fn start(self) -> Span {
        self.as_start().span_under(self.parent)
    }

    /// Starts the span and makes it current on this thread until the guard is dropped.
    #[inline]
    pub fn start_as_current(self) -> SpanGuard {
        self.as_start().guard_under(self.parent)
    }

    #[inline]
    fn as_start(&self) -> Start<'_> {
        Start {
            kind: self.kind,
            attributes: &self.attributes,
            links: &self.links,
            time_unix_nanos: self.start_unix_nanos,
            ..Start::plain(self.scope, self.name)
        }
    }

    /// Runs `work` inside the span.
    #[inline]
    pub fn in_scope<R>(self, work: impl FnOnce(&SpanRef) -> R) -> R {
        self.start_as_current().run(work)
    }

    /// Runs an async closure inside the span, which starts at the first poll.
    pub async fn in_span<R, Fut>(self, work: impl FnOnce(SpanRef) -> Fut) -> R
    where
        Fut: Future<Output = R>,
    {
        let span = self.start();
        let view = span.view().clone();
        async { work(view).await }.in_span(span).await
    }

    /// Runs a closure inside the span; an `Err` is recorded and passed on.
    ///
    /// Where both the closure and the caller use `?`, name the error, `Ok::<_, MyError>(found)`, or
    /// return the result without `?`.
    ///
    /// ```
    /// use continuum_observability::{get_tracer, testing::TestRecorder};
    ///
    /// let recorder = TestRecorder::new();
    /// let parsed = recorder.run(|| {
    ///     let span = get_tracer("docs").span_builder("parse");
    ///     span.run_sync(|_| "many".parse::<u8>())
    /// });
    /// assert!(parsed.is_err());
    /// assert!(recorder.tree().starts_with("parse ERROR(invalid digit found in string)"));
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work`, unchanged.
    pub fn run_sync<T, E: Failure<By>, By>(
        self,
        work: impl FnOnce(&SpanRef) -> Result<T, E>,
    ) -> Result<T, E> {
        self.in_scope(|span| work(span).inspect_err(|error| error.record_on(span)))
    }

    /// Runs an async closure inside the span; an `Err` is recorded and passed on.
    ///
    /// Where both the closure and the caller use `?`, name the error, `Ok::<_, MyError>(found)`, or
    /// return the result without `?`.
    ///
    /// # Errors
    ///
    /// Those of `work`, unchanged.
    pub async fn run<T, E: Failure<By>, By, Fut>(
        self,
        work: impl FnOnce(SpanRef) -> Fut,
    ) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        let watched = async |span: SpanRef| {
            let result = work(span.clone()).await;
            result.inspect_err(|error| error.record_on(&span))
        };
        self.in_span(watched).await
    }
}
