//! The flight recorder, as a program sees it: what is recorded, what comes back, what is counted.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    AnyValue, Context, FlightRecorder, Sampler, SamplingParameters, SamplingResult, ShouldSample,
    SpanContext, SpanId, SpanRecord, Stats, Status, TailPolicy, Telemetry, TraceFlags, TraceId,
    TraceState, Tracer, get_traceparent, get_tracer, in_current_context, semconv::attribute,
    testing::TestRecorder, with_context, with_telemetry_disabled,
};
use proptest::prelude::*;
use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

const BYTES: usize = 1 << 20;

/// Samples roots that are called so.
#[derive(Debug)]
struct Only(&'static str);

impl ShouldSample for Only {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        SamplingResult::from_decision(parameters.name == self.0)
    }

    fn description(&self) -> String {
        format!("Only{{{}}}", self.0)
    }
}

/// Samples what has no parent.
#[derive(Debug)]
struct Roots;

impl ShouldSample for Roots {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        SamplingResult::from_decision(parameters.parent.is_none())
    }

    fn description(&self) -> String {
        "Roots".to_owned()
    }
}

fn tracer() -> Tracer {
    get_tracer("flight_recorder")
}

/// At the head only roots by the name `kept` are sampled.
fn at_the_head(settings: FlightRecorder) -> TestRecorder {
    let sampler = Sampler::parent_based(Sampler::Custom(Arc::new(Only("kept"))));
    TestRecorder::of(
        Telemetry::builder()
            .sampler(sampler)
            .flight_recorder(settings),
    )
}

/// At the tail only errors are kept.
fn at_the_tail(settings: FlightRecorder) -> TestRecorder {
    TestRecorder::of(
        Telemetry::builder()
            .sampling_rate(0.0)
            .flight_recorder(settings),
    )
}

/// At the head only roots are sampled, and at the tail only errors are kept.
fn at_both(settings: FlightRecorder) -> TestRecorder {
    TestRecorder::of(
        Telemetry::builder()
            .sampler(Sampler::Custom(Arc::new(Roots)))
            .tail(TailPolicy::new(0.0))
            .flight_recorder(settings),
    )
}

fn both(settings: FlightRecorder) -> [TestRecorder; 2] {
    [at_the_head(settings), at_the_tail(settings)]
}

fn record(name: &str) {
    tracer().in_scope(name, |_| ());
}

/// A trace with an error, which is exported.
fn fail() {
    tracer().in_scope("kept", |span| span.set_status(Status::error("timeout")));
}

