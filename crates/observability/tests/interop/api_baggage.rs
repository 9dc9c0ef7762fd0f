//! Baggage is one and the same on both sides, and headers are written alike by both.

use crate::world::{api, native, recorder};
use continuum_observability::{
    Baggage, Context, extract_trace_context, get_baggage, inject_trace_context, set_baggage,
    testing::TestRecorder, thread_scope,
};
use opentelemetry::{
    Context as ApiContext, KeyValue,
    baggage::{BaggageExt as _, BaggageMetadata, KeyValueMetadata},
    global,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, Tracer as _},
};
use std::{collections::HashMap, sync::Arc};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What API code reads.
fn api_baggage(key: &str) -> Option<String> {
    ApiContext::map_current(|current| current.baggage().get(key).map(ToString::to_string))
}

#[test]
fn baggage_that_api_code_attaches_is_seen_by_native_code_while_it_is() {
    let recorder = recorder();
    recorder.run(|| {
        let with = ApiContext::current_with_baggage([KeyValue::new("tenant", "acme")]);
        let guard = with.attach();
        assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
        native().in_scope("inside", |_| {
            assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
            assert_eq!(api_baggage("tenant").as_deref(), Some("acme"));
        });
        drop(guard);
        assert_eq!(get_baggage("tenant"), None);
    });
}

#[test]
fn baggage_that_native_code_sets_is_seen_by_api_code_at_once_and_as_long() {
    let recorder = recorder();
    recorder.run(|| {
        native().in_scope("outer", |_| {
            assert!(set_baggage("tenant", "acme"));
            assert_eq!(api_baggage("tenant").as_deref(), Some("acme"));
            native().in_scope("inner", |_| {
                assert!(set_baggage("tenant", "other") && set_baggage("more", "1"));
                assert_eq!(api_baggage("tenant").as_deref(), Some("other"));
                assert_eq!(api_baggage("more").as_deref(), Some("1"));
            });
            assert_eq!(api_baggage("tenant").as_deref(), Some("acme"));
            assert_eq!(api_baggage("more"), None);
            let empty = Context::current().with_baggage(Baggage::new()).attach();
            assert_eq!(api_baggage("tenant"), None);
            drop(empty);
        });
        assert_eq!(api_baggage("tenant"), None);
    });
    assert_eq!(recorder.tree(), "outer\n  inner\n");
}

#[test]
fn a_span_of_the_api_leaves_baggage_alone_and_its_replacement_replaces_it() {
    let recorder = recorder();
    recorder.run(|| {
        let _scope = thread_scope();
        set_baggage("from", "native");
        api().in_span("span", |context| {
            assert_eq!(
                context.baggage().get("from").map(ToString::to_string),
                Some("native".to_owned())
            );
            assert_eq!(get_baggage("from").as_deref(), Some("native"));
            set_baggage("inside", "1");
            api().in_span("below", |_| {
                assert_eq!(get_baggage("inside").as_deref(), Some("1"));
                native().in_scope("native", |_| {
                    assert_eq!(api_baggage("inside").as_deref(), Some("1"));
                });
                let replaced = ApiContext::current_with_baggage([KeyValue::new("only", "this")]);
                let _guard = replaced.attach();
                assert_eq!(get_baggage("only").as_deref(), Some("this"));
                assert_eq!(get_baggage("from").or(get_baggage("inside")), None);
                let _cleared = ApiContext::current().with_cleared_baggage().attach();
                assert_eq!(get_baggage("only"), None);
            });
        });
    });
    assert_eq!(recorder.tree(), "span\n  below\n    native\n");
}

#[test]
fn a_named_parent_brings_its_baggage_along() {
    let recorder = recorder();
    recorder.run(|| {
        let parent = ApiContext::new()
            .with_baggage([KeyValue::new("tenant", "acme")])
            .with_value(1_u8);
        let span = api().start_with_context("child", &parent);
        let _guard = parent.with_span(span).attach();
        assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
    });
}

