//! How often, how long and with what success the operations of the layers ran.
//!
//! Position: told by every scope of a layer at its end; read by the package's `metrics` module, which
//! knows the names.
//!
//! Invariants: counting takes three atomic additions and no lock; where a metrics SDK is installed,
//! its observer is told as well, and what it raises is dropped.

use crate::raised;
use pyo3::{prelude::*, sync::PyOnceLock};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// An operation of a layer; the order is that of the package's table of names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Recall,
    Learn,
    ConceptExtraction,
    GraphTraversal,
    Embedding,
    Query,
    Transaction,
    Cache,
    Pipeline,
    Sync,
    Message,
    Consensus,
    /// Look-ups in a cache that found their entry; they take no time of their own.
    Hit,
    Miss,
    /// Queries that took as long as those with the event `slow_query`.
    SlowQuery,
}

const OPERATIONS: usize = 15;

/// As for the event `slow_query`.
const SLOW_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Tally {
    count: AtomicU64,
    errors: AtomicU64,
    nanos: AtomicU64,
}

static TALLIES: [Tally; OPERATIONS] = [const {
    Tally {
        count: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        nanos: AtomicU64::new(0),
    }
}; OPERATIONS];

/// Whether metrics are wanted.
static IS_ON: AtomicBool = AtomicBool::new(true);

static OBSERVER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Counts one run of an operation, where metrics are wanted.
#[inline]
pub(crate) fn measured(py: Python<'_>, operation: Operation, took: Duration, failed: bool) {
    if !IS_ON.load(Ordering::Relaxed) {
        return;
    }
    let tally = &TALLIES[operation as usize];
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    tally.count.fetch_add(1, Ordering::Relaxed);
    tally.nanos.fetch_add(nanos, Ordering::Relaxed);
    if failed {
        tally.errors.fetch_add(1, Ordering::Relaxed);
    }
    if matches!(operation, Operation::Query) && took >= SLOW_AFTER {
        measured(py, Operation::SlowQuery, Duration::ZERO, false);
    }
    if let Some(observer) = OBSERVER.get(py) {
        let seconds = took.as_secs_f64();
        let told = observer.call1(py, (operation as usize, seconds, failed));
        let _nothing = raised::answer(py, told);
    }
}

/// Has operations counted from now on, or not.
#[pyfunction]
pub(crate) fn set_measuring(on: bool) {
    IS_ON.store(on, Ordering::Relaxed);
}

/// Has `observer(operation, seconds, failed)` called after each operation, once and for all.
#[pyfunction]
pub(crate) fn set_observer(py: Python<'_>, observer: Py<PyAny>) {
    let _is_first = OBSERVER.set(py, observer).is_ok();
}

/// Count, errors and seconds of each operation.
#[pyfunction]
pub(crate) fn measurements() -> Vec<(u64, u64, f64)> {
    let read = |tally: &Tally| {
        (
            tally.count.load(Ordering::Relaxed),
            tally.errors.load(Ordering::Relaxed),
            Duration::from_nanos(tally.nanos.load(Ordering::Relaxed)).as_secs_f64(),
        )
    };
    TALLIES.iter().map(read).collect()
}
