//! What API code says about its spans arrives, and what it asks is answered.

use crate::world::{api, native, recorder};
use continuum_observability::{
    AnyValue, Context, Sampler, SpanLimits, get_current_span,
    interop::opentelemetry_0_33::ContinuumTracerProvider, testing::TestRecorder,
};
use opentelemetry::{
    Array, Context as ApiContext, InstrumentationScope, KeyValue, Value, global,
    trace::{
        Event, Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags,
        TraceState, Tracer as _, TracerProvider as _,
    },
};
use std::time::{Duration, UNIX_EPOCH};

fn remote(flags: TraceFlags) -> SpanContext {
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    SpanContext::new(0xabcd_u128.into(), 0x1234_u64.into(), flags, true, state)
}

#[test]
fn everything_given_at_the_start_arrives() {
    let recorder = recorder();
    let (start, event) = (
        UNIX_EPOCH + Duration::from_secs(5),
        UNIX_EPOCH + Duration::from_secs(6),
    );
    recorder.run(|| {
        let builder = api()
            .span_builder("publish")
            .with_kind(SpanKind::Producer)
            .with_start_time(start)
            .with_attributes([
                KeyValue::new("flag", true),
                KeyValue::new("count", 3),
                KeyValue::new("ratio", 0.5),
                KeyValue::new("text", "a"),
                KeyValue::new("list", Value::Array(Array::from(vec![1_i64, 2]))),
                KeyValue::new(
                    "texts",
                    Value::Array(Array::String(vec!["x".into(), "y".into()])),
                ),
            ])
            .with_events(vec![Event::new(
                "queued",
                event,
                vec![KeyValue::new("at", 1)],
                0,
            )])
            .with_links(vec![Link::new(
                remote(TraceFlags::SAMPLED),
                vec![KeyValue::new("l", 2)],
                0,
            )]);
        builder
            .start(&api())
            .end_with_timestamp(start + Duration::from_secs(2));
    });
    assert_eq!(
        recorder.tree(),
        "publish [producer] flag=true count=3 ratio=0.5 text=a list=[1,2] texts=[x,y]\n  \
           · queued at=1\n  \
           → elsewhere l=2\n"
    );
    let [span] = &recorder.spans()[..] else {
        panic!("one span")
    };
    assert_eq!(
        (span.start_unix_nanos, span.end_unix_nanos),
        (5_000_000_000, 7_000_000_000)
    );
    assert_eq!(span.events[0].time_unix_nanos, 6_000_000_000);
    assert_eq!(span.links[0].trace_state, "vendor=1");
}

#[test]
fn everything_said_later_arrives_until_the_end() {
    let recorder = recorder();
    recorder.run(|| {
        let mut span = api().start("draft");
        assert!(span.is_recording());
        span.update_name("final");
        span.set_attribute(KeyValue::new("n", 1));
        span.set_attributes([KeyValue::new("n", 2), KeyValue::new("m", 3)]);
        span.add_event("step", vec![KeyValue::new("k", "v")]);
        span.record_error(&std::fmt::Error);
        span.add_link(remote(TraceFlags::SAMPLED), Vec::new());
        span.set_status(Status::error("broken"));
        span.end();
        assert!(!span.is_recording());
        span.set_attribute(KeyValue::new("late", true));
        span.update_name("later");
        span.end();
    });
    assert_eq!(
        recorder.tree(),
        "final ERROR(broken) n=2 m=3\n  \
           · step k=v\n  \
           · exception exception.message=an error occurred when formatting an argument\n  \
           → elsewhere\n"
    );
}

#[test]
fn a_dropped_span_ends_and_an_error_text_that_panics_is_left_out() {
    #[derive(Debug)]
    struct Hostile;
    impl std::fmt::Display for Hostile {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("the text of an error");
        }
    }
    impl std::error::Error for Hostile {}

    let recorder = recorder();
    let tracer = ContinuumTracerProvider::new().tracer("direct");
    recorder.run(|| tracer.start("work").record_error(&Hostile));
    assert_eq!(recorder.tree(), "work\n  · exception exception.message=\n");
}

#[test]
fn both_sides_give_the_span_the_same_identity() {
    let recorder = recorder();
    recorder.run(|| {
        let context = ApiContext::new().with_remote_span_context(remote(TraceFlags::SAMPLED));
        let span = api().start_with_context("server", &context);
        let identity = span.span_context().clone();
        assert_eq!(identity.trace_id(), remote(TraceFlags::SAMPLED).trace_id());
        assert_eq!(identity.trace_state().header(), "vendor=1");
        assert!(identity.is_sampled() && !identity.is_remote());
        let _guard = context.with_span(span).attach();
        assert_eq!(
            SpanContext::from(&get_current_span().span_context()),
            identity
        );
        native().in_scope("inner", |inner| {
            let seen = ApiContext::current().span().span_context().clone();
            assert_eq!(seen, SpanContext::from(&inner.span_context()));
        });
    });
    let server = recorder
        .spans()
        .into_iter()
        .find(|span| span.name == "server")
        .unwrap();
    assert_eq!(server.parent_span_id, Some(0x1234_u64.to_be_bytes()));
    assert_eq!(recorder.tree(), "server\n  inner\n");
}

