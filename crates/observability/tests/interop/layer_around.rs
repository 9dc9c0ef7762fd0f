//! What names a span as its parent that is not recorded itself belongs to what is around that one.

use crate::world::native;
use continuum_observability::{
    interop::tracing::{ContinuumLayer, SpanExt as _},
    testing::TestRecorder,
};
use tracing::{Span, level_filters::LevelFilter, subscriber::with_default};
use tracing_subscriber::{
    layer::{Layer as _, SubscriberExt as _},
    registry,
};

/// The tree of what is said below `parent`, from inside of another span.
fn below(parent: &Span) {
    tracing::info_span!(parent: None, "elsewhere").in_scope(|| {
        drop(tracing::info_span!(parent: parent, "child"));
        tracing::info!(target: "t", parent: parent, "event");
        tracing::debug!(
            target: "sqlx::query", parent: parent, summary = "BEGIN", elapsed_secs = 0.0
        );
    });
}

const TREE: &str = "around\n  · event level=INFO target=t\n  child\n  \
     db.begin [client] db.operation.name=BEGIN db.query.text=BEGIN\nelsewhere\n";

#[test]
fn a_parent_that_a_rule_ignores_stands_for_what_is_around_it() {
    let recorder = TestRecorder::new();
    with_default(registry().with(ContinuumLayer::new("own")), || {
        recorder.run(|| {
            native().in_scope("around", |around| {
                let ignored = tracing::info_span!(target: "h2::proto", "Connection");
                let inside = tracing::info_span!(target: "hyper", parent: &ignored, "flush");
                assert_eq!(ignored.context().span_context(), &around.span_context());
                drop(ignored);
                below(&inside);
            });
        });
    });
    assert_eq!(recorder.tree(), TREE);
}

#[test]
fn a_parent_that_a_filter_keeps_out_stands_for_what_is_around_it() {
    let recorder = TestRecorder::new();
    let wanted = tracing_subscriber::filter::filter_fn(|metadata| metadata.name() != "hidden");
    let everything = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let subscriber = registry()
        .with(ContinuumLayer::new("own").with_filter(wanted))
        .with(everything.with_filter(LevelFilter::TRACE));
    with_default(subscriber, || {
        recorder.run(|| {
            let hidden = tracing::info_span!("around").in_scope(|| {
                let outer = tracing::info_span!("hidden");
                outer.in_scope(|| tracing::info_span!("hidden"))
            });
            below(&hidden);
        });
    });
    assert_eq!(recorder.tree(), TREE);
}

#[test]
fn below_an_ignored_root_is_a_root() {
    let recorder = TestRecorder::new();
    with_default(registry().with(ContinuumLayer::new("own")), || {
        recorder.run(|| {
            let ignored = tracing::info_span!(target: "h2::proto", "Connection");
            native().in_scope("elsewhere", |_| {
                drop(tracing::info_span!(parent: &ignored, "child"));
            });
        });
    });
    assert_eq!(recorder.tree(), "elsewhere\nchild\n");
}

#[cfg(feature = "http_1")]
#[test]
fn a_call_of_grpc_is_below_the_callers_span() {
    use continuum_observability::interop::tracing::grpc_request_span;

    let recorder = TestRecorder::new();
    let request = |path: &str| {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = http::Request::post(path).header("traceparent", traceparent);
        drop(grpc_request_span(&request.body(()).unwrap()));
    };
    with_default(registry().with(ContinuumLayer::new("own")), || {
        recorder.run(|| {
            request("/shop.Orders/Show");
            request("/");
        });
    });
    assert_eq!(
        recorder.tree(),
        "shop.Orders/Show [server] (trace 1) rpc.system=grpc rpc.service=shop.Orders rpc.method=Show\n\
         grpc [server] (trace 1) rpc.system=grpc\n"
    );
    let spans = recorder.spans();
    let parents = spans.iter().map(|span| span.parent_span_id);
    assert!(parents.eq([Some(0xb7ad_6b71_6920_3331_u64.to_be_bytes()); 2]));
}
