//! `Span`: what the guide's `with … as span` gives.
//!
//! Position: around the recorder's `Span`; the package makes a subclass of it and of the API's.
//!
//! Invariants:
//! - no method raises, whatever it is given and whether or not the span has ended;
//! - an exception is recorded once, though the user and the scope both see it.

use crate::{
    exception::{self, Outcome},
    opentelemetry::Api,
    snapshot,
    value::{Attributes, Text, borrowed, text, value},
};
use continuum_observability::{Context, Span, SpanContext, SpanKind, SpanRef, Status};
use pyo3::{
    prelude::*,
    types::{PyDict, PyType},
};
use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicU8, Ordering},
};

/// One operation: its name, times, attributes, events, links and outcome.
#[pyclass(
    subclass,
    frozen,
    name = "Span",
    module = "continuum.observability._native"
)]
#[derive(Debug, Default)]
pub(crate) struct PySpan(OnceLock<State>);

/// What a span object holds once it stands for a span.
#[derive(Debug)]
pub(crate) struct State {
    held: Held,
    /// Whether what is set on the span may be kept.
    is_recorded: bool,
    /// The API's object that the context's baggage was read from.
    pub(crate) baggage: Option<Py<PyAny>>,
    identity: OnceLock<Py<PyAny>>,
    /// The exception that was recorded last, kept until the span ends.
    recorded: Mutex<Option<Py<PyAny>>>,
    /// One of the numbers that follow.
    status: AtomicU8,
    /// What an exception does that leaves a `with` block around the span itself.
    outcome: Outcome,
}

const UNSET: u8 = 0;
const OK: u8 = 1;
const ERROR: u8 = 2;

/// A span, with the context in which it is the current one.
#[derive(Debug)]
enum Held {
    /// One of this process, which ends with it.
    Own(Span),
    /// One of another process.
    Remote(Context),
}

impl State {
    /// The context in which the span is the current one.
    #[inline]
    pub(crate) fn context(&self) -> &Context {
        match &self.held {
            Held::Own(span) => span.context(),
            Held::Remote(context) => context,
        }
    }

    #[inline]
    pub(crate) fn view(&self) -> &SpanRef {
        match &self.held {
            Held::Own(span) => span.view(),
            Held::Remote(context) => context.span(),
        }
    }

    /// Whether somebody has set a status.
    pub(crate) fn has_status(&self) -> bool {
        self.status.load(Ordering::Relaxed) != UNSET
    }

    /// Whether the status that counts is an error.
    pub(crate) fn has_failed(&self) -> bool {
        self.status.load(Ordering::Relaxed) == ERROR
    }

    pub(crate) fn set_status(&self, status: Status<'_>) {
        // OK is final.
        if self.status.load(Ordering::Relaxed) != OK {
            let number = if status == Status::Ok { OK } else { ERROR };
            self.status.store(number, Ordering::Relaxed);
        }
        self.view().set_status(status);
    }

    fn last_recorded(&self) -> std::sync::MutexGuard<'_, Option<Py<PyAny>>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an exception unless it is the one that was recorded last.
    pub(crate) fn record_once(&self, exception: &Bound<'_, PyAny>) {
        let known = self
            .last_recorded()
            .as_ref()
            .is_some_and(|last| last.is(exception));
        if !known {
            exception::record(self.view(), exception, None, None);
        }
    }

    pub(crate) fn end(&self, unix_nanos: Option<u64>) {
        if let Held::Own(span) = &self.held {
            match unix_nanos {
                Some(unix_nanos) => span.end_with_timestamp(unix_nanos),
                None => span.end(),
            }
        }
        // Outside of the lock: dropping an exception may run code of the user's.
        let recorded = self.last_recorded().take();
        drop(recorded);
    }
}

impl PySpan {
    /// A span object for a span that has started.
    #[inline]
    pub(crate) fn started<'py>(
        py: Python<'py>,
        api: &Api,
        span: Span,
        baggage: Option<Bound<'py, PyAny>>,
        outcome: Outcome,
    ) -> PyResult<Bound<'py, Self>> {
        let is_recorded = span.is_recording();
        Self::new_with(py, api, Held::Own(span), is_recorded, baggage, outcome)
    }

    /// A span object for a span of another process.
    pub(crate) fn remote<'py>(
        py: Python<'py>,
        api: &Api,
        context: Context,
        baggage: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let outcome = Outcome::default();
        Self::new_with(py, api, Held::Remote(context), false, baggage, outcome)
    }

    #[inline]
    fn new_with<'py>(
        py: Python<'py>,
        api: &Api,
        held: Held,
        is_recorded: bool,
        baggage: Option<Bound<'py, PyAny>>,
        outcome: Outcome,
    ) -> PyResult<Bound<'py, Self>> {
        let object = api.new_span(py)?;
        let state = State {
            held,
            is_recorded,
            baggage: baggage.map(Bound::unbind),
            identity: OnceLock::new(),
            recorded: Mutex::new(None),
            status: AtomicU8::new(UNSET),
            outcome,
        };
        let _is_new = object.get().0.set(state).is_ok();
        Ok(object)
    }

    #[inline]
    pub(crate) fn state(&self) -> Option<&State> {
        self.0.get()
    }

    #[inline]
    fn view(&self) -> Option<&SpanRef> {
        self.0.get().map(State::view)
    }

    /// The span, where it is worth the while to find out what it is to be told.
    #[inline]
    fn recorded(&self) -> Option<&SpanRef> {
        let state = self.0.get().filter(|state| state.is_recorded);
        state.map(State::view)
    }

    fn identity(&self) -> SpanContext {
        self.view().map(SpanRef::span_context).unwrap_or_default()
    }
}

