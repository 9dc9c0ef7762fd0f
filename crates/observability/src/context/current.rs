//! [`Context`]: what travels from a span to its children, on one machine.
//!
//! Position: the entries of the [`super::stack`]; captured by whatever carries it elsewhere.
//!
//! Invariant: a context is immutable once captured; `set_baggage` acts on the nearest scope's own.
//!
//! Source: OpenTelemetry specification, "Context".

use super::{Baggage, ContextGuard, SpanContext, SpanId, TraceId, guard, stack};
use crate::{
    diagnostics,
    recorder::{Anchor, Recorder, fork_epoch},
    span::SpanRef,
};

/// The current span, the baggage and the recorder in scope.
///
/// Cheap to clone, `Send` and `Sync`: capture it with [`Context::current`] where work is handed on and
/// attach it where the work is done.
///
/// ```
/// use continuum_observability::{Context, get_baggage, set_baggage, thread_scope, with_context};
///
/// let _scope = thread_scope();
/// set_baggage("tenant", "acme");
/// let context = Context::current();
/// std::thread::spawn(move || {
///     with_context(&context, || assert_eq!(get_baggage("tenant").as_deref(), Some("acme")));
/// })
/// .join()
/// .unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) span: SpanRef,
    pub(crate) baggage: Baggage,
    pub(crate) recorder: Option<&'static Recorder>,
    pub(crate) root: LocalRoot,
    pub(crate) suppressed: bool,
    pub(crate) forced: bool,
    /// Whether it is decided when `root` has ended if its spans are kept.
    pub(crate) undecided: Undecided,
}

/// As a constant, which is copied as a whole: made field by field it cost more than the rest of a span
/// that nobody records.
pub(super) const NONE: Context = Context {
    span: SpanRef::NONE,
    baggage: Baggage::EMPTY,
    recorder: None,
    root: LocalRoot {
        span_id: SpanId::INVALID,
        anchor: Anchor::NONE,
    },
    suppressed: false,
    forced: false,
    undecided: Undecided::NOWHERE,
};

impl Default for Context {
    /// No span, no baggage, and the recorder of the program.
    #[inline]
    fn default() -> Self {
        NONE
    }
}

/// What the spans of one local root share.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalRoot {
    pub(crate) span_id: SpanId,
    pub(crate) anchor: Anchor,
}

/// The process that decides about a trace at its end, as a number above 0. For the child of a fork, which
/// does not see that end, the traces of its parent began elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undecided(u32);

impl Undecided {
    pub(crate) const NOWHERE: Self = Self(0);

    /// In this process, or nowhere.
    #[inline]
    pub(crate) fn here_if(is_undecided: bool) -> Self {
        if is_undecided {
            Self(fork_epoch() + 1)
        } else {
            Self::NOWHERE
        }
    }

    /// Whether this process decides.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        self != Self::NOWHERE && self == Self::here_if(true)
    }
}

impl Context {
    /// The context of the calling code.
    pub fn current() -> Self {
        stack::with_top(|top| top.map_or_else(Self::default, Self::clone))
    }

    /// A context with no span and no baggage, in which the next span is a root.
    ///
    /// It keeps the recorder in scope, so that a test's spans stay with the test, and whether telemetry
    /// is disabled, so that a root span does not trace what must not trace itself.
    pub fn root() -> Self {
        stack::with_top(|top| Self {
            recorder: top.and_then(|top| top.recorder),
            suppressed: top.is_some_and(|top| top.suppressed),
            ..Self::default()
        })
    }

    /// This context with the span of another process as its current span.
    #[must_use]
    pub fn with_remote_span_context(mut self, context: SpanContext) -> Self {
        self.set_remote_span_context(context);
        self
    }

    /// The same in place.
    #[inline]
    pub(crate) fn set_remote_span_context(&mut self, context: SpanContext) {
        self.span = SpanRef::non_recording(context);
        self.root = LocalRoot::default();
        self.undecided = Undecided::NOWHERE;
    }

