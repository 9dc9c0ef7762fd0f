//! Keeps the API's context stack and the native one in step, on every thread.
//!
//! Position: between `context::stack`, which asks for a [`Mirror`] of each scope that opens, and the
//! API, which reports each context that is attached or detached to the [`Observer`].
//!
//! How the right parent is found in every nesting: a native scope attaches a mirror of itself to
//! the API's stack and detaches it when it closes; an API context that is attached by other code
//! opens a foreign scope on the native stack. So each stack holds everything that is current, in the
//! order in which it became so, and a span start reads one of them.
//!
//! Invariants:
//! - an event that our own mirror causes opens no scope;
//! - inside the observer the API's stack is borrowed: nothing there reads or changes it;
//! - no panic of the API's gets out: it panics when a context is attached while
//!   `Context::map_current` runs, or after the thread's destructors.

use super::{
    ContinuumPropagator, ContinuumSpan, ContinuumTracerProvider,
    baggage::{changed_baggage, with_baggage},
    live,
};
use crate::{Baggage, Context, SpanContext, SpanId, context};
use opentelemetry::{
    Context as ApiContext, ContextGuard,
    context::{ContextObserver, GlobalContextObserver, ObserverContextView},
    global,
    trace::{SpanContext as ApiSpanContext, TraceContextExt as _},
};
use std::{
    cell::Cell,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

static INSTALLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether the next event is the work of a mirror; the event takes the mark away.
    static OWN_EVENT: Cell<bool> = const { Cell::new(false) };
}

/// Makes this recorder the global one of the `opentelemetry` API, and the two contexts one.
///
/// From then on API code sees native spans as its current ones and the other way round, baggage is one
/// and the same on both sides, and what API code injects and extracts is written as native code writes
/// it. Each native span that becomes current costs an attached API context more. Call it once, at the
/// start, after `init_telemetry`.
///
/// While API code has a context attached, `set_baggage` is seen by native code and by all spans that
/// become current inside, but not in that context itself, which nobody can change.
///
/// # Errors
///
/// When another observer of API contexts was there first: there can be only one in a process, and
/// without it the native side could not see what API code attaches. Nothing is installed then.
///
/// ```
/// use continuum_observability::{get_tracer, interop::opentelemetry_0_33, testing::TestRecorder};
/// use opentelemetry::{global, trace::Tracer as _};
///
/// opentelemetry_0_33::install()?;
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     get_tracer("application").in_scope("request", |_| {
///         global::tracer("library").in_span("query", |_context| {
///             get_tracer("application").in_scope("decode", |_| ());
///         });
///     });
/// });
/// assert_eq!(recorder.tree(), "request\n  query\n    decode\n");
/// # Ok::<(), opentelemetry_0_33::InstallError>(())
/// ```
pub fn install() -> Result<(), InstallError> {
    if !is_observing() {
        GlobalContextObserver::set(Arc::new(Observer));
    }
    if !is_observing() {
        return Err(InstallError {});
    }
    INSTALLED.store(true, Ordering::Relaxed);
    global::set_tracer_provider(ContinuumTracerProvider::new());
    global::set_text_map_propagator(ContinuumPropagator::new());
    Ok(())
}

/// Why [`install`] refused: API contexts have another observer already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstallError {}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another observer of opentelemetry contexts is installed")
    }
}

impl Error for InstallError {}

/// Whether the API reports to our observer: the only way to ask is to try.
fn is_observing() -> bool {
    OWN_EVENT.set(true);
    let guard = ApiContext::new().attach();
    let observing = !OWN_EVENT.replace(true);
    drop(guard);
    OWN_EVENT.set(false);
    observing
}

/// Whether the scopes that open are mirrored.
#[inline]
pub(crate) fn is_mirroring() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// Attaches a mirror of a scope that opens; `None` where the bridge is not installed.
#[inline]
pub(crate) fn mirror(context: &Context) -> Option<Mirror> {
    if is_mirroring() {
        attach(context)
    } else {
        None
    }
}

/// A mirror on the API's stack, detached when dropped, in whatever order.
#[derive(Debug)]
pub(crate) struct Mirror(Option<ContextGuard>);

impl Drop for Mirror {
    fn drop(&mut self) {
        let guard = self.0.take();
        let _panicked = by_ourselves(|| drop(guard)).is_none();
    }
}

#[cold]
fn attach(context: &Context) -> Option<Mirror> {
    by_ourselves(|| mirrored(context).attach()).map(|guard| Mirror(Some(guard)))
}

