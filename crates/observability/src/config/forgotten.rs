//! A guard that nobody kept: `let _ = init_telemetry()`.
//!
//! Position: asked by [`Telemetry`](super::Telemetry) when it is dropped before any span started. A
//! program that ends starts no span after that; one that does goes on without telemetry.
//!
//! Invariants:
//! - spans without a recorder cost what they always do: a recorder is left behind whose start hook
//!   warns and takes it away;
//! - one line for each such guard, and none where no span starts.

use super::TelemetryBuilder;
use crate::{
    diagnostics::{self, Topic},
    recorder::Recorder,
};
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

static LOOK_OUT: OnceLock<&'static Recorder> = OnceLock::new();
static IS_WANTED: AtomicBool = AtomicBool::new(false);

/// Warns of the next span that starts before telemetry is set up anew.
pub(super) fn look_out() {
    let recorder = LOOK_OUT.get_or_init(|| {
        let builder = TelemetryBuilder::default().on_start(|_, _| warn());
        Recorder::leak(builder.into_config_without_exporter())
    });
    // What is recorded until the warning goes nowhere.
    if let Some(core) = recorder.core() {
        core.close();
    }
    IS_WANTED.store(true, Ordering::Relaxed);
    recorder.install_where_none_is();
}

fn warn() {
    if let Some(recorder) = LOOK_OUT.get() {
        recorder.uninstall();
    }
    if IS_WANTED.swap(false, Ordering::Relaxed) {
        diagnostics::warn(
            Topic::SetUp,
            format_args!(
                "nothing is recorded: telemetry was shut down when its guard was dropped, before \
                 any span started; keep it: let _telemetry = init_telemetry()"
            ),
        );
    }
}
