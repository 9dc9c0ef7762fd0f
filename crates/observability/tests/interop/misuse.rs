//! Code that breaks the rules of guards costs itself, not its neighbours.

use crate::world::{self, Parents, api, native, probe, recorder, tracing_span};
use continuum_observability::FutureExt as _;
use futures_util::future::{FutureExt as _, join};
use opentelemetry::{
    Context as ApiContext,
    trace::{TraceContextExt as _, Tracer as _},
};
use std::{cell::RefCell, pin::pin};
use tokio::task::yield_now;

#[tokio::test]
async fn guards_kept_across_an_await_do_not_reach_other_tasks() {
    let recorder = recorder();
    let mut expected = Parents::new();
    let careless = native().in_span("careless", async |_| {
        let _api = ApiContext::current_with_span(api().start("api")).attach();
        let _tracing = tracing_span("tracing").entered();
        let _native = native().start_as_current_span("native");
        yield_now().await;
        native().start_span("second poll").end();
    });
    let neighbour = native().in_span("neighbour", async |_| {
        for round in 0..3 {
            probe(&round.to_string(), Some("neighbour"), &mut expected);
            yield_now().await;
        }
    });
    recorder.run_async(join(careless, neighbour)).await;
    recorder.run(|| probe("after", None, &mut expected));
    for (name, parent) in [
        ("careless", None),
        ("api", Some("careless")),
        ("tracing", Some("api")),
        ("native", Some("tracing")),
        ("second poll", Some("careless")),
        ("neighbour", None),
    ] {
        expected.insert(name.to_owned(), parent.map(str::to_owned));
    }
    assert_eq!(world::parents_and_views(&recorder), expected);
}

#[test]
fn an_api_guard_kept_across_an_await_is_no_parent_outside() {
    let recorder = recorder();
    recorder.run(|| {
        native().in_scope("outer", |_| {
            let mut careless = pin!(native().in_span("careless", async |_| {
                let _guard = ApiContext::current_with_span(api().start("kept")).attach();
                yield_now().await;
            }));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async {
                assert!(futures_util::poll!(&mut careless).is_pending());
                drop(api().start("api"));
                native().start_span("native").end();
            });
        });
    });
    let parents = world::parents(&recorder);
    assert_eq!(parents["kept"].as_deref(), Some("careless"));
    assert_eq!(parents["api"].as_deref(), Some("outer"));
    assert_eq!(parents["native"].as_deref(), Some("outer"));
}

#[test]
fn an_api_guard_that_leaves_its_poll_takes_nobody_along_when_it_drops() {
    let recorder = recorder();
    let mut expected = Parents::new();
    recorder.run(|| {
        api().in_span("outer", |_| {
            let escaped = RefCell::new(None);
            let careless = async { *escaped.borrow_mut() = Some(ApiContext::current().attach()) };
            careless.in_current_context().now_or_never().unwrap();
            probe("kept", Some("outer"), &mut expected);
            drop(escaped);
            probe("dropped", Some("outer"), &mut expected);
        });
    });
    expected.insert("outer".to_owned(), None);
    assert_eq!(world::parents_and_views(&recorder), expected);
}

#[test]
fn forgotten_guards_of_a_poll_leave_both_stacks_as_they_were() {
    let recorder = recorder();
    let mut expected = Parents::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    recorder.run(|| {
        native().in_scope("outer", |_| {
            runtime.block_on(native().in_span("inner", async |_| {
                std::mem::forget(native().start_as_current_span("forgotten"));
                std::mem::forget(tracing_span("forgotten too").entered());
            }));
            probe("outer", Some("outer"), &mut expected);
            tracing_span("next").in_scope(|| probe("next", Some("next"), &mut expected));
        });
        probe("after", None, &mut expected);
    });
    for (name, parent) in [
        ("outer", None),
        ("inner", Some("outer")),
        ("next", Some("outer")),
    ] {
        expected.insert(name.to_owned(), parent.map(str::to_owned));
    }
    assert_eq!(world::parents_and_views(&recorder), expected);
}

#[test]
fn a_native_scope_inside_map_current_costs_its_mirror_only() {
    let recorder = recorder();
    recorder.run(|| {
        api().in_span("outer", |_| {
            // While this runs, the API panics when a context is attached.
            opentelemetry::trace::get_active_span(|_| {
                native().in_scope("inner", |_| native().in_scope("innermost", |_| ()));
            });
            native().in_scope("next", |_| ());
        });
    });
    assert_eq!(recorder.tree(), "outer\n  inner\n    innermost\n  next\n");
}