#[test]
fn metadata_and_order_survive_the_way_there_and_back() {
    let recorder = recorder();
    recorder.run(|| {
        let mut baggage = Baggage::new();
        baggage.insert_with_metadata("z", "1", "ttl=60").unwrap();
        baggage.insert("a", "2").unwrap();
        baggage.insert("no token", "3").unwrap();
        let _native = Context::current().with_baggage(baggage.clone()).attach();
        let (_, metadata) = ApiContext::map_current(|current| {
            current.baggage().get_with_metadata("z").cloned().unwrap()
        });
        assert_eq!(metadata, BaggageMetadata::from("ttl=60"));
        let stored = ApiContext::current();
        let _elsewhere = Context::root().attach();
        let _back = stored.attach();
        assert_eq!(*Context::current().baggage(), baggage);
    });
    recorder.run(|| {
        let members = [
            KeyValueMetadata::new("b", "2", "private"),
            KeyValueMetadata::new("a", "1", ""),
        ];
        let _api = ApiContext::current_with_baggage(members).attach();
        let seen = Context::current();
        let seen: Vec<_> = seen.baggage().iter().collect();
        assert_eq!(
            (seen[0].key, seen[0].value, seen[0].metadata),
            ("a", "1", "")
        );
        assert_eq!(
            (seen[1].key, seen[1].value, seen[1].metadata),
            ("b", "2", "private")
        );
    });
}

#[test]
fn both_sides_write_and_read_the_same_headers() {
    let recorder = recorder();
    recorder.run(|| {
        let received = HashMap::from([
            ("Traceparent".to_owned(), TRACEPARENT.to_owned()),
            ("baggage".to_owned(), "tenant=acme".to_owned()),
        ]);
        let _guard = extract_trace_context(&received).attach();
        native().in_scope("work", |_| {
            let (mut by_native, mut by_api) = (HashMap::new(), HashMap::new());
            inject_trace_context(&mut by_native);
            global::get_text_map_propagator(|propagator| propagator.inject(&mut by_api));
            assert_eq!(by_native, by_api);
            assert_eq!(by_native["baggage"], "tenant=acme");
        });
    });
    let sent = HashMap::from([
        ("traceparent".to_owned(), TRACEPARENT.to_owned()),
        ("tracestate".to_owned(), "vendor=1".to_owned()),
        ("baggage".to_owned(), "tenant=acme;ttl=60".to_owned()),
    ]);
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let context = global::get_text_map_propagator(|propagator| propagator.extract(&sent));
        let _guard = context.attach();
        assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
        let mut passed_on = HashMap::new();
        inject_trace_context(&mut passed_on);
        assert_eq!(passed_on, sent);
    });
}

#[test]
fn what_a_carrier_does_not_name_stays_as_it_is() {
    drop(recorder());
    let propagator =
        continuum_observability::interop::opentelemetry_0_33::ContinuumPropagator::new();
    let before = ApiContext::new().with_baggage([KeyValue::new("kept", "1")]);
    let after = propagator.extract_with_context(&before, &HashMap::<String, String>::new());
    assert_eq!(after.baggage().get("kept"), before.baggage().get("kept"));
    assert!(!after.has_active_span());
    let fields: Vec<_> = propagator.fields().collect();
    assert_eq!(fields, ["traceparent", "tracestate", "baggage"]);
}

#[test]
fn a_context_that_is_handed_on_for_long_holds_no_more_than_one_before_it() {
    let recorder = recorder();
    recorder.run(|| {
        let values: Vec<_> = (0..3).map(Arc::new).collect();
        let first = Arc::downgrade(&values[0]);
        let mut context = ApiContext::new();
        for value in values {
            let hop = value.to_string();
            let _guard = context.with_value(value).attach();
            context = native().in_scope("hop", |_| {
                set_baggage("hop", &hop);
                ApiContext::current()
            });
        }
        assert_eq!(context.baggage().get("hop"), Some(&"2".into()));
        assert!(first.upgrade().is_none());
    });
}
