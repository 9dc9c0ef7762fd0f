//! [`Tracer`]: where spans start.
//!
//! Position: the entrance of the API; each form is a line on top of [`SpanBuilder`] or of `Start`.
//!
//! Invariant: a tracer names its instrumentation scope only; the recorder is looked up at each
//! start, so a tracer made before `init_telemetry` works afterwards.

use super::{InstrumentationScope, Span, SpanBuilder, SpanGuard, SpanRef, Value, start::Start};
#[cfg(any(feature = "opentelemetry_0_33", feature = "tracing"))]
use crate::context::Context;

/// Starts spans on behalf of a library or module.
///
/// Four forms, from the safest to the freest: a closure ([`Tracer::in_scope`], or
/// [`Tracer::in_span`] for async code), a guard ([`Tracer::start_as_current_span`]), a span of one's
/// own ([`Tracer::start_span`]), and [`Tracer::span_builder`] for all of these with a kind, links,
/// attributes or another parent.
///
/// ```
/// # use continuum_observability::{get_tracer, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// let tracer = get_tracer("assistant");
/// let answer = tracer.in_scope("answer", |span| {
///     span.set_attribute("question.length", 12);
///     tracer.in_scope("recall", |_| 42)
/// });
/// assert_eq!(answer, 42);
/// # });
/// # assert_eq!(recorder.tree(), "answer question.length=12\n  recall\n");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Tracer {
    scope: u32,
}

/// The tracer of an instrumentation scope, such as a crate or module.
///
/// Cheap, but not free: keep it in a variable outside of loops.
pub fn get_tracer(name: &str) -> Tracer {
    Tracer {
        scope: InstrumentationScope::intern(name, "", ""),
    }
}

impl Tracer {
    /// The tracer of a scope with a version.
    pub fn with_version(name: &str, version: &str) -> Self {
        Self {
            scope: InstrumentationScope::intern(name, version, ""),
        }
    }

    /// The tracer of a scope whose attributes are defined by the schema at `schema_url`; what is
    /// empty is not recorded.
    pub fn with_schema_url(name: &str, version: &str, schema_url: &str) -> Self {
        Self {
            scope: InstrumentationScope::intern(name, version, schema_url),
        }
    }

    /// The tracer of a scope that says more about itself by attributes; what is empty is not recorded.
    ///
    /// Scopes whose attributes differ are different ones, and at most 4096 are kept.
    ///
    /// ```
    /// use continuum_observability::{AnyValue, Tracer, testing::TestRecorder};
    ///
    /// let recorder = TestRecorder::new();
    /// recorder.run(|| {
    ///     let tracer = Tracer::with_attributes("pool", "1.2", "", &[("shard", 7.into())]);
    ///     tracer.in_scope("query", |_| ());
    /// });
    /// let attributes = &recorder.spans()[0].scope.attributes;
    /// assert_eq!(*attributes, [("shard".to_owned(), AnyValue::Int(7))]);
    /// ```
    pub fn with_attributes(
        name: &str,
        version: &str,
        schema_url: &str,
        attributes: &[(&str, Value<'_>)],
    ) -> Self {
        Self {
            scope: InstrumentationScope::intern_with(name, version, schema_url, attributes),
        }
    }

    /// Runs `work` inside a span.
    #[inline]
    pub fn in_scope<R>(self, name: &str, work: impl FnOnce(&SpanRef) -> R) -> R {
        self.start_as_current_span(name).run(work)
    }

    /// Runs an async closure inside a span: `tracer.in_span("answer", async |span| { ... }).await`.
    pub async fn in_span<R, Fut>(self, name: &str, work: impl FnOnce(SpanRef) -> Fut) -> R
    where
        Fut: Future<Output = R>,
    {
        self.span_builder(name).in_span(work).await
    }

    /// Starts a span that is current on this thread until the guard is dropped.
    #[inline]
    pub fn start_as_current_span(self, name: &str) -> SpanGuard {
        if Start::is_idle() {
            return SpanGuard::idle();
        }
        Start::plain(self.scope, name).guard()
    }

    /// Starts a span that is not the current one.
    #[inline]
    pub fn start_span(self, name: &str) -> Span {
        if Start::is_idle() {
            return Span::default();
        }
        Start::plain(self.scope, name).span()
    }

    /// A span that is yet to be described and started.
    #[inline]
    pub(crate) fn describe(self, name: &str) -> Start<'_> {
        Start::plain(self.scope, name)
    }

    /// Starts a span of which more than the name is known, without taking memory for that, in place of one
    /// that was never started.
    #[cfg(any(feature = "opentelemetry_0_33", feature = "tracing"))]
    #[inline]
    pub(crate) fn start_described<'a>(
        self,
        name: &'a str,
        parent: Option<&Context>,
        fresh: &mut Span,
        describe: impl FnOnce(&mut Start<'a>),
    ) {
        let mut start = Start::plain(self.scope, name);
        describe(&mut start);
        match parent {
            Some(parent) => start.under(parent, fresh.context_mut()),
            None => start.fill(fresh.context_mut()),
        }
    }

    /// Prepares a span with more than a name.
    #[inline]
    pub fn span_builder(self, name: &str) -> SpanBuilder<'_> {
        SpanBuilder::new(self.scope, name)
    }
}
