//! Setting telemetry up and down for the interpreter.
//!
//! Position: behind `init_telemetry` and `shutdown_telemetry`; the guard of the recorder is kept
//! here, not in an object that the interpreter would drop at its exit.
//!
//! Invariants: the interpreter runs on while spans are delivered; what is wrong in the environment
//! warns, and what is wrong in the call raises `ValueError`.

use crate::{sampler::sampler, value::text, work::pairs};
use continuum_observability::{ConfigError, Telemetry, TelemetryHandle};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

static TELEMETRY: Mutex<Option<Arc<Telemetry>>> = Mutex::new(None);

/// What differs from Rust where nobody says otherwise.
const DEFAULTS: [(&str, &str); 2] = [
    ("CONTINUUM_CONSOLE_STREAM", "stdout"),
    ("CONTINUUM_SEMCONV", "dup"),
];

/// Also after its shutdown. The token shows that the interpreter's lock is held, so that a fork never
/// finds this one held by another thread.
fn telemetry(_py: Python<'_>) -> Option<Arc<Telemetry>> {
    TELEMETRY
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn handle(py: Python<'_>) -> Option<TelemetryHandle> {
    telemetry(py).map(|telemetry| telemetry.handle())
}

/// Sets telemetry up; `False` when it was already.
///
/// `variables` win over those of the environment; `resource` describes the process.
#[pyfunction]
#[pyo3(signature = (variables, resource, sampler = None))]
pub(crate) fn init(
    py: Python<'_>,
    variables: &Bound<'_, PyDict>,
    resource: &Bound<'_, PyDict>,
    sampler: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let mut builder = Telemetry::builder();
    for (name, value) in DEFAULTS {
        builder = builder.default_variable(name, value);
    }
    for (name, value) in variables.iter() {
        builder = builder.variable(text(&name), text(&value));
    }
    for (key, value) in pairs(Some(resource)) {
        builder = builder.resource_attribute(key, value);
    }
    if let Some(sampler) = sampler {
        builder = builder.sampler(self::sampler(sampler));
    }
    match py.detach(|| builder.init()) {
        Ok(made) => {
            let mut kept = TELEMETRY.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(Arc::new(made));
            Ok(true)
        }
        Err(ConfigError::AlreadyActive) => Ok(false),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// Replaces the sampler of running telemetry.
#[pyfunction]
pub(crate) fn set_sampler(sampler: &Bound<'_, PyAny>) {
    if let Some(handle) = handle(sampler.py()) {
        handle.set_sampler(self::sampler(sampler));
    }
}

/// Records everything for a time in seconds.
#[pyfunction]
pub(crate) fn force_sampling(py: Python<'_>, seconds: f64) {
    if let (Some(handle), Ok(duration)) = (handle(py), Duration::try_from_secs_f64(seconds)) {
        handle.force_sampling(duration);
    }
}

/// Delivers what was recorded so far; whether all of it arrived.
#[pyfunction]
pub(crate) fn force_flush(py: Python<'_>, timeout_millis: u64) -> bool {
    let timeout = Duration::from_millis(timeout_millis);
    let handle = handle(py);
    py.detach(|| handle.is_none_or(|handle| handle.force_flush(timeout).is_ok()))
}

/// Delivers what was recorded and stops; whether all of it arrived.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>, timeout_millis: u64) -> bool {
    let timeout = Duration::from_millis(timeout_millis);
    let telemetry = telemetry(py);
    py.detach(|| telemetry.is_none_or(|telemetry| telemetry.shutdown(timeout).is_ok()))
}

/// Where every span went.
#[pyfunction]
pub(crate) fn stats(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let stats = handle(py).map(|handle| handle.stats()).unwrap_or_default();
    let counts = PyDict::new(py);
    counts.set_item("started", stats.started)?;
    counts.set_item("sampled_out", stats.sampled_out)?;
    counts.set_item("exported", stats.exported)?;
    counts.set_item("dropped", stats.dropped())?;
    counts.set_item("pending", stats.pending)?;
    Ok(counts)
}

/// Whether telemetry is set up.
#[pyfunction]
pub(crate) fn is_active(py: Python<'_>) -> bool {
    telemetry(py).is_some_and(|telemetry| telemetry.is_active())
}
