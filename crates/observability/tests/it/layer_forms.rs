//! The forms in which a ready-made span can be used: each has the same span, and those for results
//! record the outcome.

use continuum_observability::{
    Context, FutureExt as _, Status, get_current_span, get_tracer,
    layers::{cache::trace_pipeline, memory::trace_recall},
    testing::TestRecorder,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

const RECALL: &str = "memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=1 memory.max_concepts=10";

fn tree(work: impl FnOnce()) -> String {
    let recorder = TestRecorder::new();
    recorder.run(work);
    recorder.tree()
}

#[test]
fn a_result_of_a_closure_is_the_outcome() {
    let fine = tree(|| {
        let found: Result<_, String> = trace_recall("q").run_sync(|_| Ok(7));
        assert_eq!(found, Ok(7));
    });
    assert_eq!(fine, format!("memory.recall OK {RECALL}\n"));
    let failed = tree(|| {
        let found: Result<(), _> = trace_recall("q").run_sync(|_| Err("store is gone"));
        assert_eq!(found, Err("store is gone"));
    });
    assert_eq!(
        failed,
        format!(
            "memory.recall ERROR(store is gone) {RECALL}\n  \
             · exception exception.type=&str exception.message=store is gone\n"
        )
    );
}

#[tokio::test]
async fn a_result_of_an_async_closure_is_the_outcome() {
    let recorder = TestRecorder::new();
    let work = async {
        let fine: Result<_, String> = trace_recall("q")
            .run(async |span| {
                tokio::task::yield_now().await;
                span.concepts_found(2);
                Ok(2)
            })
            .await;
        assert_eq!(fine, Ok(2));
        let failed: Result<(), _> = trace_recall("q").run(async |_| Err("gone")).await;
        assert_eq!(failed, Err("gone"));
    };
    recorder.run_async(work).await;
    assert_eq!(
        recorder.tree(),
        format!(
            "memory.recall OK {RECALL} memory.concepts_found=2\n\
             memory.recall ERROR(gone) {RECALL}\n  \
             · exception exception.type=&str exception.message=gone\n"
        )
    );
}

#[tokio::test]
async fn a_future_keeps_its_span_when_it_is_spawned() {
    let recorder = TestRecorder::new();
    let work = async {
        let query = String::from("q");
        let future = trace_recall(&query).run_future(async {
            tokio::task::yield_now().await;
            get_current_span().concepts_found(3);
            Ok::<_, String>(3)
        });
        drop(query);
        assert_eq!(tokio::spawn(future).await.unwrap(), Ok(3));
    };
    recorder.run_async(work).await;
    assert_eq!(
        recorder.tree(),
        format!("memory.recall OK {RECALL} memory.concepts_found=3\n")
    );
}

#[tokio::test]
async fn a_future_that_is_dropped_shows_that_it_was_cancelled() {
    let recorder = TestRecorder::new();
    let work = async {
        let forever = trace_recall("q").run_future(std::future::pending::<Result<(), String>>());
        assert!(futures_util::poll!(Box::pin(forever)).is_pending());
    };
    recorder.run_async(work).await;
    assert_eq!(
        recorder.tree(),
        format!("memory.recall {RECALL}\n  · cancelled\n")
    );
}

#[tokio::test]
async fn a_span_of_ones_own_attaches_to_any_future() {
    let recorder = TestRecorder::new();
    let work = async {
        let work = async { get_current_span().concepts_found(4) };
        work.in_span(trace_recall("q").start()).await;
    };
    recorder.run_async(work).await;
    assert_eq!(
        recorder.tree(),
        format!("memory.recall {RECALL} memory.concepts_found=4\n")
    );
}

#[test]
fn a_guard_and_a_closure_leave_the_outcome_open() {
    let both = tree(|| {
        {
            let span = trace_recall("q").start_as_current();
            span.concepts_found(1);
            trace_pipeline(2).in_scope(|_| ());
        }
        assert_eq!(trace_recall("q").in_scope(|_| "anything"), "anything");
    });
    assert_eq!(
        both,
        format!(
            "memory.recall {RECALL} memory.concepts_found=1\n  \
             cache.pipeline [client] cache.pipeline.command_count=2\nmemory.recall {RECALL}\n"
        )
    );
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    let recorder = TestRecorder::new();
    let work = || trace_recall("q").run_sync(|_| -> Result<(), String> { panic!("oh") });
    let panicked = catch_unwind(AssertUnwindSafe(|| recorder.run(work)));
    assert!(panicked.is_err());
    assert_eq!(
        recorder.tree(),
        format!(
            "memory.recall ERROR(oh) {RECALL}\n  \
             · exception exception.type=panic exception.message=oh\n"
        )
    );
}

#[test]
fn ok_wins_over_a_later_error_and_the_exception_is_still_told() {
    let settled = tree(|| {
        let result: Result<(), _> = trace_recall("q").run_sync(|span| {
            span.set_status(Status::Ok);
            Err("too late")
        });
        assert!(result.is_err());
    });
    assert_eq!(
        settled,
        format!(
            "memory.recall OK {RECALL}\n  \
             · exception exception.type=&str exception.message=too late\n"
        )
    );
}

#[test]
fn what_is_set_later_takes_the_place_of_a_default() {
    let changed = tree(|| {
        trace_recall("q")
            .max_concepts(3)
            .attribute("memory.query_length", 0)
            .in_scope(|_| ());
    });
    assert_eq!(
        changed,
        "memory.recall memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=0 memory.max_concepts=3\n"
    );
}

#[test]
fn a_parent_and_links_can_be_given() {
    let linked = tree(|| {
        let tracer = get_tracer("layer_forms");
        let parent = tracer.in_scope("request", |_| Context::current());
        let others = ["a", "b"].map(|name| tracer.start_span(name).span_context());
        trace_recall("q")
            .parent(&parent)
            .links(others)
            .in_scope(|_| ());
    });
    assert_eq!(
        linked,
        format!("request\n  memory.recall {RECALL}\n    → a\n    → b\na\nb\n")
    );
}
