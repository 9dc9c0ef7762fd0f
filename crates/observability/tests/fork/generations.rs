//! Children and grandchildren of a busy process: each records and exports its own spans only.

use crate::{
    alone,
    child::{BY_PARENT, PLENTY, Report, ids, in_a_child, instances, names},
};
use continuum_observability::{
    Context, Sampler, Span, SpanRef, Telemetry, get_current_span, get_tracer, with_context,
};
use std::{
    collections::HashSet,
    os::unix::process::CommandExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const ROUNDS: usize = 40;

/// What each child does: spans of its own on two threads, next to those of its parent.
fn record_in_child(telemetry: &Telemetry, open: &mut Span, view: &SpanRef) {
    view.set_attribute("set by the child", true);
    assert_eq!(telemetry.stats().started, 0, "the counts are the parent's");
    // A scope that the parent does not know.
    let tracer = get_tracer("child");
    tracer.in_scope("child", |span| {
        span.set_attribute("number", 1);
        get_current_span().add_event("event", &[]);
        tracer.in_scope("grandchild", |_| ());
    });
    let work = || get_tracer("thread of child").in_scope("thread", |_| ());
    thread::Builder::new().spawn(work).unwrap().join().unwrap();
    view.set_attribute("set by the child later", true);
    open.end();
    telemetry.force_flush(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.exported, stats.pending), (3, 3, 0));
}

/// A child of a process whose flight recorder holds spans.
#[test]
fn the_flight_recorder_of_a_child_begins_empty() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("report", || Box::new(Report))
        .sampler(Sampler::AlwaysOff)
        .flight_recorder(1 << 20)
        .init()
        .unwrap();
    let record = || get_tracer("flight").in_scope("recorded", |_| ());
    record();
    let reported = in_a_child(|| {
        assert_eq!(telemetry.snapshot(PLENTY), Ok(0));
        get_tracer("flight").in_scope("child", |_| ());
        assert_eq!(telemetry.snapshot(PLENTY), Ok(1));
    });
    assert_eq!(names(&reported), ["child"]);
    record();
    assert_eq!(telemetry.snapshot(PLENTY), Ok(2));
    telemetry.shutdown(PLENTY).unwrap();
}

/// A child of a process in the middle of a trace that is decided at its end, which the child never sees.
#[test]
fn a_child_below_an_undecided_trace_of_its_parent_exports_its_spans_at_once() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("report", || Box::new(Report))
        .sampling_rate(0.0)
        .init()
        .unwrap();
    let fork = || {
        in_a_child(|| {
            let tracer = get_tracer("child");
            tracer.in_scope("first", |_| tracer.in_scope("second", |_| ()));
            telemetry.force_flush(PLENTY).unwrap();
            assert_eq!(telemetry.stats().pending, 0);
            // What begins in the child is decided there.
            with_context(&Context::root(), || tracer.in_scope("root", |_| ()));
            telemetry.force_flush(PLENTY).unwrap();
        })
    };
    let reported = get_tracer("parent").in_scope("start-up", |_| fork());
    assert_eq!(names(&reported), ["first", "second"]);
    telemetry.shutdown(PLENTY).unwrap();
    assert_eq!(telemetry.stats().sampled_out_at_tail, 1);
}

/// A child that has a child.
fn record_in_two_generations(telemetry: &Telemetry) {
    get_tracer("generations").in_scope("first", |_| ());
    let second = in_a_child(|| {
        get_tracer("generations").in_scope("second", |_| ());
        telemetry.force_flush(PLENTY).unwrap();
    });
    assert_eq!(names(&second), ["second"]);
    telemetry.force_flush(PLENTY).unwrap();
}

/// A child that runs what is registered for forks and then never records.
fn become_another_program() {
    // SAFETY: the closure does nothing.
    let status = unsafe { Command::new("true").pre_exec(|| Ok(())).status() };
    assert!(status.unwrap().success());
}

