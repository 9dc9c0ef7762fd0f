//! Baggage belongs to the task that set it: it survives the task's awaits, and nobody else sees it.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    Baggage, Context, FutureExt as _, MAX_BAGGAGE_BYTES, get_baggage, get_span_id, get_tracer,
    set_baggage, spawn, testing::TestRecorder, thread_scope, with_context,
};
use futures_util::future;
use std::collections::HashSet;

async fn set_and_check(value: &str) {
    assert!(set_baggage("tenant", value));
    for _ in 0..5 {
        yield_now().await;
        assert_eq!(get_baggage("tenant").as_deref(), Some(value));
    }
}

on_every_executor! {
    async fn baggage_set_inside_a_future_survives_its_awaits_and_ends_with_it() {
        async {
            set_and_check("acme").await;
            assert!(set_baggage("tenant", "initech"), "the last value wins");
            yield_now().await;
            assert_eq!(get_baggage("tenant").as_deref(), Some("initech"));
        }
        .with_context(Context::root())
        .await;
        assert_eq!(get_baggage("tenant"), None);
    }

    async fn baggage_of_joined_futures_does_not_mix() {
        future::join3(
            set_and_check("a").with_context(Context::root()),
            set_and_check("b").with_context(Context::root()),
            set_and_check("c").with_context(Context::root()),
        )
        .await;
    }

    async fn an_inner_scope_inherits_baggage_and_keeps_its_changes_to_itself() {
        async {
            set_baggage("tenant", "acme");
            async {
                assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
                set_and_check("inner").await;
            }
            .in_current_context()
            .await;
            assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
        }
        .with_context(Context::root())
        .await;
    }

    async fn outside_of_every_scope_setting_baggage_changes_nothing() {
        assert!(!set_baggage("tenant", "acme"));
        assert_eq!(get_baggage("tenant"), None);
        yield_now().await;
        assert_eq!(get_baggage("tenant"), None);
        assert!(Context::current().baggage().is_empty());
    }

    async fn a_span_inherits_the_baggage_around_it() {
        let recorder = TestRecorder::new();
        recorder.run_async(async {
            set_baggage("tenant", "acme");
            get_tracer("baggage").in_span("recall", async |_| {
                yield_now().await;
                assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
            }).await;
            let span = get_tracer("baggage").start_span("later");
            assert_eq!(span.as_context().baggage().get("tenant"), Some("acme"));
        }).await;
    }
}

#[test]
fn a_thread_scope_gives_baggage_a_place_until_it_closes() {
    let scope = thread_scope();
    assert!(set_baggage("tenant", "acme"));
    with_context(&Context::current(), || {
        assert!(set_baggage("tenant", "inner"));
    });
    assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
    drop(scope);
    assert_eq!(get_baggage("tenant"), None);
}

#[test]
fn a_captured_context_keeps_the_baggage_of_its_time() {
    let _scope = thread_scope();
    set_baggage("tenant", "acme");
    let captured = Context::current();
    set_baggage("tenant", "initech");
    assert_eq!(captured.baggage().get("tenant"), Some("acme"));
}

#[test]
fn baggage_that_is_refused_is_reported_as_not_set() {
    let _scope = thread_scope();
    assert!(!set_baggage("", "no name"));
    assert!(!set_baggage("long", &"x".repeat(MAX_BAGGAGE_BYTES)));
    assert!(Context::current().baggage().is_empty());
}

#[test]
fn two_thousand_interleaved_tasks_keep_their_baggage_and_span() {
    const TASKS: usize = 2_000;
    let recorder = TestRecorder::new();
    let root = recorder.context();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let task = |number: usize| {
        let own = number.to_string();
        async move {
            assert!(set_baggage("number", &own));
            let name = if number.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            };
            get_tracer("tasks")
                .in_span(name, async |span| {
                    let id = span.span_context().span_id();
                    for round in 0..10 {
                        tokio::task::yield_now().await;
                        assert_eq!(get_baggage("number"), Some(own.clone()));
                        assert_eq!(get_span_id(), Some(id));
                        assert!(set_baggage("round", &round.to_string()));
                    }
                    assert_eq!(get_baggage("round").as_deref(), Some("9"));
                    span.set_attribute("number", number);
                })
                .await;
            assert_eq!(get_baggage("round"), None);
        }
        .with_context(root.clone())
    };
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| tokio::spawn(task(number)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let spans = recorder.spans();
    let traces: HashSet<_> = spans.iter().map(|span| span.trace_id).collect();
    assert_eq!((spans.len(), traces.len()), (TASKS, TASKS));
    assert!(spans.iter().all(|span| span.parent_span_id.is_none()));
    assert!(recorder.context().baggage().is_empty());
}

#[test]
fn a_context_with_other_baggage_carries_it_into_spawned_tasks() {
    let mut baggage = Baggage::new();
    baggage.insert("tenant", "acme").unwrap();
    let context = Context::root().with_baggage(baggage);
    let seen = crate::executors::multi_thread(
        async { spawn(async { get_baggage("tenant") }).await.unwrap() }.with_context(context),
    );
    assert_eq!(seen.as_deref(), Some("acme"));
}
