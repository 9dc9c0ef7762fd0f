//! What the `opentelemetry` API promises to those who use it holds with this recorder behind it.
//!
//! Source: the API's documentation of `Context`, `Tracer` and `Span`; OpenTelemetry specification, Trace
//! API.

use crate::world::{api, native, recorder};
use continuum_observability::{
    Sampler, SpanLimits, interop::opentelemetry_0_33::ContinuumTracerProvider,
    testing::TestRecorder,
};
use futures_util::future::join;
use opentelemetry::{
    Context as ApiContext, KeyValue, Value,
    context::FutureExt as _,
    trace::{
        Link, Span as _, SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceState,
        Tracer as _, TracerProvider as _, get_active_span, mark_span_as_active,
    },
};
use tokio::task::yield_now;

fn remote() -> SpanContext {
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    SpanContext::new(
        0xabcd_u128.into(),
        0x12_u64.into(),
        TraceFlags::SAMPLED,
        true,
        state,
    )
}

#[test]
fn without_a_recorder_a_parent_is_passed_on_and_nothing_else_is_there() {
    // No recorder is in scope: the API without an SDK.
    let tracer = ContinuumTracerProvider::new().tracer("nobody records");
    assert!(!tracer.start("root").span_context().is_valid());
    let parent = ApiContext::new().with_remote_span_context(remote());
    let mut child = tracer.start_with_context("child", &parent);
    assert_eq!(child.span_context().trace_id(), remote().trace_id());
    assert_eq!(child.span_context().span_id(), remote().span_id());
    assert_eq!(child.span_context().trace_state().header(), "vendor=1");
    child.set_attribute(KeyValue::new("a", 1));
    assert!(!child.is_recording());
    child.end();
}

#[test]
fn the_active_span_is_the_innermost_one_and_comes_back() {
    let recorder = recorder();
    recorder.run(|| {
        let outer = api().start("outer");
        let outer_id = outer.span_context().span_id();
        let guard = mark_span_as_active(outer);
        assert_eq!(
            get_active_span(|span| span.span_context().span_id()),
            outer_id
        );
        api().in_span("inner", |context| {
            let inner = context.span().span_context().span_id();
            assert_eq!(get_active_span(|span| span.span_context().span_id()), inner);
            assert_ne!(inner, outer_id);
        });
        assert_eq!(
            get_active_span(|span| span.span_context().span_id()),
            outer_id
        );
        drop(guard);
        assert!(!ApiContext::current().has_active_span());
        assert_eq!(
            get_active_span(|span| span.span_context().span_id()),
            SpanId::INVALID
        );
    });
    assert_eq!(recorder.tree(), "outer\n  inner\n");
}

#[test]
fn a_context_does_not_change_and_keeps_the_values_of_others() {
    #[derive(Debug, PartialEq)]
    struct Request(u8);
    let recorder = recorder();
    recorder.run(|| {
        let before = ApiContext::new().with_value(Request(1));
        let _guard = before.clone().attach();
        native().in_scope("native", |_| {
            let seen = ApiContext::current();
            assert_eq!(seen.get::<Request>(), Some(&Request(1)));
            assert!(seen.has_active_span());
            let after = seen.with_value(Request(2));
            assert_eq!(seen.get::<Request>(), Some(&Request(1)));
            assert_eq!(after.get::<Request>(), Some(&Request(2)));
            let _guard = after.attach();
            native().in_scope("inner", |_| {
                let inner = ApiContext::map_current(|current| current.get::<Request>().unwrap().0);
                assert_eq!(inner, 2);
            });
        });
        assert!(!before.has_active_span());
    });
    assert_eq!(recorder.tree(), "native\n  inner\n");
}

#[test]
fn contexts_may_be_detached_in_another_order() {
    let recorder = recorder();
    recorder.run(|| {
        let attach = |name| ApiContext::current_with_span(api().start(name)).attach();
        let first = attach("first");
        let second = attach("second");
        drop(first);
        api().start("in second").end();
        let third = attach("third");
        drop(second);
        api().start("in third").end();
        drop(third);
        api().start("outside").end();
    });
    assert_eq!(
        recorder.tree(),
        "first\n  second\n    in second\n    third\n      in third\noutside\n"
    );
}

