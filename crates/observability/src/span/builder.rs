//! [`SpanBuilder`]: everything that is decided when a span starts.
//!
//! Position: between `Tracer` and the recorder; the only place where spans are started.
//!
//! Invariants:
//! - the parent is the given context or else the current one, never a guess;
//! - without a recorder, the parent's context is passed on unchanged (OpenTelemetry specification,
//!   Trace API, "Behavior of the API in the absence of an installed SDK").

use super::{Identity, Span, SpanGuard, SpanKind, SpanRef, Value};
use crate::{
    context::{
        Baggage, Context, FutureExt as _, LocalRoot, SpanContext, SpanId, TraceFlags, TraceId,
        with_top,
    },
    recorder::{Clock, Recorder, thread},
    sampling::SamplingParameters,
};

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
    links: Vec<(SpanContext, Vec<(&'a str, Value<'a>)>)>,
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

    /// Sets an attribute that samplers can see.
    pub fn attribute(mut self, key: &'a str, value: impl Into<Value<'a>>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    /// Links the span to another one.
    pub fn link(self, context: SpanContext) -> Self {
        self.link_with(context, Vec::new())
    }

    /// Links the span to another one, with attributes of the link.
    pub fn link_with(mut self, context: SpanContext, attributes: Vec<(&'a str, Value<'a>)>) -> Self {
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
        match self.parent {
            Some(parent) => self.start_under(Some(parent)),
            None => with_top(|top| self.start_under(top)),
        }
    }

    /// Starts the span and makes it current on this thread until the guard is dropped.
    #[inline]
    pub fn start_as_current(self) -> SpanGuard {
        SpanGuard::enter(self.start())
    }

    /// Runs `work` inside the span.
    #[inline]
    pub fn in_scope<R>(self, work: impl FnOnce(&SpanRef) -> R) -> R {
        let guard = self.start_as_current();
        work(&guard)
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

    #[inline]
    fn start_under(self, parent: Option<&Context>) -> Span {
        let recorder = parent.and_then(|parent| parent.recorder).or_else(Recorder::global);
        match recorder {
            Some(recorder) if !parent.is_some_and(|parent| parent.suppressed) => {
                self.decide(recorder, parent)
            }
            _ => unrecorded(parent),
        }
    }

    fn decide(self, recorder: &'static Recorder, parent: Option<&Context>) -> Span {
        let parent_context = parent.map(|parent| parent.span.context()).filter(|c| c.is_valid());
        let trace_id = parent_context.map_or_else(new_trace_id, SpanContext::trace_id);
        let sampling = recorder.config.sampler.should_sample(&SamplingParameters {
            parent: parent_context,
            trace_id,
            name: self.name,
            kind: self.kind,
            attributes: &self.attributes,
        });
        let counted = thread::count_started(recorder, !sampling.is_sampled);
        let flags = parent_context.map_or(TraceFlags::RANDOM, SpanContext::trace_flags);
        let context = SpanContext::new(
            trace_id,
            SpanId::from(thread::random_id()),
            flags.with_sampled(sampling.is_sampled && counted),
            false,
            match &sampling.trace_state {
                Some(changed) => changed.clone(),
                None => parent_context.map(|c| c.trace_state().clone()).unwrap_or_default(),
            },
        );
        let baggage = parent.map(|parent| parent.baggage.clone()).unwrap_or_default();
        if !sampling.is_recording || !counted {
            let root = parent.map(|parent| parent.root).unwrap_or_default();
            return Span::new(SpanRef::non_recording(context), Some(recorder), root, baggage);
        }
        self.record(recorder, parent, context, &sampling.attributes, baggage)
    }

    fn record(
        self,
        recorder: &'static Recorder,
        parent: Option<&Context>,
        context: SpanContext,
        sampled_attributes: &[(&str, Value<'_>)],
        baggage: Baggage,
    ) -> Span {
        let clock = Clock::global();
        let parent_context = parent.map(|parent| parent.span.context()).filter(|c| c.is_valid());
        let root = parent.map(|parent| parent.root).filter(|root| root.span_id.is_valid());
        let root = root.unwrap_or_else(|| LocalRoot {
            span_id: context.span_id(),
            anchor: clock.anchor(),
        });
        let start_ticks = clock.ticks();
        let start = self.start_unix_nanos;
        let (slot, generation) = thread::open_span(|body| {
            body.begin(self.name, self.kind, recorder.config.limits);
            body.identity = Identity {
                trace_id: context.trace_id().to_bytes(),
                span_id: context.span_id().to_bytes(),
                parent_span_id: parent_context.map(|c| c.span_id().to_bytes()),
                parent_is_remote: parent_context.is_some_and(SpanContext::is_remote),
                flags: context.trace_flags().to_u8(),
                trace_state: context.trace_state().clone(),
                local_root: root.span_id,
                scope: self.scope,
                start_ticks,
                start_unix_nanos: start
                    .unwrap_or_else(|| root.anchor.unix_nanos(start_ticks)),
                anchor: root.anchor,
            };
            for (key, value) in &self.attributes {
                body.set_attribute(key, value);
            }
            for (key, value) in sampled_attributes {
                body.set_attribute(key, value);
            }
            for (link, attributes) in &self.links {
                body.add_link(link, attributes);
            }
        });
        let view = SpanRef::recording(context, slot, generation);
        Span::new(view, Some(recorder), root, baggage)
    }
}

/// A span that records nothing and passes its parent on.
#[inline]
fn unrecorded(parent: Option<&Context>) -> Span {
    match parent {
        None => Span::new(SpanRef::default(), None, LocalRoot::default(), Baggage::default()),
        Some(parent) => Span::unrecorded(parent),
    }
}

fn new_trace_id() -> TraceId {
    TraceId::from(u128::from(thread::random_id()) << 64 | u128::from(thread::random_id()))
}