/// Keeps every lock of the parent busy.
fn load(go_on: &AtomicBool, number: usize) {
    let mut round = 0usize;
    let mut stale = SpanRef::default();
    while go_on.load(Ordering::Relaxed) {
        round += 1;
        // Scopes that are new for a while, then known.
        let tracer = get_tracer(&format!("load.{number}.{}", round % 300));
        tracer.in_scope("load", |span| {
            span.set_attribute("round", round);
            stale.set_attribute("late", true);
            stale = span.clone();
        });
    }
}

/// Runs `work` beside threads that record and one that flushes.
pub(crate) fn under_load<R>(threads: usize, telemetry: &Telemetry, work: impl FnOnce() -> R) -> R {
    let go_on = AtomicBool::new(true);
    thread::scope(|scope| {
        let go_on = &go_on;
        for number in 0..threads {
            thread::Builder::new()
                .spawn_scoped(scope, move || load(go_on, number))
                .unwrap();
        }
        let flush = move || {
            while go_on.load(Ordering::Relaxed) {
                let _delivered = telemetry.force_flush(PLENTY);
            }
        };
        thread::Builder::new().spawn_scoped(scope, flush).unwrap();
        let result = catch_unwind(AssertUnwindSafe(work));
        go_on.store(false, Ordering::Relaxed);
        result
    })
    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn children_of_a_busy_process_record_and_export_their_own_spans_only() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("report", || Box::new(Report))
        .init()
        .unwrap();
    let reports = under_load(3, &telemetry, || {
        let mut reports = Vec::new();
        for _ in 0..ROUNDS {
            let mut open = get_tracer("parent").start_span("open");
            let view = open.view().clone();
            reports.push(in_a_child(|| record_in_child(&telemetry, &mut open, &view)));
            let first = in_a_child(|| record_in_two_generations(&telemetry));
            assert_eq!(names(&first), ["first"]);
            become_another_program();
            view.set_attribute("set by the parent", true);
        }
        reports
    });
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!(
        (stats.started, stats.pending),
        (stats.exported + stats.dropped(), 0)
    );

    let by_parent = std::mem::take(&mut *BY_PARENT.lock().unwrap());
    let open: Vec<_> = by_parent
        .iter()
        .filter(|line| line.starts_with("open "))
        .collect();
    assert_eq!(open.len(), ROUNDS);
    assert!(
        open.iter().all(|line| line.ends_with(" 1")),
        "only what the parent set: {open:?}"
    );
    let mut seen: HashSet<_> = ids(by_parent.iter()).collect();
    assert_eq!(seen.len(), by_parent.len());
    let mut known = instances(&by_parent);
    assert_eq!(known.len(), 1);
    for report in &reports {
        assert_eq!(names(report), ["child", "grandchild", "thread"]);
        let instance = instances(report);
        assert_eq!(instance.len(), 1);
        assert!(instance.is_disjoint(&known), "each process is an instance");
        known.extend(instance);
        for id in ids(report) {
            assert!(seen.insert(id), "an id was given out twice");
        }
    }
}

/// In a process of its own, the clock is made by this, which takes two milliseconds.
#[test]
fn a_child_that_is_forked_while_a_thread_sets_telemetry_up_sets_its_own_up() {
    let _alone = alone();
    for pause_micros in [1_000, 0, 30, 100, 300] {
        let begun = AtomicBool::new(false);
        let set_up = || {
            begun.store(true, Ordering::Release);
            Telemetry::builder()
                .exporter_with("report", || Box::new(Report))
                .init()
                .unwrap()
        };
        thread::scope(|scope| {
            let setting_up = scope.spawn(set_up);
            while !begun.load(Ordering::Acquire) {
                thread::yield_now();
            }
            thread::sleep(Duration::from_micros(pause_micros));
            in_a_child(|| {
                // If it was done at the fork, the child has it already.
                let own = Telemetry::builder()
                    .exporter_with("report", || Box::new(Report))
                    .init();
                let is_recorded = |span: &SpanRef| span.is_recording();
                let recorded = get_tracer("child").in_scope("child", is_recorded);
                assert!(recorded, "{own:?}");
            });
            drop(setting_up.join().unwrap());
        });
    }
}
