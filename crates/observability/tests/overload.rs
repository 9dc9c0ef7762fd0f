//! Exporters that fail, hang or panic, and spans that come too late: callers never wait, memory stays
//! bounded, and every span ends up in exactly one count.
//!
//! A telemetry guard is global, hence a binary of its own and one test at a time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use continuum_observability::{
    Context, EncodedRequest, ExportError, Exported, Exporter, FlushError, Sampler, Span, Stats,
    Status, TailPolicy, Telemetry, TelemetryBuilder, get_tracer, with_context,
};
use std::{
    panic::resume_unwind,
    sync::{
        Arc, Barrier, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const PLENTY: Duration = Duration::from_mins(1);
const BUDGET_BYTES: usize = 512 << 10;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An exporter made of a function.
struct Does<F>(F);

impl<F: FnMut(u64) -> Result<Exported, ExportError> + Send> Exporter for Does<F> {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _: Instant,
    ) -> Result<Exported, ExportError> {
        (self.0)(request.span_count())
    }

    fn name(&self) -> &'static str {
        "does"
    }
}

fn exporter<F>(export: F) -> TelemetryBuilder
where
    F: Fn(u64) -> Result<Exported, ExportError> + Clone + Send + Sync + 'static,
{
    Telemetry::builder().exporter_with("does", move || Box::new(Does(export.clone())))
}

fn record(count: usize) {
    let tracer = get_tracer("overload");
    for number in 0..count {
        tracer.in_scope("recorded", |span| span.set_attribute("number", number));
    }
}

#[track_caller]
fn assert_accounts_balance(stats: Stats) {
    let known = stats.exported + stats.sampled_out + stats.dropped() + stats.pending;
    assert_eq!(stats.started, known, "{stats:?}");
}

#[test]
fn a_stuck_exporter_costs_spans_but_neither_time_nor_memory() {
    const THREADS: usize = 4;
    const EACH: usize = 20_000;
    /// No span of this test is smaller than this on the wire.
    const SMALLEST_SPAN: u64 = 80;
    let _alone = alone();
    let (release, stuck) = mpsc::sync_channel::<()>(0);
    let stuck = Arc::new(Mutex::new(stuck));
    let delivered = Arc::new(AtomicU64::new(0));
    let (wait, count) = (stuck.clone(), delivered.clone());
    let telemetry = exporter(move |spans| {
        // Returns when the sender is gone.
        let _closed = wait.lock().unwrap().recv().is_err();
        count.fetch_add(spans, Ordering::Relaxed);
        Ok(Exported::default())
    })
    .memory_budget_bytes(BUDGET_BYTES)
    .schedule_delay(Duration::from_millis(1))
    .init()
    .unwrap();

    // The callers finish although nothing can be exported before `release` is dropped.
    let flood = || thread::Builder::new().spawn(|| record(EACH)).unwrap();
    let threads: Vec<_> = (0..THREADS).map(|_| flood()).collect();
    for thread in threads {
        thread.join().unwrap();
    }

    let stats = telemetry.stats();
    assert_eq!(
        (stats.started, stats.exported),
        ((THREADS * EACH) as u64, 0)
    );
    assert!(stats.dropped_budget_spent > 0);
    assert!(
        stats.pending * SMALLEST_SPAN <= BUDGET_BYTES as u64,
        "{stats:?}"
    );
    assert_accounts_balance(stats);

    drop(release);
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!(stats.exported, delivered.load(Ordering::Relaxed));
    assert_eq!(
        (stats.pending, stats.exported + stats.dropped()),
        (0, stats.started)
    );
}

#[test]
fn memory_is_given_back_when_a_stuck_exporter_recovers() {
    let _alone = alone();
    let (release, stuck) = mpsc::sync_channel::<()>(0);
    let stuck = Arc::new(Mutex::new(stuck));
    let telemetry = exporter(move |_| {
        let _closed = stuck.lock().unwrap().recv().is_err();
        Ok(Exported::default())
    })
    .memory_budget_bytes(BUDGET_BYTES)
    .init()
    .unwrap();
    record(40_000);
    assert!(telemetry.stats().dropped_budget_spent > 0);
    drop(release);
    telemetry.force_flush(PLENTY).unwrap();
    let before = telemetry.stats();
    for _ in 0..20 {
        record(500);
        telemetry.force_flush(PLENTY).unwrap();
    }
    let after = telemetry.stats();
    assert_eq!(after.exported, before.exported + 10_000);
    assert_eq!(after.dropped(), before.dropped());
    telemetry.shutdown(PLENTY).unwrap();
}

