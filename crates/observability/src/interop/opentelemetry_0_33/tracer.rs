//! [`ContinuumTracerProvider`] and [`ContinuumTracer`]: where API code starts its spans.
//!
//! Position: between API code and `SpanBuilder`, which does the work.
//!
//! Invariant: the parent is the one that API code names, or else the native current span.

use super::{
    ContinuumSpan, bridge,
    convert::{attributes, unix_nanos},
};
use crate::{Span, SpanContext, Tracer, Value};
use opentelemetry::{Context as ApiContext, InstrumentationScope, trace as api};

/// The tracer provider of the `opentelemetry` API on this recorder.
///
/// [`install`](super::install) makes it the global one. By hand it can be given to libraries that
/// take a provider; native spans are then not seen by API code as its context.
///
/// ```
/// use continuum_observability::{interop::opentelemetry_0_33 as interop, testing::TestRecorder};
/// use opentelemetry::trace::{Tracer as _, TracerProvider as _};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let tracer = interop::ContinuumTracerProvider::new().tracer("library");
///     tracer.in_span("request", |_context| tracer.in_span("query", |_context| ()));
/// });
/// assert_eq!(recorder.tree(), "request\n  query\n");
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ContinuumTracerProvider {}

impl ContinuumTracerProvider {
    /// A provider; all of them are the same.
    pub const fn new() -> Self {
        Self {}
    }
}

impl api::TracerProvider for ContinuumTracerProvider {
    type Tracer = ContinuumTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> ContinuumTracer {
        let version = scope.version().unwrap_or_default();
        let schema_url = scope.schema_url().unwrap_or_default();
        let members: Vec<_> = scope.attributes().cloned().collect();
        let members = attributes(&members);
        ContinuumTracer {
            native: Tracer::with_attributes(scope.name(), version, schema_url, &members),
        }
    }
}

/// A tracer of the `opentelemetry` API on this recorder; made by [`ContinuumTracerProvider`].
#[derive(Debug, Clone, Copy)]
pub struct ContinuumTracer {
    native: Tracer,
}

impl api::Tracer for ContinuumTracer {
    type Span = ContinuumSpan;

    fn build_with_context(&self, builder: api::SpanBuilder, parent: &ApiContext) -> ContinuumSpan {
        let parent = bridge::parent(parent);
        // Mostly there is nothing but the name.
        let described = builder.attributes.as_deref().map(attributes);
        let links = builder.links.as_deref().map(links);
        let mut span = Span::default();
        self.native
            .start_described(&builder.name, parent.as_ref(), &mut span, |start| {
                start.kind = builder.span_kind.map(Into::into).unwrap_or_default();
                start.attributes = described.as_deref().unwrap_or_default();
                start.links = links.as_deref().unwrap_or_default();
                start.time_unix_nanos = builder.start_time.map(unix_nanos);
            });
        for event in builder.events.iter().flatten() {
            let members = attributes(&event.attributes);
            span.add_event_at(&event.name, unix_nanos(event.timestamp), &members);
        }
        ContinuumSpan::owner(span)
    }
}

type Link<'a> = (SpanContext, Vec<(&'a str, Value<'a>)>);

fn links(theirs: &[api::Link]) -> Vec<Link<'_>> {
    theirs
        .iter()
        .map(|link| ((&link.span_context).into(), attributes(&link.attributes)))
        .collect()
}
