//! Futures dropped before they are done: their destructors see the span, which ends as cancelled.

use crate::executors::{on_every_executor, on_every_tokio_runtime, poll_once, yield_now};
use continuum_observability::{
    FutureExt as _, SpanId, Tracer, get_baggage, get_current_span, get_span_id, get_tracer,
    set_baggage, spawn, testing::TestRecorder,
};
use futures_util::future;
use std::sync::{Arc, Mutex};

fn tracer() -> Tracer {
    get_tracer("context_cancellation")
}

type Seen = Arc<Mutex<Option<(Option<SpanId>, Option<String>)>>>;

/// Notes the context in which it is dropped.
struct Witness(Seen);

impl Drop for Witness {
    fn drop(&mut self) {
        get_current_span().add_event("cleanup", &[]);
        *self.0.lock().unwrap() = Some((get_span_id(), get_baggage("tenant")));
    }
}

on_every_executor! {
    async fn the_destructor_of_a_dropped_future_sees_its_span_and_baggage() {
        let (recorder, seen) = (TestRecorder::new(), Seen::default());
        let span = recorder.run(|| tracer().start_span("request"));
        let id = span.span_context().span_id();
        let witness = Witness(seen.clone());
        let mut work = Box::pin(async move {
            let _witness = witness;
            set_baggage("tenant", "acme");
            future::pending::<()>().await;
        }.in_span(span));
        assert!(poll_once(&mut work).is_pending());
        yield_now().await;
        drop(work);
        assert_eq!(*seen.lock().unwrap(), Some((Some(id), Some("acme".to_owned()))));
        assert_eq!(get_span_id(), None);
        assert_eq!(recorder.tree(), "request\n  · cancelled\n  · cleanup\n");
    }

    async fn cancellation_ends_the_spans_of_every_depth() {
        let recorder = TestRecorder::new();
        let mut work = Box::pin(recorder.run_async(tracer().in_span("outer", async |_| {
            tracer().in_span("inner", async |_| future::pending::<()>().await).await;
        })));
        assert!(poll_once(&mut work).is_pending());
        yield_now().await;
        drop(work);
        assert_eq!(recorder.tree(), "outer\n  · cancelled\n  inner\n    · cancelled\n");
        assert_eq!(recorder.stats().pending, 0);
    }

    async fn a_future_that_was_never_polled_ends_its_span_as_cancelled() {
        let recorder = TestRecorder::new();
        drop(async {}.in_span(recorder.run(|| tracer().start_span("request"))));
        yield_now().await;
        assert_eq!(recorder.tree(), "request\n  · cancelled\n");
    }

    async fn a_future_that_is_done_is_not_cancelled() {
        let (recorder, seen) = (TestRecorder::new(), Seen::default());
        let witness = Witness(seen.clone());
        let span = recorder.run(|| tracer().start_span("request"));
        let id = span.span_context().span_id();
        async move {
            let _witness = witness;
            yield_now().await;
        }.in_span(span).await;
        assert_eq!(seen.lock().unwrap().clone().unwrap().0, Some(id));
        assert_eq!(recorder.tree(), "request\n  · cleanup\n");
    }
}

on_every_tokio_runtime! {
    async fn an_aborted_task_ends_its_span_as_cancelled() {
        let recorder = TestRecorder::new();
        recorder.run_async(async {
            let (started, is_started) = tokio::sync::oneshot::channel();
            let task = spawn(tracer().in_span("task", async move |_| {
                started.send(()).unwrap();
                future::pending::<()>().await;
            }));
            is_started.await.unwrap();
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }).await;
        assert_eq!(recorder.tree(), "task\n  · cancelled\n");
    }
}
