//! The start of a span: parent, sampling, ids, clock.
//!
//! Position: behind `SpanBuilder` and the plain forms of `Tracer`; the only place where spans start.
//!
//! Invariant: without a recorder, the parent's context is passed on unchanged (OpenTelemetry
//! specification, Trace API, "Behavior of the API in the absence of an installed SDK").

use super::{
    Opening, Span, SpanBody, SpanGuard, SpanKind, SpanRef, Template, Value, guard::is_calm,
};
use crate::{
    context::{
        Context, LocalRoot, SpanContext, SpanId, TraceFlags, Undecided, no_scope_is_open,
        push_filled, with_top,
    },
    recorder::{
        Clock, ParentOrigin, Recorder, SamplingOutcome,
        thread::{self, Here},
    },
    sampling::SamplingParameters,
};
use std::borrow::Cow;

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
    /// What the call site knows of them, and those before them.
    pub(crate) template: Option<&'a Template>,
}

/// What was decided about a span.
#[derive(Debug, Clone, Copy)]
struct Decision {
    is_recording: bool,
    is_sampled: bool,
}

impl Decision {
    #[inline]
    fn of(sampled: bool) -> Self {
        Self {
            is_recording: sampled,
            is_sampled: sampled,
        }
    }
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
            template: None,
        }
    }

    /// Whether a span under the current context is nothing: nobody records, and nothing is open.
    #[inline]
    pub(super) fn is_idle() -> bool {
        Recorder::global().is_none() && no_scope_is_open()
    }

    /// Starts the span under `parent`, or else under the current context.
    #[inline]
    pub(crate) fn span_under(&self, parent: Option<&Context>) -> Span {
        match parent {
            None if Self::is_idle() => Span::default(),
            None => self.span(),
            Some(parent) => Span::new(|started| self.under(parent, started)),
        }
    }

    /// The same, and makes it the current one.
    #[inline]
    pub(crate) fn guard_under(&self, parent: Option<&Context>) -> SpanGuard {
        match parent {
            None if Self::is_idle() => SpanGuard::idle(),
            None => self.guard(),
            Some(parent) => SpanGuard::enter(|started| self.under(parent, started)),
        }
    }

    /// Starts the span under the current context.
    #[inline(never)]
    pub(super) fn span(&self) -> Span {
        let mut span = Span::default();
        self.fill(span.context_mut());
        span
    }

    /// Makes a fresh context the one in which the span is current, under the current one.
    #[inline]
    pub(super) fn fill(&self, fresh: &mut Context) {
        if !with_top(|top| self.place_usually(top, fresh)) {
            self.under_current(fresh);
        }
    }

    /// Starts the span under the current context, and makes it the current one.
    ///
    /// Its context is filled where it will lie, because it is large enough for each move to show.
    #[inline(never)]
    pub(super) fn guard(&self) -> SpanGuard {
        let fill = |below: Option<&Context>, fresh: &mut Context| {
            let usual = self.place_usually(below, fresh);
            usual.then(|| fresh.span.clone())
        };
        let calm = is_calm();
        match push_filled(fill) {
            Some((span, position)) => SpanGuard::new(span, position, calm),
            None => SpanGuard::enter(|started| self.under_current(started)),
        }
    }

    /// Starts the span under the current context, also where code of the user's is to be called.
    #[cold]
    pub(super) fn under_current(&self, started: &mut Context) {
        *started = Context::default();
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
            && hooks.are_told_of_starts()
        {
            while_hooked(&started.span, || hooks.started(started, self));
        }
    }

    /// Makes `started`, a fresh one, the context in which the span is current, unless code of the
    /// user's is to be called for that.
    #[expect(clippy::inline_always, reason = "the hottest path, in its few callers")]
    #[inline(always)]
    fn place_usually(&self, parent: Option<&Context>, started: &mut Context) -> bool {
        let own = parent.and_then(|parent| parent.recorder);
        let Some(recorder) = own.or_else(Recorder::global) else {
            pass_on(parent, started);
            return true;
        };
        if recorder.hooks.is_some() || parent.is_some_and(|parent| parent.suppressed) {
            return false;
        }
        started.recorder = Some(recorder);
        let parent_span = inherit(parent, started);
        if parent_span.is_none() {
            (started.span).begin_trace(thread::random_trace_id(), TraceFlags::RANDOM);
        }
        let trace_id = started.span_context().trace_id();
        let Some(sampled) = recorder.sampler.decide(parent_span, trace_id) else {
            return false;
        };
        let decision = Decision::of(sampled || started.forced);
        if decision.is_recording || recorder.records_unsampled() {
            self.begin(recorder, parent_span, None, decision, started);
        } else {
            started
                .span
                .identify(thread::leave_out_span(recorder, origin(parent_span)), false);
        }
        true
    }

    /// The same, in every case.
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

    /// Whether metrics are worked out of the span, so that it is recorded in any case.
    #[inline]
    fn is_measured(&self, recorder: &Recorder) -> bool {
        let hooks = recorder.hooks.as_ref();
        hooks.is_some_and(|hooks| hooks.is_measured(self))
    }

    #[cold]
    fn decide(&self, recorder: &'static Recorder, parent: Option<&Context>, started: &mut Context) {
        started.recorder = Some(recorder);
        let parent_span = inherit(parent, started);
        if parent_span.is_none() {
            begin_trace(recorder, started);
        }
        let trace_id = started.span_context().trace_id();
        let decision = if started.forced {
            Some(true)
        } else {
            recorder.sampler.decide(parent_span, trace_id)
        };
        match decision {
            Some(sampled) => {
                let decision = Decision {
                    is_recording: sampled || self.is_measured(recorder),
                    is_sampled: sampled,
                };
                let id = given_span_id(recorder);
                self.begin(recorder, parent_span, id, decision, started);
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
            attributes: &self.all_attributes(),
            links: self.links,
        });
        if let Some(changed) = sampling.trace_state {
            started.span.set_trace_state(changed);
        }
        let decision = Decision {
            is_recording: sampling.is_recording || self.is_measured(recorder),
            is_sampled: sampling.is_sampled && sampling.is_recording,
        };
        self.begin(recorder, parent, given_span_id(recorder), decision, started);
        let span = &started.span;
        while_hooked(span, || span.set_attributes(sampling.attributes));
    }

    /// Counts the span, gives it its id, and starts to record it if that was decided.
    #[inline(never)]
    fn begin(
        &self,
        recorder: &'static Recorder,
        parent: Option<&SpanContext>,
        given_id: Option<SpanId>,
        decision: Decision,
        started: &mut Context,
    ) {
        thread::here(|thread| {
            let is_wanted = decision.is_recording || recorder.records_unsampled();
            let outcome = if decision.is_sampled {
                SamplingOutcome::RecordAndSample
            } else if is_wanted {
                SamplingOutcome::RecordOnly
            } else {
                SamplingOutcome::Drop
            };
            let counted = thread.count_span(recorder, (origin(parent), outcome));
            let id = given_id.unwrap_or_else(|| thread.random_span_id());
            started.span.identify(id, decision.is_sampled && counted);
            if is_wanted && counted {
                self.record(thread, recorder, parent, started);
            }
        });
    }

    /// All attributes, for code of the user's.
    #[cold]
    pub(super) fn all_attributes(&self) -> Cow<'_, [(&'a str, Value<'a>)]> {
        if let Some(template) = self
            .template
            .filter(|template| !template.fixed().is_empty())
        {
            let is_last = |(key, _): &&(&str, _)| self.attributes.iter().all(|(k, _)| k != key);
            let fixed = template.fixed().iter().filter(is_last).cloned();
            return fixed.chain(self.attributes.iter().cloned()).collect();
        }
        self.attributes.into()
    }

    /// Adds what is known besides the name.
    #[inline]
    fn describe(&self, body: &mut SpanBody) {
        if let Some(template) = self.template {
            body.set_by(template, self.attributes);
        } else if !self.attributes.is_empty() {
            body.set_attributes(self.attributes);
        }
        for (link, attributes) in self.links {
            body.add_link(link, attributes);
        }
    }

    /// Starts to record the span of `started`.
    #[inline]
    fn record(
        &self,
        thread: Here<'_>,
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
            let is_undecided = parent.is_none()
                && span.is_sampled()
                && !started.forced
                && recorder.sampler.leaves_undecided();
            started.undecided = Undecided::here_if(is_undecided);
        }
        let undecided = started.undecided.is_here();
        let forced = undecided && (started.forced || recorder.sampler.is_forcing());
        let root = &started.root;
        let start_ticks = clock.ticks();
        let start_unix_nanos = match self.time_unix_nanos {
            None => root.anchor.unix_nanos(start_ticks),
            Some(given) => given,
        };
        let (slot, generation) = thread.open_span(recorder, |body| {
            body.begin(&Opening {
                name: self.name,
                kind: self.kind,
                recorder,
                span,
                parent,
                local_root: root.span_id,
                undecided,
                forced,
                scope: self.scope,
                start_ticks,
                start_unix_nanos,
                anchor: root.anchor,
            });
            self.describe(body);
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

/// Gives `started` what a new span has from its parent; returns the parent's identity, if there is
/// a parent.
#[inline]
fn inherit<'p>(parent: Option<&'p Context>, started: &mut Context) -> Option<&'p SpanContext> {
    let parent = parent?;
    started.root = parent.root;
    started.forced = parent.forced;
    started.undecided = parent.undecided;
    if !parent.baggage.is_empty() {
        started.baggage = parent.baggage.clone();
    }
    let span = parent.span_context();
    span.is_valid().then(|| {
        started.span.join(span);
        span
    })
}

/// Where the parent of a span is.
#[inline]
fn origin(parent: Option<&SpanContext>) -> ParentOrigin {
    match parent {
        None => ParentOrigin::None,
        Some(parent) if parent.is_remote() => ParentOrigin::Remote,
        Some(_) => ParentOrigin::Local,
    }
}

/// Begins a trace whose id may come from the user's generator.
fn begin_trace(recorder: &Recorder, started: &mut Context) {
    let given = recorder.hooks.as_ref().and_then(|hooks| hooks.trace_id());
    let (id, flags) = given.unwrap_or_else(|| (thread::random_trace_id(), TraceFlags::RANDOM));
    started.span.begin_trace(id, flags);
}

/// An id of the user's generator.
fn given_span_id(recorder: &Recorder) -> Option<SpanId> {
    recorder.hooks.as_ref().and_then(|hooks| hooks.span_id())
}

/// Lets sampler or hooks add to a span that was just started: some interfaces have it start once more.
fn while_hooked(span: &SpanRef, add: impl FnOnce()) {
    #[cfg(feature = "tracing")]
    span.while_hooked(add);
    #[cfg(not(feature = "tracing"))]
    {
        let _ = span;
        add();
    }
}
