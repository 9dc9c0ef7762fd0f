//! Work handed to other tasks and threads: the helpers carry the context over, a bare spawn does not.

use crate::executors::{on_every_tokio_runtime, yield_now};
use continuum_observability::{
    Context, FutureExt as _, JoinSetExt as _, Tracer, get_baggage, get_current_span, get_span_id,
    get_tracer, in_current_context, set_baggage, spawn, spawn_blocking, spawn_local,
    testing::TestRecorder, with_context,
};
use std::thread;
use tokio::task::JoinSet;

fn tracer() -> Tracer {
    get_tracer("context_spawn")
}

async fn child(name: &'static str) {
    assert_eq!(get_baggage("tenant").as_deref(), Some("acme"), "{name}");
    tracer().in_span(name, async |_| yield_now().await).await;
    set_baggage("tenant", name);
}

/// Runs `work` inside the span `parent` with baggage, and returns the tree.
async fn under_a_parent<F: Future<Output = ()>>(work: F) -> String {
    let recorder = TestRecorder::new();
    recorder
        .run_async(tracer().in_span("parent", async |_| {
            set_baggage("tenant", "acme");
            work.await;
            assert_eq!(
                get_baggage("tenant").as_deref(),
                Some("acme"),
                "a task changed its parent's"
            );
        }))
        .await;
    recorder.tree()
}

on_every_tokio_runtime! {
    async fn a_spawned_task_is_a_child() {
        let tree = under_a_parent(async { spawn(child("task")).await.unwrap() }).await;
        assert_eq!(tree, "parent\n  task\n");
    }

    async fn a_bare_spawn_starts_without_a_context() {
        let tree = under_a_parent(async {
            tokio::spawn(async {
                assert_eq!((get_span_id(), get_baggage("tenant")), (None, None));
                assert!(!get_current_span().span_context().is_valid());
                assert!(!set_baggage("tenant", "leak"));
                tracer().in_span("lost", async |span| assert!(!span.is_recording())).await;
            })
            .await
            .unwrap();
        })
        .await;
        assert_eq!(tree, "parent\n");
    }

    async fn a_bare_spawn_of_a_future_in_the_current_context_is_a_child() {
        let tree = under_a_parent(async {
            tokio::spawn(child("task").in_current_context()).await.unwrap();
        })
        .await;
        assert_eq!(tree, "parent\n  task\n");
    }

    async fn blocking_work_is_a_child() {
        let tree = under_a_parent(async {
            spawn_blocking(|| {
                assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
                tracer().in_scope("blocking", |_| ());
            })
            .await
            .unwrap();
        })
        .await;
        assert_eq!(tree, "parent\n  blocking\n");
    }

    async fn tasks_of_a_join_set_are_children() {
        let tree = under_a_parent(async {
            let mut set = JoinSet::new();
            for name in ["a", "a", "a"] {
                set.spawn_in_current_context(child(name));
            }
            while let Some(joined) = set.join_next().await {
                joined.unwrap();
            }
        })
        .await;
        assert_eq!(tree, "parent\n  a\n  a\n  a\n");
    }

    async fn blocking_work_of_a_join_set_is_a_child() {
        let tree = under_a_parent(async {
            let mut set = JoinSet::new();
            set.spawn_blocking_in_current_context(|| tracer().in_scope("blocking", |_| ()));
            set.join_next().await.unwrap().unwrap();
        })
        .await;
        assert_eq!(tree, "parent\n  blocking\n");
    }

    async fn a_span_moved_into_a_task_ends_with_the_task() {
        let recorder = TestRecorder::new();
        let span = recorder.run(|| tracer().start_span("moved"));
        tokio::spawn(async move {
            yield_now().await;
            span.set_attribute("inside", true);
            spawn(async {}.in_span(span)).await.unwrap();
        })
        .await
        .unwrap();
        assert_eq!(recorder.tree(), "moved inside=true\n");
    }
}

#[test]
fn local_tasks_of_a_join_set_are_children() {
    let tree = crate::executors::local_set(under_a_parent(async {
        let mut set = JoinSet::new();
        set.spawn_local_in_current_context(child("local"));
        set.join_next().await.unwrap().unwrap();
    }));
    assert_eq!(tree, "parent\n  local\n");
}

#[test]
fn a_wrapped_closure_runs_in_the_context_it_was_wrapped_in() {
    let recorder = TestRecorder::new();
    let late = recorder.run(|| {
        tracer().in_scope("parent", |_| {
            set_baggage("tenant", "acme");
            in_current_context(|| {
                assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
                tracer().in_scope("thread", |_| ());
            })
        })
    });
    thread::scope(|threads| threads.spawn(late).join().unwrap());
    assert_eq!(recorder.tree(), "parent\n  thread\n");
}

#[test]
fn local_tasks_are_children() {
    let tree = crate::executors::local_set(under_a_parent(async {
        spawn_local(child("local")).await.unwrap();
    }));
    assert_eq!(tree, "parent\n  local\n");
}

#[test]
fn a_thread_continues_where_its_context_was_captured() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        tracer().in_scope("parent", |_| {
            let context = Context::current();
            let work = move || with_context(&context, || tracer().in_scope("thread", |_| ()));
            thread::Builder::new().spawn(work).unwrap().join().unwrap();
        });
    });
    assert_eq!(recorder.tree(), "parent\n  thread\n");
}

#[test]
fn a_new_thread_starts_without_a_context() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        tracer().in_scope("parent", |_| {
            let id = thread::Builder::new()
                .spawn(get_span_id)
                .unwrap()
                .join()
                .unwrap();
            assert_eq!(id, None);
        });
    });
}

#[test]
fn recorders_of_parallel_threads_do_not_mix() {
    let names = ["one", "two", "three", "four"];
    thread::scope(|scope| {
        for name in names {
            let work = move || {
                let recorder = TestRecorder::new();
                recorder.run(|| (0..200).for_each(|_| tracer().in_scope(name, |_| ())));
                assert_eq!(recorder.tree(), format!("{name}\n").repeat(200));
                assert_eq!(recorder.stats().started, 200);
            };
            thread::Builder::new().spawn_scoped(scope, work).unwrap();
        }
    });
}

#[test]
fn recorders_that_take_turns_on_a_thread_do_not_mix() {
    let (first, second) = (TestRecorder::new(), TestRecorder::new());
    for _ in 0..100 {
        first.run(|| {
            tracer().in_scope("first", |_| {
                second.run(|| tracer().in_scope("second", |_| ()));
            });
        });
    }
    assert_eq!(first.tree(), "first\n".repeat(100));
    assert_eq!(second.tree(), "second\n".repeat(100));
    assert_eq!((first.stats().started, second.stats().started), (100, 100));
}
