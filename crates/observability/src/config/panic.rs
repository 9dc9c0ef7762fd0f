//! Delivering spans when the program panics.
//!
//! Position: asked for through [`TelemetryHandle`](super::TelemetryHandle); runs in the process's
//! panic hook, after the one that was there before.
//!
//! Invariants:
//! - installed once, and only on request: the hook belongs to the program;
//! - the export thread, whose exporter may be what panics, never waits for itself.

use super::flush::Flush;
use crate::recorder::{Core, Recorder};
use std::{
    panic,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long a panic waits for the delivery; 0: not at all.
static TIMEOUT_NANOS: AtomicU64 = AtomicU64::new(0);

/// Flushes the active recorder at each panic from now on.
pub(super) fn flush_on_panic(timeout: Duration) {
    static INSTALLED: Once = Once::new();
    let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    TIMEOUT_NANOS.store(nanos, Ordering::Relaxed);
    // A thread that panics may not touch the hook.
    if !std::thread::panicking() {
        INSTALLED.call_once(install);
    }
}

fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        flush();
    }));
}

fn flush() {
    let timeout = Duration::from_nanos(TIMEOUT_NANOS.load(Ordering::Relaxed));
    let recorder = Recorder::global().filter(|_| !timeout.is_zero());
    let exports_here =
        |recorder: &'static Recorder| recorder.core().is_none_or(Core::is_export_thread);
    if let Some(recorder) = recorder.filter(|recorder| !exports_here(recorder)) {
        // The panic goes on, whatever became of the spans; losses are counted.
        let _outcome = Flush::of(Some(recorder), timeout).wait().is_ok();
    }
}
