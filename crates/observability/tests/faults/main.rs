//! A backend that misbehaves in every way there is: the traced program does not notice, memory stays
//! within its bound, what is lost is counted and said once, and a backend that recovers gets spans
//! again without a restart. `docs/reliability.md` has the table of faults and tests.
//!
//! A telemetry guard is global, hence a binary of its own and one test at a time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod backend;
mod certified;
#[cfg(feature = "config-file")]
mod config_file;
mod deadline;
mod flight_recorder;
mod grpc;
mod http;
mod metrics;
#[cfg(target_os = "linux")]
mod names;
mod ordeal;
mod panic;
mod tls;
mod waiting;

use continuum_observability::{Stats, get_tracer};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Longer than any test takes: nothing here depends on a time that passes.
const PLENTY: Duration = Duration::from_mins(1);

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records spans of about 100 bytes.
fn record(count: u64) {
    let tracer = get_tracer("faults");
    for number in 0..count {
        tracer.in_scope("recorded", |span| span.set_attribute("number", number));
    }
}

#[track_caller]
fn assert_accounts_balance(stats: Stats) {
    let known = stats.exported + stats.sampled_out + stats.dropped() + stats.pending;
    assert_eq!(stats.started, known, "{stats:?}");
}