/// Runs a change of the API's stack that the observer is to take for ours.
fn by_ourselves<R>(change: impl FnOnce() -> R) -> Option<R> {
    OWN_EVENT.set(true);
    let result = catch_unwind(AssertUnwindSafe(change));
    OWN_EVENT.set(false);
    result.ok()
}

/// The API's current context with the span of `context` in place of its own.
fn mirrored(context: &Context) -> ApiContext {
    let mirrored = if context.span_context().is_valid() {
        ApiContext::current_with_span(ContinuumSpan::mirror(context.clone()))
    } else {
        ApiContext::map_current(|current| {
            if current.has_active_span() {
                current.with_remote_span_context(ApiSpanContext::NONE)
            } else {
                current.clone()
            }
        })
    };
    let mirrored = with_baggage(mirrored, &context.baggage);
    if context.suppressed {
        mirrored.with_telemetry_suppressed()
    } else {
        mirrored
    }
}

/// The parent that API code means when it starts a span with `parent`; `None`: the current span.
///
/// Its `start` passes a reference to the current context itself, any other is a parent named on
/// purpose. Contextual parents are the native stack's, which is right also where an API guard was
/// kept across an `.await`.
#[inline]
pub(super) fn parent(parent: &ApiContext) -> Option<Context> {
    let contextual = ApiContext::map_current(|current| ptr::eq(current, parent));
    let says_nothing = !parent.has_active_span() && !parent.is_telemetry_suppressed();
    if contextual && (is_mirroring() || says_nothing) {
        None
    } else {
        let baggage = ApiContext::map_current(|current| changed_baggage(parent, current));
        Some(native(parent, baggage))
    }
}

/// The native context with the meaning of an API context; `baggage` is `None` for the current one.
fn native(api: &ApiContext, baggage: Option<Baggage>) -> Context {
    let mut native = match live::seen_in(api) {
        Some(seen) => seen.context().clone(),
        None => by_identity(api),
    };
    context::with_top(|top| inherit(&mut native, api, baggage, top));
    native
}

/// Has a native context say what the API context says besides its span, and what `top` says, below which it is.
#[inline]
fn inherit(
    native: &mut Context,
    api: &ApiContext,
    baggage: Option<Baggage>,
    top: Option<&Context>,
) {
    native.suppressed = api.is_telemetry_suppressed() || top.is_some_and(|top| top.suppressed);
    native.baggage = baggage
        .or_else(|| top.map(|top| top.baggage.clone()))
        .unwrap_or_default();
}

/// The same for a context that was made when the observer was not there.
#[cold]
fn by_identity(api: &ApiContext) -> Context {
    let span = SpanContext::from(api.span().span_context());
    if !span.is_valid() {
        return Context::root();
    }
    let current = Context::current();
    if *current.span_context() == span {
        return current;
    }
    match live::find(&span) {
        Some(found) => found.context().clone(),
        None => current.with_remote_span_context(span),
    }
}

/// Puts the contexts that API code attaches on the native stack.
#[derive(Debug)]
struct Observer;

impl ContextObserver for Observer {
    fn on_context_enter(&self, from: &ApiContext, to: &ApiContext) {
        if OWN_EVENT.replace(false) {
            return;
        }
        let baggage = changed_baggage(to, from);
        if let Some(seen) = live::seen_in(to) {
            return context::push_foreign(|top, fresh| {
                fresh.clone_from(seen.context());
                inherit(fresh, to, baggage, top);
            });
        }
        let known = by_identity(to);
        context::push_foreign(|top, fresh| {
            *fresh = known;
            inherit(fresh, to, baggage, top);
        });
    }

    fn on_context_exit(&self, from: &ApiContext, to: &ApiContext) {
        let left = (!OWN_EVENT.replace(false)).then(|| span_id(from));
        context::leave_foreign(left, span_id(to));
    }

    /// Derived contexts have a view of their own, since the one that they come from may be gone by then.
    fn make_view(&self, context: &ApiContext) -> Option<Arc<dyn ObserverContextView>> {
        if !context.has_active_span() {
            return None;
        }
        let span = SpanContext::from(context.span().span_context());
        Some(live::asked_or_found(&span)?)
    }
}

/// The id of the context's span; invalid when it has none.
fn span_id(api: &ApiContext) -> SpanId {
    api.span().span_context().span_id().into()
}
