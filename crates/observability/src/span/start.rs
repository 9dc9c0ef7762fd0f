//! The start of a span: parent, sampling, ids, clock.
//!
//! Position: behind `SpanBuilder` and the plain forms of `Tracer`; the only place where spans start.
//!
//! Invariant: without a recorder, the parent's context is passed on unchanged (OpenTelemetry
//! specification, Trace API, "Behavior of the API in the absence of an installed SDK").

use super::{Opening, SpanKind, SpanRef, Value};
use crate::{
    context::{Context, LocalRoot, SpanContext, no_scope_is_open, with_top},
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

    /// Whether a span under the current context is nothing: nobody records, and nothing is open.
    #[inline]
    pub(super) fn is_idle() -> bool {
        Recorder::global().is_none() && no_scope_is_open()
    }

    /// Starts the span under the current context.
    #[inline]
    pub(super) fn under_current(&self, started: &mut Context) {
        with_top(|top| self.under(top, started));
    }

    /// Starts the span under `parent` and makes `started`, a fresh one, the context in which it is
    /// current.
    ///
    /// Filled in place, because a context is large enough for each move of it to show.
    #[inline]
    pub(super) fn under(&self, parent: Option<&Context>, started: &mut Context) {
        let own = parent.and_then(|parent| parent.recorder);
        let Some(recorder) = own.or_else(Recorder::global) else {
            return pass_on(parent, started);
        };
        if parent.is_some_and(|parent| parent.suppressed) {
            return pass_on(parent, started);
        }
        self.decide(recorder, parent, started);
    }

    fn decide(&self, recorder: &'static Recorder, parent: Option<&Context>, started: &mut Context) {
        started.recorder = Some(recorder);
        let parent_span = inherit(parent, started);
        let trace_id = started.span_context().trace_id();
        match recorder.config.sampler.decide(parent_span, trace_id) {
            Some(true) => {
                let identify = |id, counted| started.span.identify(id, counted);
                if thread::start_span(recorder, false, identify) {
                    self.record(recorder, parent_span, started);
                }
            }
            Some(false) => {
                let identify = |id, _| started.span.identify(id, false);
                thread::start_span(recorder, true, identify);
            }
            None => self.ask(recorder, parent_span, started),
        }
    }

    /// Leaves the decision to a sampler of the user's.
    #[cold]
    fn ask(
        &self,
        recorder: &'static Recorder,
        parent: Option<&SpanContext>,
        started: &mut Context,
    ) {
        let sampling = recorder.config.sampler.should_sample(&SamplingParameters {
            parent,
            trace_id: started.span_context().trace_id(),
            name: self.name,
            kind: self.kind,
            attributes: self.attributes,
        });
        if let Some(changed) = sampling.trace_state {
            started.span.set_trace_state(changed);
        }
        let sampled = sampling.is_sampled && sampling.is_recording;
        let identify = |id, counted| started.span.identify(id, sampled && counted);
        if thread::start_span(recorder, !sampled, identify) && sampling.is_recording {
            self.record(recorder, parent, started);
            started.span.set_attributes(sampling.attributes);
        }
    }

    /// Starts to record the span of `started`.
    #[inline]
    fn record(
        &self,
        recorder: &'static Recorder,
        parent: Option<&SpanContext>,
        started: &mut Context,
    ) {
        let clock = Clock::global();
        let span = started.span.context();
        if !started.root.span_id.is_valid() {
            started.root = LocalRoot {
                span_id: span.span_id(),
                anchor: clock.anchor(),
            };
        }
        let root = &started.root;
        let start_ticks = clock.ticks();
        let start_unix_nanos = match self.time_unix_nanos {
            None => root.anchor.unix_nanos(start_ticks),
            Some(given) => given,
        };
        let (slot, generation) = thread::open_span(|body| {
            body.begin(&Opening {
                name: self.name,
                kind: self.kind,
                recorder,
                span,
                parent,
                local_root: root.span_id,
                scope: self.scope,
                start_ticks,
                start_unix_nanos,
                anchor: root.anchor,
            });
            if !self.attributes.is_empty() {
                body.set_attributes(self.attributes);
            }
            for (link, attributes) in self.links {
                body.add_link(link, attributes);
            }
        });
        started.span.record_in(slot, generation);
    }
}

/// A span that stands in for its parent, in whose context nothing is recorded.
fn pass_on(parent: Option<&Context>, started: &mut Context) {
    if let Some(parent) = parent {
        started.clone_from(parent);
        started.span = SpanRef::non_recording(parent.span_context().clone());
    }
}

/// Gives `started` what a new span has from its parent, or a new trace; returns the parent's
/// identity.
#[inline]
fn inherit<'p>(parent: Option<&'p Context>, started: &mut Context) -> Option<&'p SpanContext> {
    if let Some(parent) = parent {
        started.root = parent.root;
        if !parent.baggage.is_empty() {
            started.baggage = parent.baggage.clone();
        }
        let span = parent.span_context();
        if span.is_valid() {
            started.span.join(span);
            return Some(span);
        }
    }
    started.span.begin_trace(thread::random_trace_id());
    None
}
