//! Spans that are not recorded: they cost little and still carry the trace on.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    Context, FutureExt as _, Sampler, SamplingParameters, SamplingResult, ShouldSample,
    SpanContext, SpanId, SpanLimits, TraceFlags, TraceId, TraceState, Tracer, get_baggage,
    get_current_span, get_trace_id, get_traceparent, get_tracer, set_baggage,
    testing::TestRecorder,
};
use std::sync::Arc;

fn tracer() -> Tracer {
    get_tracer("context_sampling")
}

fn recorder_with(sampler: Sampler) -> TestRecorder {
    TestRecorder::with(sampler, SpanLimits::default())
}

fn remote_parent(flags: TraceFlags) -> SpanContext {
    let state = TraceState::EMPTY.insert("vendor", "opaque").unwrap();
    SpanContext::new(
        TraceId::from(7_u128),
        SpanId::from(9_u64),
        flags,
        true,
        state,
    )
}

on_every_executor! {
    async fn a_sampled_out_span_carries_ids_flags_tracestate_and_baggage() {
        let recorder = recorder_with(Sampler::AlwaysOff);
        let parent = remote_parent(TraceFlags::SAMPLED.with_random(true));
        let context = recorder.context().with_remote_span_context(parent.clone());
        async {
            set_baggage("tenant", "acme");
            tracer().in_span("request", async |span| {
                yield_now().await;
                let own = span.span_context();
                assert!(!span.is_recording());
                assert_eq!(own.trace_id(), parent.trace_id());
                assert!(own.span_id().is_valid() && own.span_id() != parent.span_id());
                assert!(!own.trace_flags().is_sampled() && own.trace_flags().is_random());
                assert_eq!(own.trace_state(), parent.trace_state());
                assert!(!own.is_remote());
                assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
                assert_eq!(get_trace_id(), Some(parent.trace_id()));
                let traceparent = format!("00-{}-{}-02", own.trace_id(), own.span_id());
                assert_eq!(get_traceparent().as_deref(), Some(traceparent.as_str()));
            }).await;
        }.with_context(context).await;
        let stats = recorder.stats();
        assert_eq!((stats.started, stats.sampled_out, stats.pending), (1, 1, 0));
        assert!(recorder.spans().is_empty());
    }

    async fn children_of_a_sampled_out_span_are_sampled_out() {
        let recorder = recorder_with(Sampler::parent_based(Sampler::AlwaysOff));
        recorder.run_async(tracer().in_span("outer", async |outer| {
            let trace = outer.span_context().trace_id();
            tracer().in_span("inner", async |inner| {
                yield_now().await;
                inner.set_attribute("lost", true);
                assert!(!inner.is_recording() && !get_current_span().is_recording());
                assert_eq!(inner.span_context().trace_id(), trace);
                assert_ne!(inner.span_context().span_id(), outer.span_context().span_id());
            }).await;
        })).await;
        let stats = recorder.stats();
        assert_eq!((stats.started, stats.sampled_out, stats.exported), (2, 2, 0));
        assert_eq!(recorder.tree(), "");
    }

    async fn nothing_below_a_suppressed_context_is_recorded() {
        let recorder = TestRecorder::new();
        let suppressed = recorder.context().with_telemetry_disabled();
        tracer().in_span("quiet", async |span| {
            assert!(!span.is_recording());
            tracer().in_span("child", async |child| {
                yield_now().await;
                assert!(!child.is_recording());
                tracer().in_scope("grandchild", |span| assert!(!span.is_recording()));
                let _guard = tracer().start_span("manual");
            }).await;
        }).with_context(suppressed).await;
        assert_eq!(recorder.stats().started, 0);
    }

    async fn a_suppressed_context_passes_the_span_around_it_on() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("request", async |request| {
            let id = request.span_context().span_id();
            async {
                tracer().in_span("quiet", async |quiet| {
                    assert_eq!(quiet.span_context().span_id(), id);
                    quiet.set_attribute("lost", true);
                }).await;
            }.with_context(Context::current().with_telemetry_disabled()).await;
            tracer().in_scope("loud", |_| ());
        })).await;
        assert_eq!(recorder.tree(), "request\n  loud\n");
    }
}

#[test]
fn without_a_recorder_the_parent_is_passed_on_unchanged() {
    let parent = remote_parent(TraceFlags::SAMPLED);
    let context = Context::default().with_remote_span_context(parent.clone());
    let span = tracer().span_builder("unrecorded").parent(&context).start();
    assert!(!span.is_recording());
    assert_eq!(span.span_context(), parent);
    assert!(!tracer().start_span("root").span_context().is_valid());
}

#[test]
fn the_parent_decides_where_there_is_one() {
    for (root, flags, sampled) in [
        (Sampler::AlwaysOff, TraceFlags::SAMPLED, true),
        (Sampler::AlwaysOn, TraceFlags::NONE, false),
    ] {
        let recorder = recorder_with(Sampler::parent_based(root));
        let context = recorder
            .context()
            .with_remote_span_context(remote_parent(flags));
        drop(tracer().span_builder("request").parent(&context).start());
        assert_eq!(recorder.spans().len(), usize::from(sampled));
        assert_eq!(recorder.stats().sampled_out, u64::from(!sampled));
    }
}

#[test]
fn a_ratio_keeps_or_drops_whole_traces() {
    let recorder = recorder_with(Sampler::parent_based(Sampler::TraceIdRatio(0.5)));
    recorder.run(|| {
        for _ in 0..400 {
            tracer().in_scope("root", |_| tracer().in_scope("child", |_| ()));
        }
    });
    let (spans, stats) = (recorder.spans(), recorder.stats());
    let roots = spans
        .iter()
        .filter(|span| span.parent_span_id.is_none())
        .count();
    assert_eq!(spans.len(), 2 * roots);
    assert!(
        (100..300).contains(&roots),
        "{roots} of 400 kept at a ratio of one half"
    );
    assert_eq!(stats.sampled_out + stats.exported, stats.started);
    assert_eq!(stats.started, 800);
}

/// Records what is not sampled, adds an attribute and changes the `tracestate`.
#[derive(Debug)]
struct Unusual;

impl ShouldSample for Unusual {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        let mut result = SamplingResult::from_decision(parameters.name == "sampled");
        result.is_recording = true;
        result.attributes = vec![(
            "sampler.attributes".into(),
            parameters.attributes.len().into(),
        )];
        result.trace_state = TraceState::EMPTY.insert("sampler", "unusual").ok();
        result
    }

    fn description(&self) -> String {
        "Unusual".to_owned()
    }
}

#[test]
fn a_sampler_of_ones_own_may_record_without_sampling() {
    let recorder = recorder_with(Sampler::Custom(Arc::new(Unusual)));
    recorder.run(|| {
        tracer().in_scope("recorded", |span| {
            assert!(span.is_recording());
            assert!(!span.span_context().is_sampled());
            assert_eq!(
                span.span_context().trace_state().get("sampler"),
                Some("unusual")
            );
        });
        tracer()
            .span_builder("sampled")
            .attribute("a", 1)
            .in_scope(|_| ());
    });
    assert_eq!(recorder.tree(), "sampled a=1 sampler.attributes=1\n");
    let stats = recorder.stats();
    assert_eq!(
        (stats.started, stats.sampled_out, stats.exported),
        (2, 1, 1)
    );
}
