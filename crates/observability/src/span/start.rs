//! The start of a span: parent, sampling, ids, clock.
//!
//! Position: behind `SpanBuilder` and the plain forms of `Tracer`; the only place where spans start.
//!
//! Invariant: without a recorder, the parent's context is passed on unchanged (OpenTelemetry
//! specification, Trace API, "Behavior of the API in the absence of an installed SDK").

use super::{Identity, Span, SpanKind, SpanRef, Value};
use crate::{
    context::{
        Baggage, Context, LocalRoot, SpanContext, SpanId, TraceFlags, TraceId, no_scope_is_open,
        with_top,
    },
    recorder::{Clock, Recorder, thread},
    sampling::{SamplingParameters, SamplingResult},
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
        if Recorder::global().is_none() && no_scope_is_open() {
            return Span::default();
        }
        self.announced(with_top(|top| self.place_under(top)))
    }

    /// Starts the span under `parent`.
    #[inline]
    pub(super) fn under(&self, parent: &Context) -> Span {
        self.announced(self.place_under(Some(parent)))
    }

    /// Calls the start hooks, now that the stack of contexts is not borrowed.
    #[inline]
    fn announced(&self, span: Span) -> Span {
        if let Some(hooks) = span.recorder().and_then(|recorder| recorder.hooks.as_ref()) {
            hooks.started(&span, self);
        }
        span
    }

    #[inline]
    fn place_under(&self, parent: Option<&Context>) -> Span {
        let recorder = parent
            .and_then(|parent| parent.recorder)
            .or_else(Recorder::global);
        match recorder {
            Some(recorder)
                if !parent.is_some_and(|parent| parent.suppressed)
                    && !self.is_left_out(recorder) =>
            {
                self.decide(recorder, parent).forced_like(parent)
            }
            _ => unrecorded(parent),
        }
    }

    /// Whether the recorder's filter does not want spans of this tracer.
    #[inline]
    fn is_left_out(&self, recorder: &Recorder) -> bool {
        let hooks = recorder.hooks.as_ref();
        hooks.is_some_and(|hooks| hooks.leave_out(self.scope))
    }

    fn decide(&self, recorder: &'static Recorder, parent: Option<&Context>) -> Span {
        let parent_context = parent
            .map(|parent| parent.span.context())
            .filter(|c| c.is_valid());
        let (trace_id, flags) = parent_context.map_or_else(
            || new_trace_id(recorder),
            |parent| (parent.trace_id(), parent.trace_flags()),
        );
        let sampling = if parent.is_some_and(|parent| parent.forced) {
            SamplingResult::from_decision(true)
        } else {
            recorder.sampler.should_sample(&SamplingParameters {
                parent: parent_context,
                trace_id,
                name: self.name,
                kind: self.kind,
                attributes: self.attributes,
            })
        };
        let sampled = sampling.is_sampled && sampling.is_recording;
        let counted = thread::count_started(recorder, !sampled);
        let context = SpanContext::new(
            trace_id,
            new_span_id(recorder),
            flags.with_sampled(sampled && counted),
            false,
            match &sampling.trace_state {
                Some(changed) => changed.clone(),
                None => parent_context
                    .map(|c| c.trace_state().clone())
                    .unwrap_or_default(),
            },
        );
        let baggage = parent
            .map(|parent| parent.baggage.clone())
            .unwrap_or_default();
        if !sampling.is_recording || !counted {
            let root = parent.map(|parent| parent.root).unwrap_or_default();
            return Span::new(
                SpanRef::non_recording(context),
                Some(recorder),
                root,
                baggage,
            );
        }
        self.record(recorder, parent, context, &sampling.attributes, baggage)
    }

    fn record(
        &self,
        recorder: &'static Recorder,
        parent: Option<&Context>,
        context: SpanContext,
        sampled_attributes: &[(&str, Value<'_>)],
        baggage: Baggage,
    ) -> Span {
        let clock = Clock::global();
        let parent_context = parent
            .map(|parent| parent.span.context())
            .filter(|c| c.is_valid());
        let root = parent
            .map(|parent| parent.root)
            .filter(|root| root.span_id.is_valid());
        let root = root.unwrap_or_else(|| LocalRoot {
            span_id: context.span_id(),
            anchor: clock.anchor(),
        });
        let start_ticks = clock.ticks();
        let start = self.time_unix_nanos;
        let (slot, generation) = thread::open_span(|body| {
            body.begin(self.name, self.kind, recorder.config.limits);
            body.naming = recorder.config.naming;
            body.identity = Identity {
                trace_id: context.trace_id().to_bytes(),
                span_id: context.span_id().to_bytes(),
                parent_span_id: parent_context.map(|c| c.span_id().to_bytes()),
                parent_is_remote: parent_context.is_some_and(SpanContext::is_remote),
                flags: context.trace_flags().to_w3c(),
                trace_state: context.trace_state().clone(),
                local_root: root.span_id,
                scope: self.scope,
                start_ticks,
                start_unix_nanos: start.unwrap_or_else(|| root.anchor.unix_nanos(start_ticks)),
                anchor: root.anchor,
            };
            for (key, value) in self.attributes {
                body.set_attribute(key, value);
            }
            for (key, value) in sampled_attributes {
                body.set_attribute(key, value);
            }
            for (link, attributes) in self.links {
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
        None => Span::new(
            SpanRef::default(),
            None,
            LocalRoot::default(),
            Baggage::default(),
        ),
        Some(parent) => Span::unrecorded(parent),
    }
}

/// The id and the flags of a new trace.
#[inline]
fn new_trace_id(recorder: &Recorder) -> (TraceId, TraceFlags) {
    let hooks = recorder.hooks.as_ref();
    hooks.and_then(|hooks| hooks.trace_id()).unwrap_or_else(|| {
        let id = u128::from(thread::random_id()) << 64 | u128::from(thread::random_id());
        (TraceId::from(id), TraceFlags::RANDOM)
    })
}

#[inline]
fn new_span_id(recorder: &Recorder) -> SpanId {
    let hooks = recorder.hooks.as_ref();
    hooks
        .and_then(|hooks| hooks.span_id())
        .unwrap_or_else(|| SpanId::from(thread::random_id()))
}
