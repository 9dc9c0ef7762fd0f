//! Decisions at the tail, as a program sees them: what is kept, and what other processes are told.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    Context, IdGenerator, Sampler, SpanContext, SpanId, Status, TailPolicy, Telemetry,
    TelemetryBuilder, TraceFlags, TraceId, TraceState, Tracer, get_traceparent, get_tracer,
    get_tracestate, in_current_context, inject_trace_context, testing::TestRecorder, with_context,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

fn tracer() -> Tracer {
    get_tracer("tail")
}

/// Keeps nothing but what the policy has a reason for.
fn recorder(policy: TailPolicy) -> TestRecorder {
    TestRecorder::of(Telemetry::builder().tail(policy))
}

fn fail() {
    tracer().in_scope("query", |span| span.set_status(Status::error("timeout")));
}

fn remote(flags: TraceFlags) -> SpanContext {
    let (trace, span) = (TraceId::from(7_u128), SpanId::from(9_u64));
    SpanContext::new(trace, span, flags, true, TraceState::EMPTY)
}

on_every_executor! {
    async fn a_trace_with_a_failure_is_kept_whole_and_one_without_is_not() {
        let recorder = recorder(TailPolicy::new(0.0));
        recorder.run_async(async {
            tracer().in_span("fine", async |_| {
                yield_now().await;
                tracer().in_scope("query", |_| ());
            }).await;
            tracer().in_span("broken", async |_| {
                tracer().in_scope("before", |_| ());
                yield_now().await;
                fail();
            }).await;
        }).await;
        assert_eq!(recorder.tree(), "broken\n  before\n  query ERROR(timeout)\n");
        let stats = recorder.stats();
        assert_eq!((stats.started, stats.sampled_out_at_tail), (5, 2));
        assert_eq!((stats.exported, stats.pending), (3, 0));
    }
}

#[test]
fn a_trace_waits_until_its_root_has_ended() {
    let recorder = recorder(TailPolicy::new(1.0));
    recorder.run(|| {
        tracer().in_scope("request", |_| {
            tracer().in_scope("recall", |_| ());
            assert_eq!(recorder.tree(), "");
            assert_eq!(recorder.stats().pending, 2);
        });
    });
    assert_eq!(recorder.tree(), "request\n  recall\n");
}

#[test]
fn spans_of_other_threads_belong_to_the_trace() {
    let recorder = recorder(TailPolicy::new(0.0));
    recorder.run(|| {
        tracer().in_scope("request", |_| {
            let thread = thread::Builder::new().spawn(in_current_context(fail));
            thread.unwrap().join().unwrap();
        });
    });
    assert_eq!(recorder.tree(), "request\n  query ERROR(timeout)\n");
}

#[test]
fn an_undecided_trace_asks_others_to_record_and_says_nothing_of_a_ratio() {
    let recorder = recorder(TailPolicy::new(0.0));
    recorder.run(|| {
        tracer().in_scope("request", |span| {
            assert!(span.is_recording() && span.span_context().is_sampled());
            assert!(get_traceparent().unwrap().ends_with("-03"));
            assert_eq!(get_tracestate(), None);
            let mut headers = HashMap::new();
            inject_trace_context(&mut headers);
            assert!(!headers.contains_key("tracestate"));
        });
    });
    assert_eq!(recorder.tree(), "");
}

#[test]
fn spans_kept_by_the_ratio_say_for_how_many_they_stand_and_others_do_not() {
    let states = |ratio: f64, work: fn()| {
        let recorder = recorder(TailPolicy::new(ratio));
        recorder.run(|| tracer().in_scope("request", |_| work()));
        let spans = recorder.spans();
        let states = spans.into_iter().map(|span| span.trace_state);
        states.collect::<Vec<_>>()
    };
    assert_eq!(
        states(1.0, || tracer().in_scope("recall", |_| ())),
        ["ot=th:0"; 2]
    );
    assert_eq!(states(1.0, fail), ["", ""]);
    assert_eq!(states(0.0, fail), ["", ""]);
}

/// The same ids in the same order for everybody.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Counted {
    fn next(&self) -> u64 {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        count.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl IdGenerator for Counted {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(u128::from(self.next()))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.next())
    }
}

#[test]
fn the_ratio_keeps_the_same_traces_as_a_sampler_of_that_ratio() {
    let kept = |builder: TelemetryBuilder| {
        let recorder = TestRecorder::of(builder.id_generator(Counted::default()));
        recorder.run(|| (0..200).for_each(|_| tracer().in_scope("request", |_| ())));
        let spans = recorder.spans();
        spans.iter().map(|span| span.trace_id).collect::<Vec<_>>()
    };
    let at_head = kept(Telemetry::builder().sampler(Sampler::TraceIdRatio(0.3)));
    assert_eq!(
        at_head,
        kept(Telemetry::builder().tail(TailPolicy::new(0.3)))
    );
    assert_eq!(at_head, kept(Telemetry::builder().sampling_rate(0.3)));
    assert!((40..80).contains(&at_head.len()), "{}", at_head.len());
}

