//! What is used of the package `opentelemetry-api`, looked up once.
//!
//! Position: below everything. The current context is the API's, so that instrumentations by others
//! see it and are seen.
//!
//! Invariant: nothing but the context's type, its variable and two keys decides the fast path; ids
//! become objects of the API only when somebody asks.

use crate::span::PySpan;
use continuum_observability::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use pyo3::{
    exceptions::PyImportError,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyString, PyType},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

static API: PyOnceLock<Api> = PyOnceLock::new();

/// Objects of the API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) get: Py<PyAny>,
    pub(crate) set: Py<PyAny>,
    pub(crate) reset: Py<PyAny>,
    pub(crate) context: Py<PyType>,
    pub(crate) span_key: Py<PyString>,
    pub(crate) baggage_key: Py<PyString>,
    /// The subclass of the API's `Span` and of ours.
    pub(crate) span: Py<PyType>,
    pub(crate) status_ok: Py<PyAny>,
    pub(crate) status_error: Py<PyAny>,
    span_context: Py<PyType>,
    trace_flags: Py<PyType>,
    trace_state: Py<PyAny>,
    link: Py<PyType>,
    /// Kinds by the number that the API gives them.
    kinds: [Py<PyAny>; 5],
    /// `sys.modules`, of which every interpreter has its own.
    modules: Py<PyAny>,
    /// Contexts that nobody else holds, in which the current span is `None`.
    spares: Mutex<Vec<Py<PyDict>>>,
}

/// How many contexts are kept for spans to come: about as many as are open inside of each other.
const MAX_SPARES: usize = 16;

/// Tells the recorder which class spans are of. Called once, when the package is imported.
#[pyfunction]
pub(crate) fn install(py: Python<'_>, span: Py<PyType>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    let api = API.get_or_try_init(py, || Api::load(py, span))?;
    if api.modules.is(&modules) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "continuum.observability serves one interpreter of a process, and this is another one",
    ))
}

impl Api {
    /// The objects; `None` before the package is imported.
    #[inline]
    pub(crate) fn get(py: Python<'_>) -> Option<&Self> {
        API.get(py)
    }

    fn load(py: Python<'_>, span: Py<PyType>) -> PyResult<Self> {
        let context = py.import("opentelemetry.context")?;
        let trace = py.import("opentelemetry.trace")?;
        let runtime = context.getattr("_RUNTIME_CONTEXT")?;
        // Another implementation of the context, chosen by OTEL_PYTHON_CONTEXT, has no variable.
        let (get, set, reset) = match runtime.getattr("_current_context") {
            Ok(variable) => (
                variable.getattr("get")?,
                variable.getattr("set")?,
                variable.getattr("reset")?,
            ),
            Err(_) => (
                runtime.getattr("get_current")?,
                runtime.getattr("attach")?,
                runtime.getattr("detach")?,
            ),
        };
        let key = |module: &str, name: &str| -> PyResult<Py<PyString>> {
            Ok(py.import(module)?.getattr(name)?.cast_into()?.unbind())
        };
        let code = trace.getattr("StatusCode")?;
        let kinds = trace.getattr("SpanKind")?;
        let kind = |name: &str| -> PyResult<Py<PyAny>> { Ok(kinds.getattr(name)?.unbind()) };
        Ok(Self {
            get: get.unbind(),
            set: set.unbind(),
            reset: reset.unbind(),
            context: context.getattr("Context")?.cast_into()?.unbind(),
            span_key: key("opentelemetry.trace.propagation", "_SPAN_KEY")?,
            baggage_key: key("opentelemetry.baggage", "_BAGGAGE_KEY")?,
            span,
            status_ok: code.getattr("OK")?.unbind(),
            status_error: code.getattr("ERROR")?.unbind(),
            span_context: trace.getattr("SpanContext")?.cast_into()?.unbind(),
            trace_flags: trace.getattr("TraceFlags")?.cast_into()?.unbind(),
            trace_state: trace.getattr("TraceState")?.unbind(),
            link: trace.getattr("Link")?.cast_into()?.unbind(),
            kinds: [
                kind("INTERNAL")?,
                kind("SERVER")?,
                kind("CLIENT")?,
                kind("PRODUCER")?,
                kind("CONSUMER")?,
            ],
            modules: py.import("sys")?.getattr("modules")?.unbind(),
            spares: Mutex::new(Vec::with_capacity(MAX_SPARES)),
        })
    }

