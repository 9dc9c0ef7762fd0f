//! Code of the user's that sees spans start and end, and the tracers that are left out.
//!
//! Position: kept by the recorder, called by `Start` and by the end of `Span`.
//!
//! Invariants:
//! - a hook that panics costs what it would have added, nothing else;
//! - nothing of it calls itself: what hooks, filters and id generators do is not traced, nor offered to
//!   other ones;
//! - a recorder without hooks has none of this: one pointer is null.
//!
//! Source: OpenTelemetry specification, Trace SDK, "Span processor".

use super::{
    IdGenerator, InstrumentationScope, SpanKind, SpanRef, SpanTime, Value, scope::MAX_SCOPES,
    start::Start,
};
use crate::{
    context::{Baggage, Context, SpanId, TraceFlags, TraceId},
    diagnostics::{self, Topic},
};
#[cfg(feature = "metrics")]
use crate::{
    metrics::{Meter, Operation, SpanMetrics},
    recorder::PerProcess,
};
use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

/// A span that has just started, as a start hook sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SpanStart<'a> {
    /// The name of the tracer.
    pub tracer: &'a str,
    /// The name of the span.
    pub name: &'a str,
    /// The kind of the span.
    pub kind: SpanKind,
    /// The attributes given at the start.
    pub attributes: &'a [(&'a str, Value<'a>)],
    /// The baggage of the span's context.
    pub baggage: &'a Baggage,
}

/// A span that is about to end, as an end hook sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SpanEnd<'a> {
    /// The name of the tracer.
    pub tracer: &'a str,
    /// The name of the span.
    pub name: &'a str,
    /// The kind of the span.
    pub kind: SpanKind,
    /// How long the span took; time that hooks take is not in it.
    pub duration: Duration,
    /// Whether the span carries an error status.
    pub is_error: bool,
}

type StartHook = Arc<dyn Fn(&SpanRef, &SpanStart<'_>) + Send + Sync>;
type EndHook = Arc<dyn Fn(&SpanRef, &SpanEnd<'_>) + Send + Sync>;
type Filter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What the user wants to be called for.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_start: Vec<StartHook>,
    pub(crate) on_end: Vec<EndHook>,
    pub(crate) filter: Option<Filter>,
    pub(crate) id_generator: Option<Arc<dyn IdGenerator>>,
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<SpanMetrics>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_start", &self.on_start.len())
            .field("on_end", &self.on_end.len())
            .field("filter", &self.filter.is_some())
            .field("id_generator", &self.id_generator)
            .finish_non_exhaustive()
    }
}

impl Hooks {
    /// Copies the named baggage entries to each span, as attributes.
    pub(crate) fn add_baggage_attributes(&mut self, keys: Vec<String>) {
        self.on_start.push(Arc::new(move |span, start| {
            for key in &keys {
                if let Some(value) = start.baggage.get(key) {
                    span.set_attribute(key, value);
                }
            }
        }));
    }

    /// The hooks of a running recorder; `None` when there are none.
    pub(crate) fn activate(self) -> Option<Box<ActiveHooks>> {
        let none = self.on_start.is_empty()
            && self.on_end.is_empty()
            && self.filter.is_none()
            && self.id_generator.is_none();
        #[cfg(feature = "metrics")]
        let none = none && self.metrics.is_none();
        (!none).then(|| {
            Box::new(ActiveHooks {
                #[cfg(feature = "metrics")]
                meters: PerProcess::new(),
                hooks: self,
                answers: std::iter::repeat_with(AtomicU8::default)
                    .take(MAX_SCOPES)
                    .collect(),
            })
        })
    }
}

const UNASKED: u8 = 0;
const KEPT: u8 = 1;
const LEFT_OUT: u8 = 2;

/// The hooks of a running recorder.
#[derive(Debug)]
pub(crate) struct ActiveHooks {
    hooks: Hooks,
    #[cfg(feature = "metrics")]
    meters: PerProcess<Box<Meter>>,
    /// What the filter said of each instrumentation scope.
    answers: Box<[AtomicU8]>,
}

impl ActiveHooks {
    /// Whether spans of that instrumentation scope are not wanted, or none are, because code of the
    /// user's that is called from here is what starts them.
    pub(super) fn leave_out(&self, scope: u32) -> bool {
        if IS_RUNNING.get() {
            return true;
        }
        let Some(filter) = &self.hooks.filter else {
            return false;
        };
        // The last number may stand for several tracers, which no answer is right for.
        let known = self.answers.get(scope as usize);
        let Some(known) = known.filter(|_| !InstrumentationScope::is_shared(scope)) else {
            return false;
        };
        let answer = match known.load(Ordering::Relaxed) {
            UNASKED => {
                let ask = || filter(InstrumentationScope::name(scope));
                // One that panics is not asked again either: each time would cost as much.
                let wanted = run(ask).unwrap_or(true);
                let answer = if wanted { KEPT } else { LEFT_OUT };
                known.store(answer, Ordering::Relaxed);
                answer
            }
            answer => answer,
        };
        answer == LEFT_OUT
    }

