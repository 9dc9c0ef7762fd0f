//! Decisions at the tail by the export thread.

use crate::{PLENTY, alone, into_memory, names, record};
use continuum_observability::{Sampler, Status, TailPolicy, get_tracer, with_context};

fn fail(name: &str) {
    get_tracer("test").in_scope(name, |span| span.set_status(Status::error("no")));
}

#[test]
fn a_flush_delivers_traces_that_have_ended_and_leaves_open_ones_undecided() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.tail(TailPolicy::new(0.0)).init().unwrap();
    fail("ended");
    record("dull");
    get_tracer("test").in_scope("open", |_| {
        record("child");
        assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
        assert_eq!(names(&spans), ["ended"]);
        assert_eq!(telemetry.stats().pending, 2);
        fail("failed after the flush");
    });
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["child", "failed after the flush", "open"]);
    let stats = telemetry.stats();
    assert_eq!((stats.sampled_out_at_tail, stats.pending), (1, 0));
}

#[test]
fn a_shutdown_decides_what_is_open_by_what_is_known() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.tail(TailPolicy::new(0.0)).init().unwrap();
    let open = |child: fn(&str)| {
        let root = get_tracer("test").span_builder("root").start();
        with_context(&root.as_context(), || child("child"));
        root
    };
    let open = [open(fail), open(record)];
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    drop(open);
    assert_eq!(names(&spans), ["child"]);
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.sampled_out_at_tail), (1, 1));
    assert_eq!((stats.decided_early, stats.dropped_after_shutdown), (2, 2));
    assert_eq!(stats.pending, 0);
}

#[test]
fn forced_sampling_keeps_what_is_open() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.sampling_rate(0.0).init().unwrap();
    get_tracer("test").in_scope("open", |_| {
        telemetry.force_sampling(PLENTY);
        record("forced");
    });
    record("forced root");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    let mut names = names(&spans);
    names.sort_unstable();
    assert_eq!(names, ["forced", "forced root", "open"]);
}

#[test]
fn a_ratio_that_is_set_later_still_keeps_what_fails() {
    let _alone = alone();
    for ratio in [0.0, 0.5, 1.0] {
        let (builder, spans) = into_memory();
        let telemetry = builder.sampling_rate(ratio).init().unwrap();
        telemetry.set_tail_ratio(0.0);
        record("dull");
        fail("failed");
        assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
        assert_eq!(names(&spans), ["failed"]);
        telemetry.set_tail_ratio(7.0);
        record("kept");
        assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
        assert_eq!(names(&spans), ["kept"]);
        assert_eq!(telemetry.stats().sampled_out_at_tail, 1);
    }
}

#[test]
fn a_new_sampler_has_the_last_word() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.sampling_rate(0.0).init().unwrap();
    record("undecided");
    telemetry.set_sampler(Sampler::AlwaysOn);
    record("sampled");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["sampled"]);
}