fn names(spans: &[SpanRecord]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

fn text<'a>(span: &'a SpanRecord, key: &str) -> Option<&'a str> {
    match span.attribute(key)? {
        AnyValue::String(text) => Some(text),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_accounts_balance(stats: Stats) {
    let sampled_out = stats.sampled_out + stats.sampled_out_at_tail;
    let known = stats.exported + sampled_out + stats.dropped() + stats.pending;
    assert_eq!(stats.started, known, "{stats:?}");
}

on_every_executor! {
    async fn a_span_that_is_sampled_out_is_recorded_and_stays_unsampled_for_others() {
        let recorder = at_the_head(FlightRecorder::new(BYTES));
        recorder.run_async(tracer().in_span("request", async |request| {
            yield_now().await;
            assert!(request.is_recording() && !request.span_context().is_sampled());
            tracer().in_scope("recall", |span| {
                assert!(span.is_recording() && !span.span_context().is_sampled());
                assert!(get_traceparent().unwrap().ends_with("-02"));
            });
        })).await;
        assert_eq!(recorder.tree(), "");
        recorder.run(fail);
        let tree = recorder.tree();
        let marked = "continuum.flight_recorder.cause=error continuum.flight_recorder.trace_id=";
        assert_eq!(tree.matches(marked).count(), 2, "{tree}");
        assert!(tree.starts_with("request "), "{tree}");
        assert!(tree.contains("\n  recall "), "{tree}");
        assert!(tree.ends_with("\nkept ERROR(timeout)\n"), "{tree}");
    }
}

#[test]
fn what_comes_back_says_whose_error_it_was_and_that_it_was_not_sampled() {
    for (recorder, flags) in both(FlightRecorder::new(BYTES)).into_iter().zip([0, 1]) {
        recorder.run(|| record("before"));
        recorder.run(fail);
        let spans = recorder.spans();
        assert_eq!(names(&spans), ["kept", "before"]);
        let [kept, before] = &spans[..] else {
            unreachable!()
        };
        let trace_id = TraceId::from_bytes(kept.trace_id).to_string();
        let cause = |span| text(span, attribute::FLIGHT_RECORDER_CAUSE);
        assert_eq!((cause(kept), cause(before)), (None, Some("error")));
        let of_error = text(before, attribute::FLIGHT_RECORDER_TRACE_ID);
        assert_eq!(of_error, Some(trace_id.as_str()));
        // Below a ratio at the tail nothing is decided when a span starts.
        assert_eq!(before.flags & 1, flags);
        assert_eq!(before.trace_state, "");
    }
}

#[test]
fn without_an_error_that_is_exported_nothing_comes_back() {
    let recorder = at_the_head(FlightRecorder::new(BYTES));
    recorder.run(|| {
        record("before");
        record("kept");
        tracer().in_scope("sampled out", |span| span.set_status(Status::error("no")));
    });
    assert_eq!(recorder.tree(), "kept\n");
    let stats = recorder.stats();
    assert_eq!((stats.sampled_out, stats.recovered), (2, 0));
}

#[test]
fn each_span_comes_back_once_and_errors_in_a_pause_bring_nothing() {
    for recorder in both(FlightRecorder::new(BYTES)) {
        recorder.run(|| record("before the first"));
        recorder.run(fail);
        assert_eq!(recorder.spans().len(), 2);
        recorder.run(|| record("before the second"));
        recorder.run(fail);
        assert_eq!(recorder.spans().len(), 3);
    }
    for recorder in both(FlightRecorder::new(BYTES).pause(Duration::ZERO)) {
        for round in 1..4 {
            recorder.run(|| record("before"));
            recorder.run(fail);
            assert_eq!(recorder.spans().len(), 2 * round);
        }
        let stats = recorder.stats();
        assert_eq!((stats.recovered, stats.exported), (3, 6));
    }
}

#[test]
fn spans_that_ended_long_before_the_error_stay_and_may_come_back_with_another() {
    const SECOND: u64 = 1_000_000_000;
    let at = |name: &str, second: u64| {
        let builder = tracer().span_builder(name);
        let span = builder.start_time_unix_nanos(second * SECOND).start();
        if name == "kept" {
            span.set_status(Status::error("timeout"));
        }
        span.end_with_timestamp((second + 1) * SECOND);
    };
    let settings = FlightRecorder::new(BYTES).pause(Duration::ZERO);
    for recorder in both(settings.window(Duration::from_mins(1))) {
        recorder.run(|| {
            at("at 100", 100);
            at("at 160", 160);
            at("at 161", 161);
            at("kept", 220);
        });
        assert_eq!(names(&recorder.spans()), ["kept", "at 160", "at 161"]);
        recorder.run(|| at("kept", 159));
        assert_eq!(names(&recorder.spans()[3..]), ["kept", "at 100"]);
        assert_accounts_balance(recorder.stats());
    }
}

#[test]
fn what_it_holds_counts_as_sampled_out_until_it_comes_back() {
    let recorder = at_the_head(FlightRecorder::new(BYTES));
    let open = recorder.run(|| {
        record("before");
        tracer().start_span("open")
    });
    let stats = recorder.stats();
    assert_eq!((stats.started, stats.sampled_out, stats.pending), (2, 2, 0));
    recorder.run(fail);
    assert_eq!(recorder.spans().len(), 2);
    let stats = recorder.stats();
    assert_eq!((stats.exported, stats.recovered), (2, 1));
    assert_eq!((stats.sampled_out, stats.pending), (1, 0));
    drop(open);

    let recorder = at_the_tail(FlightRecorder::new(BYTES));
    recorder.run(|| record("before"));
    assert_eq!(recorder.tree(), "");
    assert_eq!(recorder.stats().sampled_out_at_tail, 1);
    assert!(recorder.stats().flight_recorder_bytes > 0);
    recorder.run(fail);
    assert_eq!(recorder.spans().len(), 2);
    let stats = recorder.stats();
    assert_eq!((stats.exported, stats.recovered), (2, 1));
    assert_eq!((stats.sampled_out_at_tail, stats.pending), (0, 0));
    assert_eq!(stats.flight_recorder_bytes, 0);
}

#[test]
fn below_a_trace_that_is_decided_at_its_end_a_span_that_is_sampled_out_comes_back_as_that() {
    let recorder = at_both(FlightRecorder::new(BYTES));
    recorder.run(|| {
        tracer().in_scope("root", |root| {
            record("child");
            root.set_status(Status::error("timeout"));
        });
    });
    assert_eq!(recorder.stats().sampled_out, 1);
    assert_eq!(names(&recorder.spans()), ["root", "child"]);
    let stats = recorder.stats();
    assert_eq!((stats.exported, stats.recovered), (2, 1), "{stats:?}");
    assert_eq!((stats.sampled_out, stats.pending), (0, 0), "{stats:?}");
    assert_accounts_balance(stats);
}

#[test]
fn below_an_unsampled_remote_parent_the_part_of_this_process_is_there_when_it_is_needed() {
    for recorder in both(FlightRecorder::new(BYTES)) {
        let (trace, span) = (TraceId::from(7_u128), SpanId::from(9_u64));
        let parent = SpanContext::new(trace, span, TraceFlags::NONE, true, TraceState::EMPTY);
        let context = recorder.context().with_remote_span_context(parent);
        with_context(&context, || {
            tracer().in_scope("served", |span| {
                assert!(span.is_recording() && !span.span_context().is_sampled());
                span.set_status(Status::error("not for us to keep"));
            });
        });
        assert_eq!(recorder.tree(), "");
        recorder.run(fail);
        let spans = recorder.spans();
        assert_eq!(names(&spans), ["kept", "served"]);
        assert_eq!(spans[1].trace_id, trace.to_bytes());
        assert_eq!(spans[1].parent_span_id, Some(span.to_bytes()));
        assert_accounts_balance(recorder.stats());
    }
}

#[test]
fn what_is_forced_is_exported_at_once_and_what_is_disabled_is_not_recorded() {
    for recorder in both(FlightRecorder::new(BYTES)) {
        recorder.run(|| {
            with_telemetry_disabled(|| record("disabled"));
            let forced = Context::current().with_forced_sampling();
            with_context(&forced, || record("forced"));
        });
        assert_eq!(recorder.tree(), "forced\n");
        recorder.run(fail);
        assert_eq!(names(&recorder.spans()), ["forced", "kept"]);
    }
}

#[test]
fn spans_of_other_threads_come_back_also_when_the_threads_have_ended() {
    let recorder = at_the_head(FlightRecorder::new(BYTES));
    recorder.run(|| {
        let work = in_current_context(|| record("of a thread that ended"));
        thread::Builder::new().spawn(work).unwrap().join().unwrap();
        let (ended, seen) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let barriers = (Arc::clone(&ended), Arc::clone(&seen));
        let work = in_current_context(move || {
            record("of a thread that waits");
            barriers.0.wait();
            barriers.1.wait();
        });
        let waiting = thread::Builder::new().spawn(work).unwrap();
        ended.wait();
        fail();
        let spans = recorder.spans();
        let names: BTreeSet<_> = names(&spans).into_iter().collect();
        let expected = ["kept", "of a thread that ended", "of a thread that waits"];
        assert_eq!(names, BTreeSet::from(expected));
        seen.wait();
        waiting.join().unwrap();
    });
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Keep,
    SampleOut,
    Fail,
    OnAThread,
    Child,
    Look,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_every_span_is_in_one_count(
        deeds in prop::collection::vec(prop::sample::select(vec![
            Deed::Keep, Deed::SampleOut, Deed::SampleOut, Deed::Fail, Deed::OnAThread, Deed::Child,
            Deed::Look,
        ]), 0..60),
        bytes in prop::sample::select(vec![1_000, 20_000, BYTES]),
        pause in prop::sample::select(vec![Duration::ZERO, Duration::MAX]),
    ) {
        let settings = FlightRecorder::new(bytes).pause(pause);
        for recorder in both(settings).into_iter().chain([at_both(settings)]) {
            for deed in &deeds {
                recorder.run(|| match deed {
                    Deed::Keep => record("kept"),
                    Deed::SampleOut => record("other"),
                    Deed::Fail => fail(),
                    Deed::OnAThread => {
                        let work = in_current_context(|| record("other"));
                        thread::Builder::new().spawn(work).unwrap().join().unwrap();
                    }
                    Deed::Child => tracer().in_scope("other", |_| record("child")),
                    Deed::Look => drop(recorder.spans()),
                });
                assert_accounts_balance(recorder.stats());
            }
            let exported = recorder.spans().len() as u64;
            let stats = recorder.stats();
            assert_accounts_balance(stats);
            prop_assert_eq!((stats.exported, stats.pending), (exported, 0));
            prop_assert!(stats.flight_recorder_bytes <= bytes);
        }
    }
}
