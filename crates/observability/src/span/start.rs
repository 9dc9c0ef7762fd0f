//! The start of a span: parent, sampling, ids, clock.
//!
//! Position: behind `SpanBuilder` and the plain forms of `Tracer`; the only place where spans start.
//!
//! Invariant: without a recorder, the parent's context is passed on unchanged (OpenTelemetry
//! specification, Trace API, "Behavior of the API in the absence of an installed SDK").

use super::{Opening, Span, SpanKind, SpanRef, Value};
use crate::{
    context::{Context, LocalRoot, SpanContext, SpanId, TraceFlags, TraceId, TraceState, with_top},
    recorder::{Clock, Recorder, thread},
    sampling::SamplingParameters,
};

/// A link that is there from the start, with its attributes.
pub(super) type Link<'a> = (SpanContext, Vec<(&'a str, Value<'a>)>);

/// What is known of a span before it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    pub(super) scope: u32,
    pub(super) name: &'a str,
    pub(super) kind: SpanKind,
    pub(super) attributes: &'a [(&'a str, Value<'a>)],
    pub(super) links: &'a [Link<'a>],
    pub(super) time_unix_nanos: Option<u64>,
}

impl<'a> Start<'a> {
    /// A span with nothing but a name.
    #[inline]
    pub(super) fn plain(scope: u32, name: &'a str) -> Self {
        Self {
            scope,
            name,
            kind: SpanKind::Internal,
            attributes: &[],
            links: &[],
            time_unix_nanos: None,
        }
    }

    /// Starts the span under the current context.
    #[inline]
    pub(super) fn under_current(&self) -> Span {
        with_top(|top| self.under(top))
    }

    /// Starts the span under `parent`.
    #[inline]
    pub(super) fn under(&self, parent: Option<&Context>) -> Span {
        match (parent, Recorder::global()) {
            (None, None) => Span::default(),
            (None, Some(recorder)) => self.decide(recorder, None),
            (Some(parent), global) => match parent.recorder.or(global) {
                Some(recorder) if !parent.suppressed => self.decide(recorder, Some(parent)),
                _ => Span::unrecorded(parent),
            },
        }
    }

    fn decide(&self, recorder: &'static Recorder, parent: Option<&Context>) -> Span {
        let parent_span = parent.map(Context::span_context).filter(|c| c.is_valid());
        let trace_id = parent_span.map_or_else(thread::random_trace_id, SpanContext::trace_id);
        match recorder.config.sampler.decide(parent_span, trace_id) {
            Some(true) => self.sampled(recorder, parent, trace_id),
            Some(false) => sampled_out(recorder, parent, trace_id),
            None => self.ask(recorder, parent, trace_id),
        }
    }

    /// Starts a span that is recorded and exported.
    fn sampled(
        &self,
        recorder: &'static Recorder,
        parent: Option<&Context>,
        trace_id: TraceId,
    ) -> Span {
        match thread::start_span(recorder, false) {
            Some(id) => {
                let context = context(recorder, parent, trace_id, id, true);
                self.record(context, parent, recorder)
            }
            None => sampled_out_uncounted(recorder, parent, trace_id),
        }
    }

    /// Leaves the decision to a sampler of the user's.
    #[cold]
    fn ask(
        &self,
        recorder: &'static Recorder,
        parent: Option<&Context>,
        trace_id: TraceId,
    ) -> Span {
        let parameters = SamplingParameters {
            parent: parent.map(Context::span_context).filter(|c| c.is_valid()),
            trace_id,
            name: self.name,
            kind: self.kind,
            attributes: self.attributes,
        };
        let sampling = recorder.config.sampler.should_sample(&parameters);
        let sampled = sampling.is_sampled && sampling.is_recording;
        let Some(id) = thread::start_span(recorder, !sampled) else {
            return sampled_out_uncounted(recorder, parent, trace_id);
        };
        let mut context = context(recorder, parent, trace_id, id, sampled);
        if let Some(changed) = sampling.trace_state {
            context.span = context.span.with_trace_state(changed);
        }
        if !sampling.is_recording {
            return Span::new(context);
        }
        let span = self.record(context, parent, recorder);
        span.view().set_attributes(sampling.attributes);
        span
    }

    /// Starts to record the span of `context`.
    #[inline]
    fn record(
        &self,
        mut context: Context,
        parent: Option<&Context>,
        recorder: &'static Recorder,
    ) -> Span {
        let clock = Clock::global();
        let span = context.span.context();
        if !context.root.span_id.is_valid() {
            context.root = LocalRoot {
                span_id: span.span_id(),
                anchor: clock.anchor(),
            };
        }
        let (root, start_ticks) = (context.root, clock.ticks());
        let (slot, generation) = thread::open_span(|body| {
            body.begin(&Opening {
                name: self.name,
                kind: self.kind,
                limits: &recorder.config.limits,
                trace_id: span.trace_id(),
                span_id: span.span_id(),
                parent: parent.map(Context::span_context).filter(|c| c.is_valid()),
                flags: span.trace_flags().to_u8(),
                trace_state: span.trace_state(),
                local_root: root.span_id,
                scope: self.scope,
                start_ticks,
                start_unix_nanos: self
                    .time_unix_nanos
                    .unwrap_or_else(|| root.anchor.unix_nanos(start_ticks)),
                anchor: root.anchor,
            });
            for (key, value) in self.attributes {
                body.set_attribute(key, value);
            }
            for (link, attributes) in self.links {
                body.add_link(link, attributes);
            }
        });
        context.span.record_in(slot, generation);
        Span::new(context)
    }
}

/// A span that a sampler decided not to record.
#[inline]
fn sampled_out(recorder: &'static Recorder, parent: Option<&Context>, trace_id: TraceId) -> Span {
    match thread::start_span(recorder, true) {
        Some(id) => Span::new(context(recorder, parent, trace_id, id, false)),
        None => sampled_out_uncounted(recorder, parent, trace_id),
    }
}

/// A span that is not recorded because the recorder cannot run in this process.
#[cold]
fn sampled_out_uncounted(
    recorder: &'static Recorder,
    parent: Option<&Context>,
    trace_id: TraceId,
) -> Span {
    let id = SpanId::from(thread::random_id());
    Span::new(context(recorder, parent, trace_id, id, false))
}

/// The context of a new span, not recorded yet.
#[inline]
fn context(
    recorder: &'static Recorder,
    parent: Option<&Context>,
    trace_id: TraceId,
    span_id: SpanId,
    sampled: bool,
) -> Context {
    let Some(parent) = parent else {
        let flags = TraceFlags::RANDOM.with_sampled(sampled);
        let span = SpanContext::new(trace_id, span_id, flags, false, TraceState::EMPTY);
        return Context {
            span: SpanRef::non_recording(span),
            recorder: Some(recorder),
            ..Context::default()
        };
    };
    let span = parent.span_context();
    let (flags, state) = if span.is_valid() {
        (span.trace_flags(), span.trace_state().clone())
    } else {
        (TraceFlags::RANDOM, TraceState::EMPTY)
    };
    let flags = flags.with_sampled(sampled);
    Context {
        span: SpanRef::non_recording(SpanContext::new(trace_id, span_id, flags, false, state)),
        baggage: parent.baggage.clone(),
        recorder: Some(recorder),
        root: parent.root,
        suppressed: false,
    }
}
