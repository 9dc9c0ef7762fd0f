//! Samplers of the package and of `opentelemetry.sdk` as samplers of the recorder.
//!
//! Position: read by [`crate::telemetry`].
//!
//! Invariants: those of the package hold one of Rust's, and the SDK's are recognised by their text and
//! run in Rust; any other, a subclass of these too, is asked in Python with the context that the span
//! starts in, and one that raises leaves the span out.

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
use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether any sampler is asked in Python.
static ASKS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The context of the span that is about to start on this thread.
    static STARTING_IN: RefCell<Option<Py<PyDict>>> = const { RefCell::new(None) };
}

/// Has samplers in Python know the context in which `start` starts a span.
#[inline]
pub(crate) fn told_of<R>(context: &Bound<'_, PyDict>, start: impl FnOnce() -> R) -> R {
    if !ASKS.load(Ordering::Relaxed) {
        return start();
    }
    let outer = STARTING_IN.replace(Some(context.clone().unbind()));
    let started = start();
    drop(STARTING_IN.replace(outer));
    started
}

/// Where the package's samplers are, and the SDK's.
const OURS: &str = "continuum.observability.sampling";
const THE_SDKS: &str = "opentelemetry.sdk.trace.sampling";

/// Decisions as both number them.
const DROP: u8 = 0;
const RECORD_AND_SAMPLE: u8 = 2;

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
    ASKS.store(true, Ordering::Relaxed);
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
        return decides_as_the_package(object).then(|| sampler.get().0.clone().for_roots());
    }
    let class = object.get_type();
    let module = class.module().ok()?.to_string();
    if ![OURS, THE_SDKS].contains(&module.as_str()) {
        return None;
    }
    let class = class.name().ok()?.to_string();
    match class.as_str() {
        "StaticSampler" => match decision(&object.getattr("_decision").ok()?).ok()? {
            RECORD_AND_SAMPLE => Some(Choice::Head(Sampler::AlwaysOn)),
            DROP => Some(Choice::Head(Sampler::AlwaysOff)),
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

/// Whether the method of one of the package's classes decides, and none of a subclass.
fn decides_as_the_package(object: &Bound<'_, PyAny>) -> bool {
    let asked = "should_sample";
    let package = object.py().import(OURS);
    let package = package.and_then(|module| module.getattr("_CountingSampler")?.getattr(asked));
    let its_own = object.get_type().getattr(asked);
    matches!((package, its_own), (Ok(package), Ok(its_own)) if package.is(&its_own))
}

fn decision(decision: &Bound<'_, PyAny>) -> PyResult<u8> {
    decision.getattr("value")?.extract()
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
                context(py, api, parameters.parent)?,
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
    let decision = decision(&result.getattr("decision")?)?;
    let mut answer = SamplingResult::from_decision(decision == RECORD_AND_SAMPLE);
    answer.is_recording = decision > DROP;
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

/// The context that the span starts in. Never `None`, which samplers of the SDK take for the current
/// one; a span that Rust starts by itself has one with its parent.
fn context<'py>(
    py: Python<'py>,
    api: &Api,
    parent: Option<&SpanContext>,
) -> PyResult<Bound<'py, PyDict>> {
    let known =
        STARTING_IN.with_borrow(|context| context.as_ref().map(|known| known.clone_ref(py)));
    if let Some(known) = known {
        return Ok(known.into_bound(py));
    }
    let empty = api.empty(py)?;
    let Some(parent) = parent else {
        return Ok(empty);
    };
    let context = Context::root().with_remote_span_context(parent.clone());
    let span = PySpan::remote(py, api, context, None)?;
    api.context_with(&empty, &api.span_key, &span)
}
