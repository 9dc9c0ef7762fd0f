//! `Span`: what the guide's `with … as span` gives.
//!
//! Position: around the recorder's `Span`; the package makes a subclass of it and of the API's.
//!
//! Invariant: no method raises, whatever it is given and whether or not the span has ended.

use crate::{
    exception::{self, Outcome},
    opentelemetry::Api,
    snapshot,
    state::State,
    value::{Attributes, Text, borrowed, text, value},
};
use continuum_observability::{Context, Span, SpanContext, SpanKind, SpanRef, Status};
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyType},
};
use std::sync::OnceLock;

/// One operation: its name, times, attributes, events, links and outcome.
#[pyclass(
    subclass,
    frozen,
    name = "Span",
    module = "continuum.observability._native"
)]
#[derive(Debug, Default)]
pub(crate) struct PySpan(OnceLock<State>);

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
        let state = State::own(span, baggage.map(Bound::unbind), outcome);
        Self::with_state(py, api, state)
    }

    /// A span object for a span of another process.
    pub(crate) fn remote<'py>(
        py: Python<'py>,
        api: &Api,
        context: Context,
        baggage: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let state = State::remote(context, baggage.map(Bound::unbind));
        Self::with_state(py, api, state)
    }

    #[inline]
    fn with_state<'py>(py: Python<'py>, api: &Api, state: State) -> PyResult<Bound<'py, Self>> {
        let object = api.new_span(py)?;
        // Half of what `get_or_init` takes.
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
        self.0.get().and_then(State::recorded_view)
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

    /// Sets an attribute, in place of one with the same key.
    ///
    /// Args:
    ///     key: Its name.
    ///     value: A text, truth, number, or a list or mapping of these; anything else is recorded
    ///         as its text, and `None` leaves the attribute as it is.
    fn set_attribute(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) {
        if let Some(view) = self.recorded()
            && let Some(value) = self::value(value)
        {
            view.set_attribute(&text(key), value);
        }
    }

    /// Sets several attributes.
    ///
    /// Args:
    ///     attributes: Values by key, as for `set_attribute`.
    fn set_attributes(&self, attributes: &Bound<'_, PyAny>) {
        if let Some(view) = self.recorded() {
            let attributes = Attributes::of(Some(attributes));
            view.set_attributes(attributes.pairs());
        }
    }

    /// Adds an event.
    ///
    /// Args:
    ///     name: What happened.
    ///     attributes: Values by key, as for `set_attribute`.
    ///     timestamp: When, in nanoseconds since 1970; now otherwise.
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

    /// Links the span to one that is not its parent.
    ///
    /// Args:
    ///     context: The identity of the other span.
    ///     attributes: Values by key, as for `set_attribute`.
    #[pyo3(signature = (context, attributes = None))]
    fn add_link(&self, context: &Bound<'_, PyAny>, attributes: Option<&Bound<'_, PyAny>>) {
        if let (Some(view), Some(context)) =
            (self.recorded(), crate::opentelemetry::identity(context))
        {
            let attributes = Attributes::of(attributes);
            view.add_link(&context, &borrowed(&attributes.pairs()));
        }
    }

    /// Sets the outcome; OK is final.
    ///
    /// Args:
    ///     status: The outcome, or its code alone.
    ///     description: What went wrong, besides a code for an error.
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

    /// Adds an `exception` event; the status stays as it is.
    ///
    /// Args:
    ///     exception: What was raised.
    ///     attributes: Values by key, besides those of the exception.
    ///     timestamp: When, in nanoseconds since 1970; now otherwise.
    ///     escaped: Without effect.
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
            state.remember(exception.clone().unbind());
        }
    }

    /// Gives the span another name.
    ///
    /// Args:
    ///     name: The name from now on.
    fn update_name(&self, name: &Bound<'_, PyAny>) {
        if let Some(view) = self.view() {
            view.update_name(&text(name));
        }
    }

    /// Tells whether what is set on the span is kept.
    ///
    /// Returns:
    ///     `False` for a span that is sampled out, or has ended.
    fn is_recording(&self) -> bool {
        self.view().is_some_and(SpanRef::is_recording)
    }

    /// Sets the error status, unless somebody has set a status.
    fn fail(&self) {
        if let Some(state) = self.0.get().filter(|state| !state.has_status()) {
            state.set_status(Status::error(""));
        }
    }

    /// Tells whether the span handles a request of another process.
    ///
    /// Returns:
    ///     `True` for one of the kind `SERVER` that is recorded.
    fn is_server(&self) -> bool {
        self.view().and_then(SpanRef::kind) == Some(SpanKind::Server)
    }

    /// The kind given at the start; internal for a span that is not recorded.
    #[getter]
    fn kind(&self, py: Python<'_>) -> Py<PyAny> {
        let kind = self.view().and_then(SpanRef::kind).unwrap_or_default();
        match Api::get(py) {
            Some(api) => api.kind(py, kind).clone().unbind(),
            None => py.None(),
        }
    }

    /// Gives what the span was told so far.
    ///
    /// Returns:
    ///     Fields by name; `None` for a span that is not recorded or has ended.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let span = self.view().and_then(SpanRef::snapshot);
        let (Some(span), Some(api)) = (span, Api::get(py)) else {
            return Ok(None);
        };
        snapshot::fields(py, api, &span).map(Some)
    }

    /// Gives the identity of the span.
    ///
    /// Returns:
    ///     Trace id, span id, flags and `tracestate`, also after the end.
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

    /// The identity of the span.
    #[getter]
    fn context(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.get_span_context(py)
    }

    /// Ends the span; what is set later has no effect.
    ///
    /// Args:
    ///     end_time: When, in nanoseconds since 1970; now otherwise.
    #[pyo3(signature = (end_time = None))]
    fn end(&self, py: Python<'_>, end_time: Option<&Bound<'_, PyAny>>) {
        if let Some(state) = self.0.get() {
            state.end(py, nanos(end_time));
        }
    }

    /// Sets an attribute under the names that `CONTINUUM_SEMCONV` asks for.
    ///
    /// Args:
    ///     key: Its current name.
    ///     value: As for `set_attribute`.
    fn set_conventional(&self, key: &str, value: &Bound<'_, PyAny>) {
        if let Some(view) = self.recorded()
            && let Some(value) = self::value(value)
        {
            view.set_conventional(key, value);
        }
    }

    /// Records a query plan with its literals replaced.
    ///
    /// Args:
    ///     plan: The plan, as the database writes it.
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
            state.end(exception.py(), None);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.get().map_or(Ok(()), |state| state.traverse(&visit))
    }

    fn __clear__(&self) {
        if let Some(state) = self.0.get() {
            state.forget_recorded();
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