#[test]
fn a_trace_that_began_elsewhere_follows_the_decision_made_there() {
    let recorder = recorder(TailPolicy::new(0.0));
    for (flags, name) in [
        (TraceFlags::SAMPLED, "wanted"),
        (TraceFlags::NONE, "unwanted"),
    ] {
        let context = recorder.context().with_remote_span_context(remote(flags));
        with_context(&context, || {
            tracer().in_scope(name, |span| {
                assert_eq!(span.is_recording(), flags.is_sampled());
                tracer().in_scope("recall", |_| ());
                fail();
            });
        });
    }
    assert_eq!(
        recorder.tree(),
        "wanted\n  recall\n  query ERROR(timeout)\n"
    );
    let spans = recorder.spans();
    assert!(spans.iter().all(|span| span.trace_state.is_empty()));
    assert_eq!(recorder.stats().sampled_out, 3);
}

#[test]
fn a_call_to_ourselves_is_decided_by_the_flag_that_it_carries() {
    let recorder = recorder(TailPolicy::new(0.0));
    recorder.run(|| {
        tracer().in_scope("client", |span| {
            let own = span.span_context();
            let (trace, id) = (own.trace_id(), own.span_id());
            let sent = SpanContext::new(trace, id, own.trace_flags(), true, TraceState::EMPTY);
            let received = Context::root().with_remote_span_context(sent);
            with_context(&received, || tracer().in_scope("server", |_| ()));
        });
    });
    assert_eq!(recorder.tree(), "server\n");
}

#[test]
fn a_span_that_somebody_wants_to_see_keeps_its_trace() {
    let recorder = recorder(TailPolicy::new(0.0));
    recorder.run(|| {
        let forced = || Context::current().with_forced_sampling();
        tracer().in_scope("request", |_| {
            tracer().in_scope("before", |_| ());
            with_context(&forced(), || tracer().in_scope("wanted", |_| ()));
        });
        with_context(&forced(), || {
            tracer().in_scope("wanted from the start", |_| ());
        });
        tracer().in_scope("other", |_| ());
    });
    assert_eq!(
        recorder.tree(),
        "request\n  before\n  wanted\nwanted from the start\n"
    );
}

#[test]
fn spans_that_end_after_their_root_follow_its_decision() {
    let recorder = recorder(TailPolicy::new(0.0));
    let late = recorder.run(|| {
        let late = |name: &str, work: fn()| {
            tracer().in_scope(name, |_| {
                work();
                tracer().span_builder("late").start()
            })
        };
        (late("broken", fail), late("fine", || ()))
    });
    assert_eq!(recorder.tree(), "broken\n  query ERROR(timeout)\n");
    late.1.set_status(Status::error("too late"));
    drop(late);
    assert_eq!(recorder.tree(), "broken\n  query ERROR(timeout)\n  late\n");
    assert_eq!(recorder.stats().sampled_out_at_tail, 2);
}

#[test]
fn slow_roots_and_attributes_keep_their_traces() {
    let at = |seconds: u64| seconds * 1_000_000_000;
    let policy = TailPolicy::new(0.0)
        .keep_slower_than(Duration::from_secs(2))
        .keep_if_attribute("tenant.id", "acme");
    let recorder = recorder(policy);
    recorder.run(|| {
        for seconds in [2_u64, 3] {
            let start = tracer()
                .span_builder("request")
                .start_time_unix_nanos(at(1));
            let span = start.start();
            span.set_attribute("seconds", seconds.to_string());
            span.end_with_timestamp(at(1 + seconds));
        }
        tracer().in_scope("request", |_| {
            tracer().in_scope("recall", |span| span.set_attribute("tenant.id", "acme"));
        });
    });
    assert_eq!(
        recorder.tree(),
        "request seconds=3\nrequest\n  recall tenant.id=acme\n"
    );
}

#[test]
fn what_the_sampler_leaves_out_is_not_decided_again() {
    let policy = TailPolicy::new(1.0);
    let builder = Telemetry::builder()
        .tail(policy)
        .sampler(Sampler::AlwaysOff);
    let recorder = TestRecorder::of(builder);
    recorder.run(fail);
    let stats = recorder.stats();
    assert_eq!((stats.sampled_out, stats.sampled_out_at_tail), (1, 0));
}

#[test]
fn behind_another_sampler_spans_say_what_share_both_keep_or_nothing() {
    let states = |sampler: Sampler, ratio: f64| {
        let builder = Telemetry::builder().id_generator(Counted::default());
        let recorder = TestRecorder::of(builder.sampler(sampler).tail(TailPolicy::new(ratio)));
        recorder.run(|| (0..200).for_each(|_| tracer().in_scope("request", |_| ())));
        let spans = recorder.spans();
        let states: BTreeSet<_> = spans.iter().map(|span| span.trace_state.clone()).collect();
        (spans.len(), states.into_iter().collect::<Vec<_>>())
    };
    let (of_a_quarter, state) = states(Sampler::AlwaysOn, 0.25);
    assert_eq!(state, ["ot=th:c"]);
    for sampler in [Sampler::probability(0.25), Sampler::TraceIdRatio(0.25)] {
        // The lower share is within the higher one, on whichever side it is.
        let both = states(sampler, 0.5);
        assert_eq!(both, (of_a_quarter, vec!["ot=th:c".to_owned()]));
    }
    let both = states(Sampler::probability(0.5), 0.25);
    assert_eq!(both, (of_a_quarter, vec!["ot=th:c".to_owned()]));
    let unknown = states(Sampler::rate_limited(1_000_000), 0.25);
    assert_eq!(unknown, (of_a_quarter, vec![String::new()]));
}
