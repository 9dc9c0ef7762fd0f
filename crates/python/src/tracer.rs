//! `Tracer`: where spans start in Python.
//!
//! Position: the package makes a subclass of it and of the API's.
//!
//! Invariant: the recorder is looked up at each start, so a tracer made before `init_telemetry`
//! works afterwards.

use crate::{
    context::{given_or_current, with_parent},
    exception::Outcome,
    opentelemetry::Api,
    scope::Scope,
    span::{PySpan, nanos},
    value::{Text, Truth},
    work::{Plain, Work, kind, links, pairs},
};
use continuum_observability::Tracer;
use pyo3::prelude::*;

/// Starts spans on behalf of a library or module.
#[pyclass(
    subclass,
    frozen,
    name = "Tracer",
    module = "continuum.observability._native"
)]
#[derive(Debug)]
pub(crate) struct PyTracer {
    tracer: Tracer,
    /// Whether the status of a failure names the exception's type too, as the SDK's does.
    names_type: bool,
}

#[pymethods]
impl PyTracer {
    #[new]
    #[pyo3(signature = (name, version = None, schema_url = None, names_type = false))]
    fn new(name: Text, version: Option<Text>, schema_url: Option<Text>, names_type: bool) -> Self {
        let given = |text: Option<Text>| text.map(|Text(text)| text).unwrap_or_default();
        let (version, schema_url) = (given(version), given(schema_url));
        Self {
            tracer: Tracer::with_schema_url(&name.0, &version, &schema_url),
            names_type,
        }
    }

    /// Starts a span that is not the current one.
    ///
    /// Args:
    ///     name: The name of the span.
    ///     context: Where the parent is in; the current context otherwise.
    ///     kind: Its kind; internal otherwise.
    ///     attributes: Values by key, from the start.
    ///     links: Links to spans that are not the parent.
    ///     start_time: When it started, in nanoseconds since 1970; now otherwise.
    ///     record_exception: Whether an exception that leaves the block becomes an event.
    ///     set_status_on_exception: Whether it makes the status an error.
    ///
    /// Returns:
    ///     The span; it ends by `end()`, or as a context manager.
    #[expect(clippy::too_many_arguments, reason = "the API's signature")]
    #[pyo3(signature = (
        name, context = None, kind = None, attributes = None, links = None, start_time = None,
        record_exception = Truth(true), set_status_on_exception = Truth(true)
    ), text_signature = "($self, name, context=None, kind=None, attributes=None, links=None, \
        start_time=None, record_exception=True, set_status_on_exception=True)")]
    fn start_span<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        kind: Option<&Bound<'py, PyAny>>,
        attributes: Option<&Bound<'py, PyAny>>,
        links: Option<&Bound<'py, PyAny>>,
        start_time: Option<&Bound<'py, PyAny>>,
        record_exception: Truth,
        set_status_on_exception: Truth,
    ) -> PyResult<Bound<'py, PySpan>> {
        let Some(api) = Api::get(py) else {
            return Bound::new(py, PySpan::default());
        };
        let work = self.work(name, kind, attributes, links, start_time);
        let base = given_or_current(py, api, context)?;
        let (span, baggage) = with_parent(api, &base, |parent| {
            (work.start(py, &parent.context), parent.baggage)
        });
        let outcome = self.outcome(record_exception, set_status_on_exception);
        PySpan::started(py, api, span, baggage, outcome)
    }

    /// Opens a span that is current inside of a block or a decorated function.
    ///
    /// Args:
    ///     name: The name of the span.
    ///     context: Where the parent is in; the current context otherwise.
    ///     kind: Its kind; internal otherwise.
    ///     attributes: Values by key, from the start.
    ///     links: Links to spans that are not the parent.
    ///     start_time: When it started, in nanoseconds since 1970; now otherwise.
    ///     record_exception: Whether an exception that leaves the block becomes an event.
    ///     set_status_on_exception: Whether it makes the status an error.
    ///     end_on_exit: Whether the span ends with the block.
    ///
    /// Returns:
    ///     A context manager that yields the span; also a decorator.
    #[expect(clippy::too_many_arguments, reason = "the API's signature")]
    #[pyo3(signature = (
        name, context = None, kind = None, attributes = None, links = None, start_time = None,
        record_exception = Truth(true), set_status_on_exception = Truth(true),
        end_on_exit = Truth(true)
    ), text_signature = "($self, name, context=None, kind=None, attributes=None, links=None, \
        start_time=None, record_exception=True, set_status_on_exception=True, end_on_exit=True)")]
    fn start_as_current_span(
        &self,
        name: &Bound<'_, PyAny>,
        context: Option<Py<PyAny>>,
        kind: Option<&Bound<'_, PyAny>>,
        attributes: Option<&Bound<'_, PyAny>>,
        links: Option<&Bound<'_, PyAny>>,
        start_time: Option<&Bound<'_, PyAny>>,
        record_exception: Truth,
        set_status_on_exception: Truth,
        end_on_exit: Truth,
    ) -> Scope {
        let outcome = self.outcome(record_exception, set_status_on_exception);
        let work = self.work(name, kind, attributes, links, start_time);
        Scope::new(work, context, outcome, end_on_exit.0)
    }
}

impl PyTracer {
    fn outcome(&self, Truth(record_exception): Truth, Truth(set_status): Truth) -> Outcome {
        Outcome {
            record_exception,
            set_status,
            names_type: self.names_type,
        }
    }

    #[inline]
    fn work(
        &self,
        name: &Bound<'_, PyAny>,
        kind: Option<&Bound<'_, PyAny>>,
        attributes: Option<&Bound<'_, PyAny>>,
        links: Option<&Bound<'_, PyAny>>,
        start_time: Option<&Bound<'_, PyAny>>,
    ) -> Work {
        Work::Plain(Plain {
            tracer: self.tracer,
            name: name.clone().unbind(),
            kind: self::kind(kind),
            attributes: pairs(attributes),
            links: self::links(links),
            start_unix_nanos: nanos(start_time),
        })
    }
}