    /// The current context, an immutable `dict`.
    #[inline]
    pub(crate) fn current<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(self.get.bind(py).call0()?.cast_into()?)
    }

    /// An empty context.
    #[inline]
    pub(crate) fn empty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(self.context.bind(py).call0()?.cast_into()?)
    }

    /// A copy of `base` in which a span is the current one.
    #[inline]
    pub(crate) fn context_of<'py>(
        &self,
        base: &Bound<'py, PyDict>,
        span: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        if !has_other_entries(base, &self.span_key)?
            && let Some(spare) = self.spares().pop()
        {
            let spare = spare.into_bound(base.py());
            spare.set_item(self.span_key.bind(base.py()), span)?;
            return Ok(spare);
        }
        self.context_with(base, &self.span_key, span)
    }

    /// Takes a context back that was the current one. One that nobody else holds, and in which there is
    /// nothing but the span, serves the next span: to make one costs more than all that a span is told.
    #[inline]
    pub(crate) fn give_back(&self, context: Bound<'_, PyDict>) {
        let py = context.py();
        #[expect(deprecated, reason = "what is to replace it is unsafe code")]
        let holders = context.get_refcnt();
        if holders > 1 || context.len() != 1 {
            return;
        }
        let is_empty = context.set_item(self.span_key.bind(py), py.None()).is_ok();
        let mut spares = self.spares();
        if is_empty && context.len() == 1 && spares.len() < MAX_SPARES {
            spares.push(context.unbind());
        }
    }

    fn spares(&self) -> MutexGuard<'_, Vec<Py<PyDict>>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of `base` with one entry changed.
    #[inline]
    pub(crate) fn context_with<'py>(
        &self,
        base: &Bound<'py, PyDict>,
        key: &Py<PyString>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let copy = if has_other_entries(base, key)? {
            self.context.bind(base.py()).call1((base,))?.cast_into()?
        } else {
            self.empty(base.py())?
        };
        copy.set_item(key.bind(base.py()), value)?;
        Ok(copy)
    }

    /// Makes a context the current one; the token leads back.
    #[inline]
    pub(crate) fn attach(&self, context: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        Ok(self.set.bind(context.py()).call1((context,))?.unbind())
    }

    /// Goes back to what was current before the span that is about to be left.
    #[inline]
    pub(crate) fn detach(&self, py: Python<'_>, token: &Py<PyAny>, span: &Bound<'_, PyAny>) {
        if self.reset.bind(py).call1((token,)).is_err() {
            let _stays = self.replace_in_other_context(token.bind(py), span).is_err();
        }
    }

    /// In a `contextvars.Context` that the token is not of, such as a copy of its own: only where the
    /// span is the current one there too.
    #[cold]
    fn replace_in_other_context(
        &self,
        token: &Bound<'_, PyAny>,
        span: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = token.py();
        let current = self.current(py)?.get_item(self.span_key.bind(py))?;
        if current.is_some_and(|current| current.is(span)) {
            let before = token.getattr("old_value")?.cast_into::<PyDict>();
            self.attach(&before.or_else(|_| self.empty(py))?)?;
        }
        Ok(())
    }

    /// A span object of the API around ours.
    pub(crate) fn new_span<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySpan>> {
        Ok(self.span.bind(py).call0()?.cast_into()?)
    }

    /// A kind as the API has it.
    pub(crate) fn kind<'a, 'py>(
        &'a self,
        py: Python<'py>,
        kind: SpanKind,
    ) -> &'a Bound<'py, PyAny> {
        self.kinds[usize::from(kind_number(kind))].bind(py)
    }

    /// A link as the API has it.
    pub(crate) fn link<'py>(
        &self,
        py: Python<'py>,
        to: Bound<'py, PyAny>,
        attributes: Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.link.bind(py).call1((to, attributes))
    }

    /// The identity of a span as the API has it.
    pub(crate) fn span_context<'py>(
        &self,
        py: Python<'py>,
        context: &SpanContext,
    ) -> PyResult<Bound<'py, PyAny>> {
        let flags = context.trace_flags().to_u8();
        let state: Vec<(&str, &str)> = context.trace_state().iter().collect();
        self.span_context.bind(py).call1((
            u128::from_be_bytes(context.trace_id().to_bytes()),
            u64::from_be_bytes(context.span_id().to_bytes()),
            context.is_remote(),
            self.trace_flags.bind(py).call1((flags,))?,
            self.trace_state.bind(py).call1((state,))?,
        ))
    }
}

/// Whether there is more in a context than the entry of `key`.
#[inline]
fn has_other_entries(base: &Bound<'_, PyDict>, key: &Py<PyString>) -> PyResult<bool> {
    Ok(match base.len() {
        0 => false,
        1 => !base.contains(key.bind(base.py()))?,
        _ => true,
    })
}

/// A kind as the API numbers it.
pub(crate) fn kind_number(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Server => 1,
        SpanKind::Client => 2,
        SpanKind::Producer => 3,
        SpanKind::Consumer => 4,
        SpanKind::Internal => 0,
    }
}

/// The identity of a span of the API; `None` where it is no such thing.
pub(crate) fn identity(context: &Bound<'_, PyAny>) -> Option<SpanContext> {
    let part = |name: &str| context.getattr(name).ok();
    let trace_id: u128 = part("trace_id")?.extract().ok()?;
    let span_id: u64 = part("span_id")?.extract().ok()?;
    let flags: u8 = part("trace_flags")?.extract().ok()?;
    let is_remote = part("is_remote")?.extract().ok()?;
    let state = trace_state(&part("trace_state")?);
    Some(SpanContext::new(
        TraceId::from(trace_id),
        SpanId::from(span_id),
        TraceFlags::new(flags),
        is_remote,
        state.unwrap_or_default(),
    ))
}

/// The `tracestate` of the API; `None` where it is no such thing.
pub(crate) fn trace_state(state: &Bound<'_, PyAny>) -> Option<TraceState> {
    let header: String = state.call_method0("to_header").ok()?.extract().ok()?;
    header.parse().ok()
}
