//! Samplers of `opentelemetry.sdk` as samplers of the recorder.
//!
//! Position: read by [`crate::telemetry`].
//!
//! Invariants: the well-known ones are recognised by their text and run in Rust, as a bare rate does; any other is
//! asked in Python, and one that raises leaves the span out.

use crate::{
    opentelemetry::{Api, trace_state},
    span::PySpan,
    value::object,
    work::pairs,
};
use continuum_observability::{
    Context, Sampler, SamplingParameters, SamplingResult, ShouldSample, SpanContext, Value,
};
use pyo3::{prelude::*, types::PyDict};
use std::sync::Arc;

/// The recorder's sampler for `object`.
pub(crate) fn sampler(object: &Bound<'_, PyAny>) -> Sampler {
    known(object).unwrap_or_else(|| {
        Sampler::Custom(Arc::new(Foreign {
            description: description(object),
            sampler: object.clone().unbind(),
        }))
    })
}

fn description(object: &Bound<'_, PyAny>) -> String {
    let text = object.call_method0("get_description");
    text.and_then(|text| text.extract()).unwrap_or_default()
}

fn known(object: &Bound<'_, PyAny>) -> Option<Sampler> {
    if let Ok(rate) = object.extract::<f64>() {
        return Some(Sampler::parent_based(Sampler::TraceIdRatio(rate)));
    }
    let class = object.get_type().name().ok()?.to_string();
    match class.as_str() {
        "StaticSampler" => match description(object).as_str() {
            "AlwaysOnSampler" => Some(Sampler::AlwaysOn),
            "AlwaysOffSampler" => Some(Sampler::AlwaysOff),
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

fn of_the_sdk(object: &Bound<'_, PyAny>, class: &str) -> Option<Sampler> {
    if class == "TraceIdRatioBased" {
        let ratio = object.getattr("rate").ok()?.extract().ok()?;
        return Some(Sampler::TraceIdRatio(ratio));
    }
    // Other samplers for other kinds of parents are left to the sampler itself.
    let text = description(object);
    let usual = "remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,\
                 localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}";
    if !text.ends_with(usual) {
        return None;
    }
    known(&object.getattr("_root").ok()?).map(Sampler::parent_based)
}

/// A sampler that is asked in Python.
#[derive(Debug)]
struct Foreign {
    description: String,
    sampler: Py<PyAny>,
}

impl ShouldSample for Foreign {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        Python::attach(|py| self.ask(py, parameters)).unwrap_or_default()
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