#[test]
fn an_attached_remote_context_is_the_native_parent() {
    let recorder = recorder();
    recorder.run(|| {
        let context = ApiContext::new().with_remote_span_context(remote(TraceFlags::SAMPLED));
        let _guard = context.attach();
        assert!(Context::current().span_context().is_remote());
        native().in_scope("work", |_| ());
    });
    let [span] = &recorder.spans()[..] else {
        panic!("one span")
    };
    assert_eq!(span.parent_span_id, Some(0x1234_u64.to_be_bytes()));
    assert_eq!(span.trace_state, "vendor=1");
}

#[test]
fn what_is_sampled_out_is_not_recorded_on_either_side() {
    let recorder = TestRecorder::with(Sampler::AlwaysOff, SpanLimits::default());
    drop(crate::world::recorder());
    recorder.run(|| {
        api().in_span("a", |context| {
            assert!(!context.span().is_recording() && !context.span().span_context().is_sampled());
            let trace = context.span().span_context().trace_id();
            native().in_scope("b", |span| {
                assert_eq!(
                    opentelemetry::trace::TraceId::from(span.span_context().trace_id()),
                    trace
                );
            });
        });
    });
    assert_eq!(recorder.spans().len(), 0);
}

#[test]
fn suppressed_telemetry_is_suppressed_for_native_spans() {
    let recorder = recorder();
    recorder.run(|| {
        let _guard = ApiContext::enter_telemetry_suppressed_scope();
        native().start_span("native").end();
        api().start("api").end();
    });
    assert_eq!(recorder.spans().len(), 0);
}

#[test]
fn recording_goes_on_after_telemetry_was_suppressed() {
    let recorder = recorder();
    recorder.run(|| {
        native().in_scope("outer", |_| {
            let guard = ApiContext::enter_telemetry_suppressed_scope();
            native().in_scope("suppressed", |_| api().in_span("too", |_| ()));
            drop(guard);
            native().in_scope("native", |_| ());
            api().in_span("api", |_| ());
        });
    });
    assert_eq!(recorder.tree(), "outer\n  native\n  api\n");
}

#[test]
fn native_telemetry_that_is_disabled_is_disabled_for_api_code() {
    let recorder = recorder();
    recorder.run(|| {
        let _guard = Context::current().with_telemetry_disabled().attach();
        assert!(ApiContext::is_current_telemetry_suppressed());
        api().in_span("api", |_| native().in_scope("native", |_| ()));
    });
    assert_eq!(recorder.spans().len(), 0);
}

#[test]
fn a_mirror_describes_the_native_span_and_does_not_end_it() {
    let recorder = recorder();
    recorder.run(|| {
        native().in_scope("work", |span| {
            let context = ApiContext::current();
            context.span().set_attribute(KeyValue::new("by", "api"));
            context.span().end();
            assert!(span.is_recording());
        });
    });
    assert_eq!(recorder.tree(), "work by=api\n");
}

#[test]
fn the_scope_of_the_tracer_is_the_scope_of_the_span() {
    let recorder = recorder();
    recorder.run(|| {
        let scope = InstrumentationScope::builder("library")
            .with_version("1.2")
            .with_schema_url("https://schema.example/1.2")
            .with_attributes([KeyValue::new("shard", 7)])
            .build();
        global::tracer_with_scope(scope).start("work").end();
    });
    let [span] = &recorder.spans()[..] else {
        panic!("one span")
    };
    assert_eq!(
        (span.scope.name.as_str(), span.scope.version.as_str()),
        ("library", "1.2")
    );
    assert_eq!(span.scope.schema_url, "https://schema.example/1.2");
    let shard = ("shard".to_owned(), AnyValue::Int(7));
    assert_eq!(span.scope.attributes, [shard]);
}

#[test]
fn a_context_that_is_derived_from_another_one_has_its_span_also_elsewhere() {
    let recorder = recorder();
    recorder.run(|| {
        let first = ApiContext::current_with_span(api().start("first"));
        // Asked for its identity later than the first one.
        let second = ApiContext::current_with_span(api().start("second"));
        let derived = first.with_value(7_u8);
        drop(first);
        let again = derived.with_value(8_u16);
        drop(derived);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The recorder is found too, which the ids alone do not tell.
                let _attached = again.clone().attach();
                native().in_scope("below first", |_| ());
            });
        });
        drop(api().start_with_context("named", &second));
    });
    assert_eq!(recorder.tree(), "first\n  below first\nsecond\n  named\n");
}
