//! Guards: whatever order they are dropped in, or never, the current span is the innermost open one.

use crate::executors::{on_every_local_executor, yield_now};
use continuum_observability::{
    Context, FutureExt as _, SpanGuard, SpanId, Tracer, get_baggage, get_span_id, get_tracer,
    set_baggage, testing::TestRecorder, thread_scope, with_context, with_telemetry_disabled,
};
use futures_util::future;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn tracer() -> Tracer {
    get_tracer("context_guards")
}

fn id(guard: &SpanGuard) -> SpanId {
    guard.span_context().span_id()
}

#[test]
fn guards_dropped_in_the_order_they_were_made_leave_the_innermost_current() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let outer = tracer().start_as_current_span("outer");
        let middle = tracer().start_as_current_span("middle");
        let inner = tracer().start_as_current_span("inner");
        let innermost = Some(id(&inner));
        drop(outer);
        assert_eq!(get_span_id(), innermost);
        drop(middle);
        assert_eq!(get_span_id(), innermost);
        tracer().in_scope("leaf", |_| ());
        drop(inner);
        assert_eq!(get_span_id(), None);
    });
    assert_eq!(recorder.tree(), "outer\n  middle\n    inner\n      leaf\n");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_opening_and_closing_leaves_the_innermost_open_span_current(
        steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..40),
    ) {
        let recorder = TestRecorder::new();
        let _scope = recorder.context().attach();
        let mut open: Vec<SpanGuard> = Vec::new();
        let mut opened = 0;
        for (opens, which) in steps {
            if opens || open.is_empty() {
                let parent = get_span_id();
                open.push(tracer().start_as_current_span("span"));
                opened += 1;
                prop_assert_eq!(parent, open.iter().rev().nth(1).map(id));
            } else {
                drop(open.remove(which.index(open.len())));
            }
            prop_assert_eq!(get_span_id(), open.last().map(id));
        }
        drop(open);
        prop_assert_eq!(get_span_id(), None);
        prop_assert_eq!(recorder.spans().len(), opened);
    }
}

#[test]
#[expect(clippy::mem_forget, reason = "this is the mistake under test")]
fn a_forgotten_guard_is_closed_by_the_scope_around_it_and_its_reference_does_nothing() {
    let recorder = TestRecorder::new();
    let forgotten = {
        let poll = recorder.run_async(tracer().in_span("request", async |_| {
            let guard = tracer().start_as_current_span("forgotten");
            let view = (*guard).clone();
            std::mem::forget(guard);
            tracer().in_scope("below", |_| ());
            view
        }));
        crate::executors::block_on(poll)
    };
    assert_eq!(get_span_id(), None);
    // The span was never ended, so it stays open; nothing else uses its place.
    forgotten.set_attribute("late", true);
    recorder.run(|| tracer().in_scope("next", |_| ()));
    assert_eq!(
        recorder.tree(),
        "request (trace 1)\nbelow (trace 1)\nnext\n"
    );
    assert_eq!(recorder.stats().pending, 1);
}

#[test]
#[expect(clippy::mem_forget, reason = "this is the mistake under test")]
fn a_guard_forgotten_in_a_closure_leaves_nothing_on_the_thread() {
    let recorder = TestRecorder::new();
    let forget = || {
        std::mem::forget(tracer().start_as_current_span("forgotten"));
        set_baggage("tenant", "leak");
    };
    let nothing_is_left = || assert_eq!((get_span_id(), get_baggage("tenant")), (None, None));
    recorder.run(forget);
    nothing_is_left();
    recorder.run(|| {
        tracer().in_scope("work", |_| forget());
        nothing_is_left();
        with_telemetry_disabled(forget);
        nothing_is_left();
        let _panic = catch_unwind(AssertUnwindSafe(|| {
            with_context(&Context::current(), || {
                forget();
                panic!("on purpose");
            })
        }));
        nothing_is_left();
    });
    assert_eq!(recorder.tree(), "work\n");
}

#[test]
#[expect(clippy::mem_forget, reason = "this is the mistake under test")]
fn a_guard_forgotten_above_other_guards_stays_until_a_closure_below_it_ends() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let outer = tracer().start_as_current_span("outer");
        std::mem::forget(tracer().start_as_current_span("forgotten"));
        let kept = tracer().start_as_current_span("kept");
        assert_eq!(get_span_id(), Some(id(&kept)));
        drop(kept);
        drop(outer);
        assert!(get_span_id().is_some());
    });
    assert_eq!(get_span_id(), None);
    // The parent of `kept` never ended, so it stands alone.
    assert_eq!(recorder.tree(), "outer (trace 1)\nkept (trace 1)\n");
}

on_every_local_executor! {
    #[allow(clippy::await_holding_invalid_type, reason = "this is the mistake under test")]
    async fn a_guard_held_across_an_await_does_not_reach_into_other_tasks() {
        let recorder = TestRecorder::new();
        recorder.run_async(async {
            let careless = async {
                let _guard = tracer().start_as_current_span("careless");
                set_baggage("tenant", "leak");
                for _ in 0..3 {
                    yield_now().await;
                }
            };
            let neighbour = async {
                for _ in 0..3 {
                    assert_eq!((get_span_id(), get_baggage("tenant")), (None, None));
                    yield_now().await;
                }
                tracer().in_scope("neighbour", |_| ());
            };
            future::join(careless.in_current_context(), neighbour.in_current_context()).await;
            assert_eq!((get_span_id(), get_baggage("tenant")), (None, None));
        }).await;
        assert_eq!(recorder.tree(), "careless\nneighbour\n");
    }

    async fn a_guard_that_outlives_its_poll_does_not_close_the_scope_of_another() {
        let recorder = TestRecorder::new();
        let mut kept = None;
        recorder.run_async(async {
            kept = Some(tracer().start_as_current_span("kept"));
        }).await;
        assert_eq!(get_span_id(), None);
        let _scope = recorder.context().attach();
        let other = tracer().start_as_current_span("other");
        drop(kept);
        assert_eq!(get_span_id(), Some(id(&other)));
        drop(other);
        assert_eq!(recorder.spans().len(), 2);
    }
}

#[test]
fn contexts_and_spans_may_close_in_any_order() {
    let recorder = TestRecorder::new();
    let attached = recorder.context().attach();
    let span = tracer().start_as_current_span("span");
    let scope = thread_scope();
    set_baggage("tenant", "acme");
    drop(span);
    assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
    drop(attached);
    assert!(
        get_span_id().is_some(),
        "the scope still holds the ended span"
    );
    drop(scope);
    assert_eq!((get_span_id(), get_baggage("tenant")), (None, None));
}

#[test]
fn a_scope_can_be_opened_inside_the_reading_of_the_current_one() {
    let recorder = TestRecorder::new();
    let inner = recorder.run(|| {
        with_context(&Context::current(), || {
            tracer().in_scope("a", |_| with_context(&Context::root(), get_span_id))
        })
    });
    assert_eq!(inner, None);
}