    /// This context with other baggage.
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = baggage;
        self
    }

    /// This context in which spans are not recorded, for work that must not trace itself.
    #[must_use]
    pub fn with_telemetry_disabled(mut self) -> Self {
        self.suppressed = true;
        self
    }

    /// This context in which every span is recorded, whatever the sampler says.
    ///
    /// For one request that somebody wants to see; it holds for all spans below, in this process, and
    /// others are asked to do the same by the sampled flag.
    ///
    /// ```
    /// use continuum_observability::{
    ///     Context, Sampler, SpanLimits, get_tracer, testing::TestRecorder, with_context,
    /// };
    ///
    /// let recorder = TestRecorder::with(Sampler::AlwaysOff, SpanLimits::default());
    /// recorder.run(|| {
    ///     let tracer = get_tracer("docs");
    ///     tracer.in_scope("unseen", |_| ());
    ///     let context = Context::current().with_forced_sampling();
    ///     with_context(&context, || tracer.in_scope("seen", |_| ()));
    /// });
    /// assert_eq!(recorder.tree(), "seen\n");
    /// ```
    #[must_use]
    pub fn with_forced_sampling(mut self) -> Self {
        self.forced = true;
        self
    }

    /// The current span of this context.
    pub fn span(&self) -> &SpanRef {
        &self.span
    }

    /// The identity of the current span; invalid when there is none.
    pub fn span_context(&self) -> &SpanContext {
        self.span.context()
    }

    /// The baggage of this context.
    pub fn baggage(&self) -> &Baggage {
        &self.baggage
    }

    /// Makes this context current on this thread until the guard is dropped.
    ///
    /// The guard must not be held across an `.await`: use
    /// [`FutureExt::with_context`](super::FutureExt::with_context) there.
    pub fn attach(self) -> ContextGuard {
        guard::attach(self)
    }
}

/// Runs `work` with `context` as the current context.
pub fn with_context<R>(context: &Context, work: impl FnOnce() -> R) -> R {
    context.clone().attach().run(work)
}

/// Runs `work` in a context in which nothing is recorded, for work that must not trace itself.
///
/// A span that is current stays so, and is passed on to other processes. The form for futures is
/// [`FutureExt::with_telemetry_disabled`](super::FutureExt::with_telemetry_disabled).
///
/// ```
/// use continuum_observability::{get_tracer, testing::TestRecorder, with_telemetry_disabled};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     with_telemetry_disabled(|| tracer.in_scope("health_check", |_| ()));
///     tracer.in_scope("recall", |_| ());
/// });
/// assert_eq!(recorder.tree(), "recall\n");
/// ```
pub fn with_telemetry_disabled<R>(work: impl FnOnce() -> R) -> R {
    let quiet = Context::current().with_telemetry_disabled();
    quiet.attach().run(work)
}

/// The current span; one that records nothing where there is none.
///
/// ```
/// # use continuum_observability::{get_current_span, testing::TestRecorder, get_tracer};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| get_tracer("doc").in_scope("work", |_| {
/// let span = get_current_span();
/// if span.is_recording() {
///     span.set_attribute("expensive_metric", 42);
/// }
/// # }));
/// # assert_eq!(recorder.tree(), "work expensive_metric=42\n");
/// ```
pub fn get_current_span() -> SpanRef {
    stack::with_top(|top| top.map(|top| top.span.clone())).unwrap_or_default()
}

/// The id of the current trace, if there is one.
pub fn get_trace_id() -> Option<TraceId> {
    stack::with_top(|top| top.map(|top| top.span.context().trace_id())).filter(|id| id.is_valid())
}

/// The id of the current span, if there is one.
pub fn get_span_id() -> Option<SpanId> {
    stack::with_top(|top| top.map(|top| top.span.context().span_id())).filter(|id| id.is_valid())
}

/// Sets a baggage entry in the nearest scope: a span, an attached future or context, a
/// [`thread_scope`](super::thread_scope).
///
/// Returns whether it was set; [`Baggage::insert`] says what is refused. Outside every scope nothing changes, because on an async runtime the
/// entry would leak to whatever task the thread runs next; this is warned of once.
pub fn set_baggage(key: &str, value: &str) -> bool {
    let outcome = stack::with_top_mut(|top| top.baggage.insert(key, value));
    #[cfg(feature = "opentelemetry_0_33")]
    if outcome == Some(Ok(())) {
        stack::renew_mirror();
    }
    if outcome.is_none() {
        diagnostics::misplaced_baggage();
    }
    outcome.is_some_and(|inserted| inserted.is_ok())
}

/// The value of a baggage entry of the current context.
pub fn get_baggage(key: &str) -> Option<String> {
    stack::with_top(|top| top.and_then(|top| top.baggage.get(key).map(ToOwned::to_owned)))
}