#[test]
fn a_panicking_exporter_loses_its_request_and_goes_on() {
    let _alone = alone();
    let fails = Arc::new(AtomicBool::new(true));
    let failing = fails.clone();
    let telemetry = exporter(move |_| {
        if failing.load(Ordering::Relaxed) {
            resume_unwind(Box::new("failure of the exporter"));
        }
        Ok(Exported::default())
    })
    .init()
    .unwrap();
    record(3);
    assert!(matches!(
        telemetry.force_flush(PLENTY),
        Err(FlushError::SpansLost)
    ));
    fails.store(false, Ordering::Relaxed);
    record(4);
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!(
        (stats.dropped_export_failed, stats.exported, stats.pending),
        (3, 4, 0)
    );
    assert_accounts_balance(stats);
}

#[test]
fn an_exporter_that_cannot_be_made_fails_the_flush_at_once() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("impossible", || {
            resume_unwind(Box::new("failure of the factory"))
        })
        .init()
        .unwrap();
    record(3);
    assert!(matches!(
        telemetry.force_flush(PLENTY),
        Err(FlushError::SpansLost)
    ));
    let _lost = telemetry.shutdown(PLENTY);
    record(1);
    let stats = telemetry.stats();
    assert_eq!(
        (stats.started, stats.dropped_after_shutdown, stats.pending),
        (3, 3, 0)
    );
}

/// Rejects a span, and panics when it is asked for details.
struct Reticent {
    has_exported: bool,
}

impl Exporter for Reticent {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        self.has_exported = true;
        Ok(Exported {
            rejected: 1,
            message: None,
        })
    }

    fn name(&self) -> &'static str {
        "reticent"
    }

    fn destination(&self) -> &str {
        if self.has_exported {
            resume_unwind(Box::new("failure of the exporter"));
        }
        self.name()
    }
}

#[test]
fn a_panic_of_the_export_thread_loses_what_it_had_and_gives_the_memory_back() {
    let _alone = alone();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let telemetry = Telemetry::builder()
        .exporter_with("reticent", || {
            Box::new(Reticent {
                has_exported: false,
            })
        })
        .diagnostics(move |_, line| heard.lock().unwrap().push(line.to_owned()))
        .max_export_batch_size(2)
        .schedule_delay(PLENTY)
        .init()
        .unwrap();
    let open = get_tracer("overload").start_span("open");
    record(7);
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    let counted = (stats.exported, stats.dropped_rejected);
    assert_eq!(counted, (1, 1), "those of the only request: {stats:?}");
    assert_eq!(
        (stats.dropped_export_failed, stats.pending),
        (5, 1),
        "{stats:?}"
    );
    assert_eq!(stats.queued_bytes, 0, "{stats:?}");
    assert_eq!(telemetry.shutdown(PLENTY), Err(FlushError::SpansLost));
    drop(open);
    let said = lines.lock().unwrap().clone();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0], "spans are dropped: the export thread panicked");
    assert!(said[1].starts_with("6 of 8 spans were lost: "), "{said:?}");
}

#[test]
fn a_panic_of_the_export_thread_loses_neither_open_spans_nor_those_thrown_away_at_the_tail() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("reticent", || {
            Box::new(Reticent {
                has_exported: false,
            })
        })
        .tail(TailPolicy::new(0.0))
        .max_export_batch_size(2)
        .schedule_delay(PLENTY)
        .init()
        .unwrap();
    let open = get_tracer("overload").start_span("open");
    record(2);
    for _ in 0..4 {
        get_tracer("overload").in_scope("failed", |span| span.set_status(Status::error("no")));
    }
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.dropped_rejected), (1, 1));
    assert_eq!(
        (stats.sampled_out_at_tail, stats.dropped_export_failed),
        (2, 2)
    );
    assert_eq!(stats.pending, 1, "the open one: {stats:?}");
    drop(open);
}

#[test]
fn what_the_receiver_rejects_is_counted_and_never_more_than_was_sent() {
    let _alone = alone();
    let rejecting = |rejected| {
        move |_| {
            Ok(Exported {
                rejected,
                message: None,
            })
        }
    };
    for (rejected, expected) in [(2, 2), (1_000, 5)] {
        let telemetry = exporter(rejecting(rejected)).init().unwrap();
        record(5);
        let outcome = telemetry.shutdown(PLENTY);
        assert!(matches!(outcome, Err(FlushError::SpansLost)));
        let stats = telemetry.stats();
        assert_eq!(
            (stats.dropped_rejected, stats.exported),
            (expected, 5 - expected)
        );
        assert_accounts_balance(stats);
    }
}

#[test]
fn spans_that_end_after_the_shutdown_are_counted_as_such() {
    let _alone = alone();
    let telemetry = exporter(|_| Ok(Exported::default())).init().unwrap();
    let open: Vec<Span> = (0..3)
        .map(|_| get_tracer("overload").start_span("open"))
        .collect();
    let context = open[0].as_context();
    record(2);
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!(
        (stats.exported, stats.pending),
        (2, 3),
        "open spans are pending"
    );

    drop(open);
    with_context(&context, || record(4));
    with_context(&Context::root(), || record(5));
    let stats = telemetry.stats();
    assert_eq!((stats.dropped_after_shutdown, stats.pending), (3 + 4, 0));
    assert_eq!(
        (stats.started, stats.exported),
        (9, 2),
        "without a recorder nothing is started"
    );
}

