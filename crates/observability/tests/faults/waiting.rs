//! A program that would rather wait than lose spans, and asked for it.

use crate::{
    PLENTY, alone, assert_accounts_balance,
    backend::{Backend, Fault, Protocol},
    ordeal::{FLOOD, builder, over_http, prompt},
    record,
};
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, Span, Telemetry, get_tracer,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

const THREADS: usize = 4;
/// Threads that record a little and end at once.
const BRIEF_THREADS: usize = 50;
const LITTLE: u64 = 20;
/// The least that the builder takes.
const TINY_BUDGET_BYTES: usize = 128 << 10;
/// The most that a thread collects on its own.
const CHUNK_BYTES: usize = 64 << 10;

#[test]
fn nothing_is_lost_while_the_backend_is_slow() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, lines) = builder(over_http(&backend));
    let telemetry = prompt(builder)
        .memory_budget_bytes(TINY_BUDGET_BYTES)
        .wait_when_full(PLENTY)
        .init()
        .unwrap();
    record(1);
    backend.wait_for_request();
    let flood = || thread::Builder::new().spawn(|| record(FLOOD)).unwrap();
    let threads: Vec<_> = (0..THREADS).map(|_| flood()).collect();
    // These have to find room as well.
    let brief = || thread::Builder::new().spawn(|| record(LITTLE)).unwrap();
    let brief: Vec<_> = (0..BRIEF_THREADS).map(|_| brief()).collect();
    backend.set(Fault::None);
    for thread in threads.into_iter().chain(brief) {
        thread.join().unwrap();
    }
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()), "{:?}", lines.all());
    let stats = telemetry.stats();
    let started = THREADS as u64 * FLOOD + BRIEF_THREADS as u64 * LITTLE + 1;
    assert_eq!(
        (stats.started, stats.exported),
        (started, started),
        "{stats:?}"
    );
    assert_eq!(backend.spans(), started);
    assert!(lines.all().is_empty(), "{:?}", lines.all());
    let bound = TINY_BUDGET_BYTES + (THREADS + BRIEF_THREADS + 1) * CHUNK_BYTES;
    assert!(stats.peak_queued_bytes <= bound, "{stats:?}");
}

#[test]
fn what_finds_no_room_in_time_is_dropped_and_counted() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, _lines) = builder(over_http(&backend));
    let telemetry = prompt(builder)
        .memory_budget_bytes(TINY_BUDGET_BYTES)
        .wait_when_full(Duration::from_millis(1))
        .init()
        .unwrap();
    record(1);
    backend.wait_for_request();
    // The thread ends although nothing is answered before.
    record(FLOOD);
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.exported), (FLOOD + 1, 0));
    assert!(stats.dropped_budget_spent > 0, "{stats:?}");
    backend.set(Fault::None);
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    let stats = telemetry.stats();
    assert_eq!((stats.pending, stats.exported), (0, backend.spans()));
    assert_accounts_balance(stats);
}

#[test]
fn a_shutdown_ends_the_waiting() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, _lines) = builder(over_http(&backend));
    let telemetry = prompt(builder)
        .memory_budget_bytes(TINY_BUDGET_BYTES)
        .wait_when_full(Duration::MAX)
        .init()
        .unwrap();
    record(1);
    backend.wait_for_request();
    let flood = thread::Builder::new().spawn(|| record(FLOOD)).unwrap();
    let _timed_out = telemetry.shutdown(Duration::from_millis(50));
    // Would wait for a day, since the backend says nothing.
    flood.join().unwrap();
    backend.set(Fault::None);
}

/// Ends the spans that were laid out for it, on the export thread.
struct EndsSpans(Arc<Mutex<Vec<Span>>>);

impl Exporter for EndsSpans {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "ends-spans"
    }
}

#[test]
fn the_export_thread_never_waits_for_itself() {
    const OPEN: u64 = 2_000;
    let _alone = alone();
    let open = Arc::new(Mutex::new(Vec::new()));
    let laid_out = open.clone();
    let telemetry = Telemetry::builder()
        .exporter_with("ends-spans", move || Box::new(EndsSpans(laid_out.clone())))
        .memory_budget_bytes(TINY_BUDGET_BYTES)
        .wait_when_full(Duration::MAX)
        .schedule_delay(PLENTY)
        .init()
        .unwrap();
    let start = || {
        let span = get_tracer("faults").start_span("ended by the exporter");
        span.set_attribute("text", "x".repeat(200));
        span
    };
    open.lock().unwrap().extend((0..OPEN).map(|_| start()));
    record(1);
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    let _outcome = telemetry.shutdown(PLENTY);
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.pending), (OPEN + 1, 0), "{stats:?}");
    assert!(
        stats.exported > 0 && stats.dropped_budget_spent > 0,
        "{stats:?}"
    );
    assert_accounts_balance(stats);
}