#[pymethods]
impl PySpan {
    #[new]
    #[classmethod]
    fn new(_class: &Bound<'_, PyType>) -> Self {
        Self::default()
    }

    fn set_attribute(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) {
        if let Some(view) = self.recorded()
            && let Some(value) = self::value(value)
        {
            view.set_attribute(&text(key), value);
        }
    }

    fn set_attributes(&self, attributes: &Bound<'_, PyAny>) {
        if let Some(view) = self.recorded() {
            let attributes = Attributes::of(Some(attributes));
            view.set_attributes(attributes.pairs());
        }
    }

    #[pyo3(signature = (name, attributes = None, timestamp = None))]
    fn add_event(
        &self,
        name: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) {
        let Some(view) = self.recorded() else { return };
        let attributes = Attributes::of(attributes);
        let pairs = attributes.pairs();
        match nanos(timestamp) {
            Some(time) => view.add_event_at(&text(name), time, &borrowed(&pairs)),
            None => view.add_event(&text(name), &borrowed(&pairs)),
        }
    }

    #[pyo3(signature = (context, attributes = None))]
    fn add_link(&self, context: &Bound<'_, PyAny>, attributes: Option<&Bound<'_, PyAny>>) {
        if let (Some(view), Some(context)) =
            (self.recorded(), crate::opentelemetry::identity(context))
        {
            let attributes = Attributes::of(attributes);
            view.add_link(&context, &borrowed(&attributes.pairs()));
        }
    }

    #[pyo3(signature = (status, description = None))]
    fn set_status(&self, status: &Bound<'_, PyAny>, description: Option<&Bound<'_, PyAny>>) {
        let (Some(state), Some(api)) = (self.0.get(), Api::get(status.py())) else {
            return;
        };
        let (code, description) = match status.getattr("status_code") {
            Ok(code) => (code, status.getattr("description").ok()),
            Err(_) => (status.clone(), description.cloned()),
        };
        if code.is(&api.status_ok) {
            state.set_status(Status::Ok);
        } else if code.is(&api.status_error) {
            let description = description.filter(|text| !text.is_none());
            let description = description.map(|object| text(&object).into_owned());
            state.set_status(Status::error(description.unwrap_or_default()));
        }
    }

    #[pyo3(
        signature = (exception, attributes = None, timestamp = None, escaped = None),
        text_signature = "($self, exception, attributes=None, timestamp=None, escaped=False)"
    )]
    fn record_exception(
        &self,
        exception: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
        escaped: Option<&Bound<'_, PyAny>>,
    ) {
        let _ = escaped; // deprecated, and without a place on the wire
        if let Some(state) = self.0.get().filter(|state| state.view().is_recording()) {
            exception::record(state.view(), exception, attributes, nanos(timestamp));
            let before = state.last_recorded().replace(exception.clone().unbind());
            drop(before);
        }
    }

    fn update_name(&self, name: &Bound<'_, PyAny>) {
        if let Some(view) = self.view() {
            view.update_name(&text(name));
        }
    }

    fn is_recording(&self) -> bool {
        self.view().is_some_and(SpanRef::is_recording)
    }

    fn fail(&self) {
        if let Some(state) = self.0.get().filter(|state| !state.has_status()) {
            state.set_status(Status::error(""));
        }
    }

    fn is_server(&self) -> bool {
        self.view().and_then(SpanRef::kind) == Some(SpanKind::Server)
    }

    #[getter]
    fn kind(&self, py: Python<'_>) -> Py<PyAny> {
        let kind = self.view().and_then(SpanRef::kind).unwrap_or_default();
        match Api::get(py) {
            Some(api) => api.kind(py, kind).clone().unbind(),
            None => py.None(),
        }
    }

    /// What the span was told so far.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let span = self.view().and_then(SpanRef::snapshot);
        let (Some(span), Some(api)) = (span, Api::get(py)) else {
            return Ok(None);
        };
        snapshot::fields(py, api, &span).map(Some)
    }

    fn get_span_context(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if let Some(known) = self.0.get().and_then(|state| state.identity.get()) {
            return Ok(known.clone_ref(py));
        }
        let Some(api) = Api::get(py) else {
            return Ok(py.None());
        };
        let made = api.span_context(py, &self.identity())?.unbind();
        // Not inside of the cell's initialisation, which another thread may wait for.
        Ok(match self.0.get() {
            Some(state) => state.identity.get_or_init(|| made).clone_ref(py),
            None => made,
        })
    }

    #[getter]
    fn context(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.get_span_context(py)
    }

    #[pyo3(signature = (end_time = None))]
    fn end(&self, end_time: Option<&Bound<'_, PyAny>>) {
        if let Some(state) = self.0.get() {
            state.end(nanos(end_time));
        }
    }

    /// Sets an attribute under the names that `CONTINUUM_SEMCONV` asks for.
    fn set_conventional(&self, key: &str, value: &Bound<'_, PyAny>) {
        if let Some(view) = self.recorded()
            && let Some(value) = self::value(value)
        {
            view.set_conventional(key, value);
        }
    }

    fn record_query_plan(&self, plan: Text) {
        if let Some(view) = self.view() {
            view.query_plan(&plan.0);
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        _kind: &Bound<'_, PyAny>,
        exception: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        if let Some(state) = self.0.get() {
            exception::escaped(state, exception, state.outcome);
            state.end(None);
        }
    }

    fn __repr__(&self) -> String {
        let identity = self.identity();
        let (trace_id, span_id) = (identity.trace_id(), identity.span_id());
        format!("Span(trace_id={trace_id}, span_id={span_id})")
    }
}

/// A time in nanoseconds since the Unix epoch, where one is given.
pub(crate) fn nanos(time: Option<&Bound<'_, PyAny>>) -> Option<u64> {
    time.and_then(|time| time.extract().ok())
}