#[tokio::test]
async fn a_future_keeps_its_context_across_awaits() {
    let recorder = recorder();
    let work = async {
        let request = |name: &'static str| {
            let work = async move {
                api().start(name).end();
                yield_now().await;
                api().start(name).end();
            };
            let span = api().start(name);
            work.with_context(ApiContext::current_with_span(span))
        };
        join(request("a"), request("b")).await;
        let carried = {
            let _guard = mark_span_as_active(api().start("c"));
            async { native().start_span("in c").end() }.with_current_context()
        };
        tokio::spawn(carried).await.unwrap();
    };
    recorder.run_async(work).await;
    assert_eq!(recorder.tree(), "a\n  a\n  a\nb\n  b\n  b\nc\n  in c\n");
}

#[tokio::test]
async fn suppression_follows_the_future_and_ends_with_its_scope() {
    let recorder = recorder();
    let work = async {
        let quiet = async {
            api().start("hidden").end();
            yield_now().await;
            native().start_span("hidden too").end();
        };
        quiet
            .with_context(ApiContext::current().with_telemetry_suppressed())
            .await;
        assert!(!ApiContext::is_current_telemetry_suppressed());
        {
            let _outer = ApiContext::enter_telemetry_suppressed_scope();
            drop(ApiContext::enter_telemetry_suppressed_scope());
            assert!(ApiContext::is_current_telemetry_suppressed());
            api().start("hidden as well").end();
        }
        api().start("seen").end();
    };
    recorder.run_async(work).await;
    assert_eq!(recorder.tree(), "seen\n");
}

#[test]
fn a_status_of_ok_is_final_and_an_error_keeps_its_last_description() {
    let recorder = recorder();
    recorder.run(|| {
        let set = |statuses: Vec<Status>| {
            let mut span = api().start("span");
            for status in statuses {
                span.set_status(status);
            }
        };
        set(vec![
            Status::error("first"),
            Status::Unset,
            Status::error("last"),
        ]);
        set(vec![
            Status::error("first"),
            Status::Ok,
            Status::error("late"),
        ]);
        set(vec![Status::Unset]);
    });
    assert_eq!(recorder.tree(), "span ERROR(last)\nspan OK\nspan\n");
}

#[test]
fn what_is_over_a_limit_is_counted() {
    drop(recorder());
    let mut limits = SpanLimits::default();
    (limits.attributes, limits.events, limits.links) = (2, 1, 1);
    (limits.attributes_per_event, limits.attributes_per_link) = (1, 0);
    let recorder = TestRecorder::with(Sampler::AlwaysOn, limits);
    let attribute = |key: &'static str| KeyValue::new(key, Value::from(1));
    recorder.run(|| {
        let link = || Link::new(remote(), vec![attribute("l")], 0);
        let mut span = api()
            .span_builder("limited")
            .with_attributes([attribute("a"), attribute("b"), attribute("c")])
            .with_links(vec![link(), link()])
            .start(&api());
        span.set_attribute(attribute("b"));
        span.add_event("kept", vec![attribute("x"), attribute("y")]);
        span.add_event("dropped", Vec::new());
        span.add_link(remote(), Vec::new());
    });
    let [span] = &recorder.spans()[..] else {
        panic!("one span")
    };
    assert_eq!(
        recorder.tree(),
        "limited a=1 b=1\n  · kept x=1\n  → elsewhere\n"
    );
    assert_eq!(
        (
            span.dropped_attributes_count,
            span.dropped_events_count,
            span.dropped_links_count
        ),
        (1, 1, 2)
    );
}

#[test]
fn a_span_may_be_described_from_other_threads_while_it_is_attached() {
    let recorder = recorder();
    recorder.run(|| {
        let context = ApiContext::current_with_span(api().start("shared"));
        std::thread::scope(|scope| {
            for number in 0..4 {
                let context = context.clone();
                scope.spawn(move || {
                    let key = format!("thread {number}");
                    context.span().set_attribute(KeyValue::new(key, true));
                    let _guard = context.attach();
                    api().start("child").end();
                });
            }
        });
    });
    let tree = recorder.tree();
    assert_eq!(
        (
            tree.matches("thread ").count(),
            tree.matches("\n  child").count()
        ),
        (4, 4),
        "{tree}"
    );
}