#[test]
fn a_shutdown_under_load_accounts_for_every_span() {
    const THREADS: usize = 3;
    const EACH: usize = 500;
    let _alone = alone();
    for _ in 0..10 {
        let delivered = Arc::new(AtomicU64::new(0));
        let count = delivered.clone();
        let telemetry = exporter(move |spans| {
            count.fetch_add(spans, Ordering::Relaxed);
            Ok(Exported::default())
        })
        .sampler(Sampler::TraceIdRatio(0.5))
        .init()
        .unwrap();
        // Names the recorder, so that the threads stay with it after the shutdown.
        let root = get_tracer("overload").start_span("root").as_context();
        let context = with_context(&root, Context::root);
        let (warm, stopped) = (Barrier::new(THREADS + 1), AtomicBool::new(false));
        let work = || {
            with_context(&context, || record(EACH));
            warm.wait();
            while !stopped.load(Ordering::Relaxed) {
                with_context(&context, || record(1));
            }
            with_context(&context, || record(EACH));
        };
        let threads = thread::scope(|scope| {
            let start = |_| thread::Builder::new().spawn_scoped(scope, work).unwrap();
            let threads: Vec<_> = (0..THREADS).map(start).collect();
            warm.wait();
            let outcome = telemetry.shutdown(PLENTY);
            stopped.store(true, Ordering::Relaxed);
            outcome.unwrap();
            // Joined one by one, since a scope does not wait for the destructors of its threads.
            threads
                .into_iter()
                .map(|thread| thread.join().is_ok())
                .collect::<Vec<_>>()
        });
        assert_eq!(threads, [true; THREADS]);
        let stats = telemetry.stats();
        assert_eq!(stats.exported, delivered.load(Ordering::Relaxed));
        for counted in [
            stats.sampled_out,
            stats.exported,
            stats.dropped_after_shutdown,
        ] {
            assert!(counted >= EACH as u64, "{stats:?}");
        }
        assert_eq!(stats.pending, 0, "{stats:?}");
        assert_accounts_balance(stats);
    }
}

#[test]
fn at_every_moment_the_counts_agree_with_what_program_and_exporter_know() {
    const THREADS: u64 = 3;
    const EACH: u64 = 20_000;
    let _alone = alone();
    let [begun, ended, taken] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
    let taking = taken.clone();
    let telemetry = exporter(move |spans| {
        taking.fetch_add(spans, Ordering::SeqCst);
        Ok(Exported::default())
    })
    .memory_budget_bytes(BUDGET_BYTES)
    .init()
    .unwrap();
    let work = || {
        for _ in 0..EACH {
            begun.fetch_add(1, Ordering::SeqCst);
            record(1);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).unwrap();
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            let ended_before = ended.load(Ordering::SeqCst);
            let stats = telemetry.stats();
            let (begun_after, taken_after) =
                (begun.load(Ordering::SeqCst), taken.load(Ordering::SeqCst));
            let all = ended_before..=begun_after;
            assert!(all.contains(&stats.started), "{all:?}: {stats:?}");
            assert!(stats.exported <= taken_after, "{taken_after}: {stats:?}");
            assert_accounts_balance(stats);
        }
    });
    // What the exporter could not keep up with is no error here.
    let _lost = telemetry.shutdown(PLENTY).is_err();
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.pending), (THREADS * EACH, 0));
    assert_eq!(stats.exported, taken.load(Ordering::SeqCst));
    assert_eq!(stats.exported + stats.dropped(), stats.started);
}

#[test]
fn threads_go_on_with_the_recorder_that_is_set_up_next() {
    let _alone = alone();
    let first = exporter(|_| Ok(Exported::default())).init().unwrap();
    record(2);
    first.shutdown(PLENTY).unwrap();
    record(3);
    let second = exporter(|_| Ok(Exported::default())).init().unwrap();
    record(4);
    second.shutdown(PLENTY).unwrap();
    assert_eq!((first.stats().started, first.stats().exported), (2, 2));
    assert_eq!((second.stats().started, second.stats().exported), (4, 4));
}

#[test]
fn a_name_and_an_error_of_many_mebibytes_are_cut_and_cost_no_other_span() {
    let _alone = alone();
    let telemetry = exporter(|_| Ok(Exported::default()))
        .memory_budget_bytes(BUDGET_BYTES)
        .init()
        .unwrap();
    let huge = "ä".repeat(10 << 20);
    record(10);
    get_tracer("overload").in_scope(&huge, |span| {
        span.update_name(&huge);
        span.set_status(Status::error(huge.as_str()));
    });
    record(10);
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.dropped()), (21, 0), "{stats:?}");
    assert!(stats.peak_queued_bytes <= BUDGET_BYTES, "{stats:?}");
}
