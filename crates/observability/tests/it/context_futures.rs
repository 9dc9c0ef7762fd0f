//! Spans of futures: each has the parent it was written under, however the futures are interleaved.

use crate::executors::{on_every_executor, poll_once, yield_now};
use continuum_observability::{
    Context, FutureExt as _, Tracer, get_current_span, get_span_id, get_tracer,
    testing::TestRecorder,
};
use futures_util::{StreamExt as _, future, stream::FuturesUnordered};

fn tracer() -> Tracer {
    get_tracer("context_futures")
}

/// A span around two steps, between which others run.
async fn step(name: &'static str) {
    tracer()
        .in_span(name, async |span| {
            let id = span.span_context().span_id();
            for _ in 0..3 {
                assert_eq!(get_span_id(), Some(id), "{name}");
                yield_now().await;
            }
            get_current_span().set_attribute("done", name);
        })
        .await;
}

on_every_executor! {
    async fn spans_nest_across_awaits() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("answer", async |span| {
            step("recall").await;
            span.set_attribute("between", true);
            yield_now().await;
            step("generate").await;
        })).await;
        assert_eq!(
            recorder.tree(),
            "answer between=true\n  recall done=recall\n  generate done=generate\n"
        );
        assert_eq!(get_span_id(), None);
    }

    async fn join_gives_each_branch_its_own_span() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("both", async |_| {
            future::join(step("left"), step("right")).await;
        })).await;
        assert_eq!(recorder.tree(), "both\n  left done=left\n  right done=right\n");
    }

    async fn the_join_macro_gives_each_branch_its_own_span() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("all", async |_| {
            tokio::join!(biased; step("a"), step("b"), step("c"));
        })).await;
        assert_eq!(recorder.tree(), "all\n  a done=a\n  b done=b\n  c done=c\n");
    }

    async fn select_ends_the_span_of_the_loser_as_cancelled() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("race", async |_| {
            let slow = tracer().in_span("slow", async |_| future::pending::<()>().await);
            tokio::select! {
                biased;
                () = slow => panic!("pending futures do not finish"),
                () = step("quick") => {}
            }
        })).await;
        assert_eq!(recorder.tree(), "race\n  slow\n    · cancelled\n  quick done=quick\n");
    }

    async fn unordered_futures_keep_their_own_spans() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("fan_out", async |_| {
            let mut all: FuturesUnordered<_> = ["a", "b", "c", "d"].map(step).into_iter().collect();
            while all.next().await.is_some() {}
        })).await;
        let mut lines: Vec<_> = recorder.tree().lines().map(str::to_owned).collect();
        lines[1..].sort();
        assert_eq!(lines, ["fan_out", "  a done=a", "  b done=b", "  c done=c", "  d done=d"]);
    }

    async fn a_span_started_earlier_is_current_inside_the_future_it_is_attached_to() {
        let recorder = TestRecorder::new();
        let span = recorder.run(|| tracer().start_span("upload"));
        let id = span.span_context().span_id();
        async {
            step("part").await;
            assert_eq!(get_span_id(), Some(id));
        }
        .in_span(span)
        .await;
        assert_eq!(recorder.tree(), "upload\n  part done=part\n");
    }

    async fn an_attached_context_is_current_inside_and_gone_outside() {
        let recorder = TestRecorder::new();
        let span = recorder.run(|| tracer().start_span("request"));
        step("handler").with_context(span.as_context()).await;
        assert_eq!(get_span_id(), None);
        drop(span);
        assert_eq!(recorder.tree(), "request\n  handler done=handler\n");
    }

    async fn the_root_context_starts_a_new_trace_in_the_same_recorder() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("request", async |_| {
            step("detached").with_context(Context::root()).await;
        })).await;
        let spans = recorder.spans();
        assert_eq!(recorder.tree(), "request\ndetached done=detached\n");
        assert_ne!(spans[0].trace_id, spans[1].trace_id);
    }

    async fn an_async_closure_starts_its_span_at_the_first_poll() {
        let recorder = TestRecorder::new();
        recorder.run_async(async {
            let unpolled = step("never");
            tracer().in_span("first", async |_| yield_now().await).await;
            drop(unpolled);
        }).await;
        assert_eq!(recorder.tree(), "first\n");
    }
}

#[test]
fn a_finished_future_with_a_context_may_be_polled_again() {
    let recorder = TestRecorder::new();
    let mut done = Box::pin(async { 1 }.in_span(recorder.run(|| tracer().start_span("once"))));
    assert!(poll_once(&mut done).is_ready());
    assert!(poll_once(&mut done).is_pending());
    assert_eq!(recorder.tree(), "once\n");
}

#[test]
fn the_context_is_current_during_a_poll_and_never_between_polls() {
    let recorder = TestRecorder::new();
    let mut future = Box::pin(recorder.run_async(step("work")));
    while poll_once(&mut future).is_pending() {
        assert_eq!(get_span_id(), None);
    }
    assert_eq!(recorder.tree(), "work done=work\n");
}
