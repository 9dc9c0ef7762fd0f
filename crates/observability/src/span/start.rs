//! The start of a span: parent, sampling, ids, clock.
//!
//! Position: behind `SpanBuilder` and the plain forms of `Tracer`; the only place where spans start.
//!
//! Invariant: without a recorder, the parent's context is passed on unchanged (OpenTelemetry
//! specification, Trace API, "Behavior of the API in the absence of an installed SDK").

use super::{Opening, SpanKind, SpanRef, Value};
use crate::{
    context::{Context, LocalRoot, SpanContext, TraceFlags, no_scope_is_open, with_top},
    recorder::{Clock, Recorder, thread},
    sampling::SamplingParameters,
};

/// A link that is there from the start, with its attributes.
pub(crate) type Link<'a> = (SpanContext, Vec<(&'a str, Value<'a>)>);

/// What is known of a span before it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) scope: u32,
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) attributes: &'a [(&'a str, Value<'a>)],
    pub(crate) links: &'a [Link<'a>],
    pub(crate) time_unix_nanos: Option<u64>,
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
        with_top(|top| self.place_under(top, started));
        self.announce(started);
    }

    /// Starts the span under `parent`.
    #[inline]
    pub(super) fn under(&self, parent: &Context, started: &mut Context) {
        self.place_under(Some(parent), started);
        self.announce(started);
    }

    /// Calls the start hooks, now that the stack of contexts is not borrowed.
    #[inline]
    fn announce(&self, started: &Context) {
        if let Some(recorder) = started.recorder
            && let Some(hooks) = &recorder.hooks
        {
            hooks.started(started, self);
        }
    }

    /// Makes `started`, a fresh one, the context in which the span is current.
    ///
    /// Filled in place, because a context is large enough for each move of it to show.
    #[inline]
    fn place_under(&self, parent: Option<&Context>, started: &mut Context) {
        let own = parent.and_then(|parent| parent.recorder);
        let Some(recorder) = own.or_else(Recorder::global) else {
            return pass_on(parent, started);
        };
        if parent.is_some_and(|parent| parent.suppressed) || self.is_left_out(recorder) {
            return pass_on(parent, started);
        }
        self.decide(recorder, parent, started);
    }

    /// Whether the recorder's filter does not want spans of this tracer.
    #[inline]
    fn is_left_out(&self, recorder: &Recorder) -> bool {
        let hooks = recorder.hooks.as_ref();
        hooks.is_some_and(|hooks| hooks.leave_out(self.scope))
    }

    fn decide(&self, recorder: &'static Recorder, parent: Option<&Context>, started: &mut Context) {
        started.recorder = Some(recorder);
        let parent_span = inherit(recorder, parent, started);
        let trace_id = started.span_context().trace_id();
        let decision = if started.forced {
            Some(true)
        } else {
            recorder.sampler.decide(parent_span, trace_id)
        };
        match decision {
            Some(sampled) => {
                let wanted = sampled || recorder.records_unsampled();
                if identify(recorder, started, sampled) && wanted {
                    self.record(recorder, parent_span, started);
                }
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
        let sampling = recorder.sampler.should_sample(&SamplingParameters {
            parent,
            trace_id: started.span_context().trace_id(),
            name: self.name,
            kind: self.kind,
            attributes: self.attributes,
            links: self.links,
        });
        if let Some(changed) = sampling.trace_state {
            started.span.set_trace_state(changed);
        }
        let sampled = sampling.is_sampled && sampling.is_recording;
        let wanted = sampling.is_recording || recorder.records_unsampled();
        if identify(recorder, started, sampled) && wanted {
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
            // A trace that began elsewhere follows the decision made there.
            started.undecided = parent.is_none()
                && span.is_sampled()
                && !started.forced
                && recorder.sampler.leaves_undecided();
        }
        let forced = started.undecided && (started.forced || recorder.sampler.is_forcing());
        let root = &started.root;
        let start_ticks = clock.ticks();
        let start_unix_nanos = match self.time_unix_nanos {
            None => root.anchor.unix_nanos(start_ticks),
            Some(given) => given,
        };
        let (slot, generation) = thread::open_span(recorder, |body| {
            body.begin(&Opening {
                name: self.name,
                kind: self.kind,
                recorder,
                span,
                parent,
                local_root: root.span_id,
                undecided: started.undecided,
                forced,
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
fn inherit<'p>(
    recorder: &Recorder,
    parent: Option<&'p Context>,
    started: &mut Context,
) -> Option<&'p SpanContext> {
    if let Some(parent) = parent {
        started.root = parent.root;
        started.forced = parent.forced;
        started.undecided = parent.undecided;
        if !parent.baggage.is_empty() {
            started.baggage = parent.baggage.clone();
        }
        let span = parent.span_context();
        if span.is_valid() {
            started.span.join(span);
            return Some(span);
        }
    }
    let given = recorder.hooks.as_ref().and_then(|hooks| hooks.trace_id());
    match given {
        Some((id, flags)) => started.span.begin_trace(id, flags),
        None => started
            .span
            .begin_trace(thread::random_trace_id(), TraceFlags::RANDOM),
    }
    None
}

/// Counts the span and gives it its id; whether it may be recorded.
#[inline]
fn identify(recorder: &'static Recorder, started: &mut Context, sampled: bool) -> bool {
    let given = recorder.hooks.as_ref().and_then(|hooks| hooks.span_id());
    thread::start_span(recorder, !sampled, |id, counted| {
        started
            .span
            .identify(given.unwrap_or(id), sampled && counted);
    })
}
