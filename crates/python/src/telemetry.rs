//! Setting telemetry up and down for the interpreter.
//!
//! Position: behind `init_telemetry` and `shutdown_telemetry`; the guard of the recorder is kept
//! here, not in an object that the interpreter would drop at its exit.
//!
//! Invariants: the interpreter runs on while spans are delivered; what is wrong in the environment
//! warns, and what is wrong in the call raises `ValueError`.

use crate::{
    sampler::{self, Choice},
    value::{Count, text},
    work::pairs,
};
use continuum_observability::{ConfigError, Sampler, TailPolicy, Telemetry, TelemetryHandle};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Whether a span may wait for room when it ends.
static MAY_WAIT: AtomicBool = AtomicBool::new(false);

static TELEMETRY: Mutex<Option<Arc<Telemetry>>> = Mutex::new(None);

/// What differs from Rust where nobody says otherwise.
const DEFAULTS: [(&str, &str); 2] = [
    ("CONTINUUM_CONSOLE_STREAM", "stdout"),
    ("CONTINUUM_SEMCONV", "dup"),
];

/// What counts in place of a time that is none.
const DEFAULT_TIMEOUT_MILLIS: usize = 30_000;

/// Also after its shutdown. The token shows that the interpreter's lock is held, so that a fork never
/// finds this one held by another thread.
fn telemetry(_py: Python<'_>) -> Option<Arc<Telemetry>> {
    TELEMETRY
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Whether the end of a span may block, so that it must not hold the interpreter's lock.
#[inline]
pub(crate) fn may_wait() -> bool {
    MAY_WAIT.load(Ordering::Relaxed)
}

fn handle(py: Python<'_>) -> Option<TelemetryHandle> {
    telemetry(py).map(|telemetry| telemetry.handle())
}

/// Sets telemetry up; `False` when it was already.
///
/// `variables` win over those of the environment, and the arguments over both; `resource` describes
/// the process; `waits` says whether spans may wait for room.
#[expect(clippy::too_many_arguments, reason = "those of init_telemetry")]
#[pyfunction]
#[pyo3(signature = (
    variables, resource, waits, exporter_type = None, sampling_rate = None, sampler = None
))]
pub(crate) fn init(
    py: Python<'_>,
    variables: &Bound<'_, PyDict>,
    resource: &Bound<'_, PyDict>,
    waits: bool,
    exporter_type: Option<&str>,
    sampling_rate: Option<f64>,
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
    if let Some(names) = exporter_type {
        builder = builder.exporter_type(names);
    }
    if let Some(rate) = sampling_rate {
        builder = builder.sampling_rate(rate);
    }
    match sampler.map(sampler::choice).transpose()? {
        Some(Choice::Head(sampler)) => builder = builder.sampler(sampler),
        Some(Choice::Tail(ratio)) => builder = builder.tail(TailPolicy::new(ratio)),
        None => {}
    }
    match py.detach(|| builder.init()) {
        Ok(made) => {
            let mut kept = TELEMETRY.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(Arc::new(made));
            MAY_WAIT.store(waits, Ordering::Relaxed);
            Ok(true)
        }
        Err(ConfigError::AlreadyActive) => Ok(false),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// Replaces the sampler of running telemetry.
#[pyfunction]
pub(crate) fn set_sampler(sampler: &Bound<'_, PyAny>) -> PyResult<()> {
    let choice = sampler::choice(sampler)?;
    match (handle(sampler.py()), choice) {
        (Some(handle), Choice::Head(sampler)) => handle.set_sampler(sampler),
        (Some(handle), Choice::Tail(ratio)) => handle.set_tail_ratio(ratio),
        (None, _) => {}
    }
    Ok(())
}

/// Replaces the sampler of running telemetry by a share of traces, with `errors` besides those in
/// which something fails.
#[pyfunction]
pub(crate) fn set_sampling_rate(py: Python<'_>, rate: f64, errors: bool) -> PyResult<()> {
    if !(0.0..=1.0).contains(&rate) {
        let reason = format!("sampling_rate: expected a ratio from 0 to 1, not {rate}");
        return Err(PyValueError::new_err(reason));
    }
    if let Some(handle) = handle(py) {
        if errors && rate < 1.0 {
            handle.set_tail_ratio(rate);
        } else {
            handle.set_sampler(Sampler::parent_based(Sampler::TraceIdRatio(rate)));
        }
    }
    Ok(())
}

/// Records everything for a time in seconds; without effect for anything else.
#[pyfunction]
pub(crate) fn force_sampling(seconds: &Bound<'_, PyAny>) {
    let duration = seconds.extract().ok();
    let duration = duration.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if let (Some(handle), Some(duration)) = (handle(seconds.py()), duration) {
        handle.force_sampling(duration);
    }
}

/// A time that anything was given for.
fn millis(count: Count) -> Duration {
    let millis = u64::try_from(count.or(DEFAULT_TIMEOUT_MILLIS));
    Duration::from_millis(millis.unwrap_or(u64::MAX))
}

/// Delivers what was recorded so far; whether all of it arrived.
#[pyfunction]
pub(crate) fn force_flush(py: Python<'_>, timeout_millis: Count) -> bool {
    let timeout = millis(timeout_millis);
    let handle = handle(py);
    py.detach(|| handle.is_none_or(|handle| handle.force_flush(timeout).is_ok()))
}

/// Delivers what was recorded and stops; whether all of it arrived.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>, timeout_millis: Count) -> bool {
    let timeout = millis(timeout_millis);
    let telemetry = telemetry(py);
    let arrived =
        py.detach(|| telemetry.is_none_or(|telemetry| telemetry.shutdown(timeout).is_ok()));
    // Unless another thread has set it up anew meanwhile.
    if !is_active(py) {
        MAY_WAIT.store(false, Ordering::Relaxed);
    }
    arrived
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
