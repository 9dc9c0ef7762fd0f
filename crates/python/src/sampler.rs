//! Samplers of the package and of `opentelemetry.sdk` as samplers of the recorder.
//!
//! Position: read by [`crate::telemetry`].
//!
//! Invariants: those of the package hold one of Rust's, and the SDK's are recognised by their text and
//! run in Rust; any other is asked in Python, and one that raises leaves the span out.

use crate::{
    opentelemetry::{Api, trace_state},
    raised,
    span::PySpan,
    value::object,
    work::pairs,
};
use continuum_observability::{
    Context, Sampler, SamplingParameters, SamplingResult, ShouldSample, SpanContext, TraceId, Value,
};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use std::sync::Arc;

/// When it is decided about a trace, and how.
#[derive(Debug, Clone)]
pub(crate) enum Choice {
    /// At its start.
    Head(Sampler),
    /// At its end: this share is kept, and what failed.
    Tail(f64),
}

impl Choice {
    /// The same below a parent-based sampler.
    fn for_roots(self) -> Self {
        match self {
            Self::Head(sampler) => Self::Head(Sampler::parent_based(sampler)),
            // What is undecided at the tail begins here.
            Self::Tail(ratio) => Self::Tail(ratio),
        }
    }
}

/// A sampler of the recorder, for those of the package that count.
#[pyclass(frozen, name = "Sampler", module = "continuum.observability._native")]
#[derive(Debug)]
pub(crate) struct PySampler(Choice);

#[pymethods]
impl PySampler {
    /// So many a second.
    #[staticmethod]
    fn rate_limited(per_second: u32) -> Self {
        Self(Choice::Head(Sampler::rate_limited(per_second)))
    }

    /// About so many a minute, by a share within bounds.
    #[staticmethod]
    fn adaptive(target_per_minute: u32, least: f64, most: f64) -> Self {
        Self(Choice::Head(Sampler::adaptive(
            target_per_minute,
            least..=most,
        )))
    }

    /// This share, and what failed.
    #[staticmethod]
    fn error_always(ratio: f64) -> Self {
        Self(Choice::Tail(ratio))
    }

    /// Whether a trace that begins is kept as far as that is known at its start.
    fn keeps(&self, trace_id: u128) -> bool {
        match &self.0 {
            Choice::Head(Sampler::Custom(sampler)) => {
                let parameters = SamplingParameters::new(TraceId::from(trace_id), "");
                sampler.should_sample(&parameters).is_sampled
            }
            Choice::Head(_) | Choice::Tail(_) => true,
        }
    }
}

/// How the recorder decides for a sampler of Python.
pub(crate) fn choice(object: &Bound<'_, PyAny>) -> PyResult<Choice> {
    if let Some(known) = known(object) {
        return Ok(known);
    }
    if !object.hasattr("should_sample")? {
        let reason = "sampler: expected an object with the method should_sample";
        return Err(PyValueError::new_err(reason));
    }
    Ok(Choice::Head(Sampler::Custom(Arc::new(Foreign {
        description: description(object),
        sampler: object.clone().unbind(),
    }))))
}

fn description(object: &Bound<'_, PyAny>) -> String {
    let text = object.call_method0("get_description");
    text.and_then(|text| text.extract()).unwrap_or_default()
}

fn known(object: &Bound<'_, PyAny>) -> Option<Choice> {
    let held = object.getattr("_recorders").ok();
    if let Some(sampler) = held.as_ref().and_then(|held| held.cast::<PySampler>().ok()) {
        return Some(sampler.get().0.clone().for_roots());
    }
    let class = object.get_type().name().ok()?.to_string();
    match class.as_str() {
        "StaticSampler" => match description(object).as_str() {
            "AlwaysOnSampler" => Some(Choice::Head(Sampler::AlwaysOn)),
            "AlwaysOffSampler" => Some(Choice::Head(Sampler::AlwaysOff)),
            _ => None,
        },
        "TraceIdRatioBased"
        | "ParentBasedTraceIdRatio"
        | "DefaultOn"
        | "DefaultOff"
        | "ParentBased" => of_the_sdk(object, &class),
        _ => None,
    }
}

fn of_the_sdk(object: &Bound<'_, PyAny>, class: &str) -> Option<Choice> {
    if class == "TraceIdRatioBased" {
        let ratio = object.getattr("rate").ok()?.extract().ok()?;
        return Some(Choice::Head(Sampler::TraceIdRatio(ratio)));
    }
    // Other samplers for other kinds of parents are left to the sampler itself.
    let text = description(object);
    let usual = "remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,\
                 localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}";
    if !text.ends_with(usual) {
        return None;
    }
    known(&object.getattr("_root").ok()?).map(Choice::for_roots)
}

/// A sampler that is asked in Python.
#[derive(Debug)]
struct Foreign {
    description: String,
    sampler: Py<PyAny>,
}

impl ShouldSample for Foreign {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        Python::attach(|py| raised::answer(py, self.ask(py, parameters))).unwrap_or_default()
    }

    fn description(&self) -> String {
        self.description.clone()
    }
}

impl Foreign {
    fn ask(
        &self,
        py: Python<'_>,
        parameters: &SamplingParameters<'_>,
    ) -> PyResult<SamplingResult<'static>> {
        let Some(api) = Api::get(py) else {
            return Ok(SamplingResult::default());
        };
        let result = self.sampler.bind(py).call_method1(
            "should_sample",
            (
                parent_context(py, api, parameters.parent)?,
                u128::from_be_bytes(parameters.trace_id.to_bytes()),
                parameters.name,
                api.kind(py, parameters.kind),
                attributes(py, parameters.attributes)?,
                links(py, api, parameters.links)?,
            ),
        )?;
        answer(&result)
    }
}

/// What the sampler decided; attributes and `tracestate` too, where it gives any.
fn answer(result: &Bound<'_, PyAny>) -> PyResult<SamplingResult<'static>> {
    let decision: u8 = result.getattr("decision")?.getattr("value")?.extract()?;
    let mut answer = SamplingResult::from_decision(decision == 2);
    answer.is_recording = decision > 0;
    let attributes = result.getattr("attributes").ok();
    answer.attributes = pairs(attributes.as_ref())
        .into_iter()
        .map(|(key, value)| (key.into(), value))
        .collect();
    let state = result.getattr("trace_state").ok();
    answer.trace_state = state.and_then(|state| trace_state(&state));
    Ok(answer)
}

fn attributes<'py>(py: Python<'py>, pairs: &[(&str, Value<'_>)]) -> PyResult<Bound<'py, PyDict>> {
    let attributes = PyDict::new(py);
    for (key, value) in pairs {
        attributes.set_item(key, object(py, value)?)?;
    }
    Ok(attributes)
}

fn links<'py>(
    py: Python<'py>,
    api: &Api,
    links: &[(SpanContext, Vec<(&str, Value<'_>)>)],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let link = |(context, pairs): &(SpanContext, Vec<(&str, Value<'_>)>)| {
        api.link(py, api.span_context(py, context)?, attributes(py, pairs)?)
    };
    links.iter().map(link).collect()
}

/// The parent as the API has it: a context with a span in it.
fn parent_context<'py>(
    py: Python<'py>,
    api: &Api,
    parent: Option<&SpanContext>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(parent) = parent else {
        return Ok(None);
    };
    let context = Context::root().with_remote_span_context(parent.clone());
    let span = PySpan::remote(py, api, context, None)?;
    let empty = PyDict::new(py);
    api.context_with(&empty, &api.span_key, &span).map(Some)
}