    /// What measures the spans of this process. A child of a fork has another than its parent: the locks
    /// of that one may be held for ever, by threads that the child does not have.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) -> Option<&Meter> {
        let wanted = self.hooks.metrics.as_ref()?;
        let meter = self.meters.get_or_init(|| Box::new(Meter::new(wanted)))?;
        Some(meter)
    }

    /// Tells the meter of something that is no span.
    #[cfg(feature = "metrics")]
    pub(crate) fn tell_meter(&self, what: impl FnOnce(&Meter)) {
        if let Some(meter) = self.meter() {
            // Metrics may go to code of the user's.
            run(|| what(meter));
        }
    }

    /// Whether a span is recorded for the sake of metrics, also when it is sampled out.
    pub(super) fn is_measured(&self, start: &Start<'_>) -> bool {
        #[cfg(feature = "metrics")]
        return self.hooks.metrics.is_some() && Operation::of(start.name, start.kind).is_some();
        #[cfg(not(feature = "metrics"))]
        {
            let (_, _) = (self, start);
            false
        }
    }

    /// A trace id of the user's generator, and the flags that go with it.
    pub(super) fn trace_id(&self) -> Option<(TraceId, TraceFlags)> {
        let generator = self.hooks.id_generator.as_deref()?;
        let (id, is_random) = run(|| (generator.new_trace_id(), generator.is_random()))?;
        let flags = TraceFlags::NONE.with_random(is_random);
        id.is_valid().then_some((id, flags))
    }

    /// A span id of the user's generator.
    pub(super) fn span_id(&self) -> Option<SpanId> {
        let generator = self.hooks.id_generator.as_deref()?;
        run(|| generator.new_span_id()).filter(|id| id.is_valid())
    }

    /// Whether there are start hooks: metrics, for one, are none.
    pub(super) fn are_told_of_starts(&self) -> bool {
        !self.hooks.on_start.is_empty()
    }

    #[cold]
    pub(super) fn started(&self, context: &Context, start: &Start<'_>) {
        if !context.span.is_recorded() {
            return;
        }
        let facts = SpanStart {
            tracer: InstrumentationScope::name(start.scope),
            name: start.name,
            kind: start.kind,
            attributes: &start.all_attributes(),
            baggage: &context.baggage,
        };
        let _quiet = context.clone().with_telemetry_disabled().attach();
        for hook in &self.hooks.on_start {
            run(|| hook(&context.span, &facts));
        }
    }

    /// Calls the end hooks while the span can still be changed, and then measures it.
    #[cold]
    pub(super) fn ending(&self, span: &SpanRef, end: SpanTime) {
        if !self.hooks.on_end.is_empty() {
            self.call_end_hooks(span, end);
        }
        #[cfg(feature = "metrics")]
        if let Some(meter) = self.meter() {
            // Metrics may go to code of the user's.
            run(|| meter.measure(span, end));
        }
    }

    fn call_end_hooks(&self, span: &SpanRef, end: SpanTime) {
        let read = span.with(|body| {
            let nanos = body.nanos_until(body.end_unix_nanos(end));
            let name = body.name().to_owned();
            (name, body.scope(), body.kind, nanos, body.failed())
        });
        let Some((name, scope, kind, nanos, is_error)) = read else {
            return;
        };
        let facts = SpanEnd {
            tracer: InstrumentationScope::name(scope),
            name: &name,
            kind,
            duration: Duration::from_nanos(nanos),
            is_error,
        };
        let mut context = Context::current().with_telemetry_disabled();
        context.span = span.clone();
        let _quiet = context.attach();
        for hook in &self.hooks.on_end {
            run(|| hook(span, &facts));
        }
    }
}

thread_local! {
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Runs code of the user's; `None` when it panicked, and inside of such code.
fn run<R>(call: impl FnOnce() -> R) -> Option<R> {
    if IS_RUNNING.replace(true) {
        return None;
    }
    let outcome = catch_unwind(AssertUnwindSafe(call));
    IS_RUNNING.set(false);
    if outcome.is_err() {
        diagnostics::warn(
            Topic::Hook,
            format_args!("a hook, filter or id generator panicked; what it would do is left out"),
        );
    }
    outcome.ok()
}
