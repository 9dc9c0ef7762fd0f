//! Panics inside spans: the span ends as failed, and the thread is left as it was.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    Context, FutureExt as _, StreamExt as _, Tracer, get_baggage, get_span_id, get_tracer,
    set_baggage, spawn, testing::TestRecorder,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

fn tracer() -> Tracer {
    get_tracer("context_panics")
}

/// A panic that prints nothing.
fn fail() {
    resume_unwind(Box::new("failure of the traced code"));
}

const FAILED: &str = "work ERROR(failure of the traced code)\n  · exception \
                      exception.type=panic exception.message=failure of the traced code\n";

on_every_executor! {
    async fn a_panic_in_a_poll_fails_the_span_and_restores_the_context() {
        let recorder = TestRecorder::new();
        let work = tracer().in_span("work", async |_| {
            set_baggage("tenant", "acme");
            yield_now().await;
            fail();
        });
        let caught = AssertUnwindSafe(recorder.run_async(work)).catch_unwind().await;
        assert!(caught.is_err());
        assert_eq!((get_span_id(), get_baggage("tenant")), (None, None));
        assert_eq!(recorder.tree(), FAILED);
        assert_eq!(recorder.stats().pending, 0);
    }

    async fn a_panic_below_a_catch_leaves_the_outer_span_current_and_unharmed() {
        let recorder = TestRecorder::new();
        recorder.run_async(tracer().in_span("outer", async |span| {
            set_baggage("tenant", "acme");
            let inner = tracer().in_span("work", async |_| {
                let _forgotten = tracer().start_as_current_span("guarded");
                fail();
            });
            assert!(AssertUnwindSafe(inner).catch_unwind().await.is_err());
            assert_eq!(get_span_id(), Some(span.span_context().span_id()));
            yield_now().await;
            assert_eq!(get_baggage("tenant").as_deref(), Some("acme"));
        })).await;
        assert_eq!(
            recorder.tree(),
            "outer\n  work ERROR(failure of the traced code)\n    · exception \
             exception.type=panic exception.message=failure of the traced code\n    \
             guarded ERROR(panic)\n      · exception exception.type=panic\n"
        );
    }

    async fn a_panic_in_a_stream_fails_its_span() {
        let recorder = TestRecorder::new();
        let span = recorder.run(|| tracer().start_span("work"));
        {
            let items = stream::once(async { fail() }).in_span(span);
            let caught = AssertUnwindSafe(items.collect::<Vec<_>>()).catch_unwind().await;
            assert!(caught.is_err());
        }
        assert_eq!(get_span_id(), None);
        assert_eq!(recorder.tree(), FAILED);
    }
}

#[test]
fn a_panic_in_a_spawned_task_fails_its_span_only() {
    let recorder = TestRecorder::new();
    crate::executors::multi_thread(
        tracer()
            .in_span("parent", async |_| {
                let task = spawn(tracer().in_span("work", async |_| fail()));
                assert!(task.await.unwrap_err().is_panic());
            })
            .with_context(recorder.context()),
    );
    assert_eq!(
        recorder.tree(),
        "parent\n  work ERROR(failure of the traced code)\n    · exception \
         exception.type=panic exception.message=failure of the traced code\n"
    );
}

#[test]
fn a_panic_in_a_closure_fails_the_span_and_goes_on() {
    let recorder = TestRecorder::new();
    let payload = recorder.run(|| {
        let payload = catch_unwind(|| tracer().in_scope("work", |_| fail())).unwrap_err();
        assert_eq!(get_span_id(), None);
        payload
    });
    let text = payload.downcast_ref::<&str>();
    assert_eq!(text, Some(&"failure of the traced code"));
    assert_eq!(recorder.tree(), FAILED);
}

#[test]
fn a_panic_under_a_guard_fails_the_span_without_a_text() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let guarded = || {
            let _span = tracer().start_as_current_span("work");
            fail();
        };
        assert!(catch_unwind(guarded).is_err());
        assert_eq!(get_span_id(), None);
    });
    let expected = "work ERROR(panic)\n  · exception exception.type=panic\n";
    assert_eq!(recorder.tree(), expected);
}

#[test]
fn a_span_closed_by_a_destructor_during_a_panic_is_not_failed_by_it() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            tracer().in_scope("cleanup", |_| ());
        }
    }
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let work = || {
            let _cleanup = Cleanup;
            fail();
        };
        assert!(catch_unwind(work).is_err());
    });
    assert_eq!(recorder.tree(), "cleanup\n");
}

#[test]
fn a_panic_inside_an_attached_context_detaches_it() {
    let recorder = TestRecorder::new();
    let attached = || {
        let _scope = recorder.context().attach();
        set_baggage("tenant", "acme");
        fail();
    };
    assert!(catch_unwind(AssertUnwindSafe(attached)).is_err());
    assert!(Context::current().baggage().is_empty());
    tracer().in_scope("outside", |_| ());
    assert_eq!(recorder.stats().started, 0);
}

/// An error whose every method panics.
#[derive(Debug)]
struct Hostile;

impl std::fmt::Display for Hostile {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        fail();
        Ok(())
    }
}

impl std::error::Error for Hostile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        fail();
        None
    }
}

#[test]
fn an_error_that_panics_when_shown_is_recorded_without_its_text() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        tracer().in_scope("error", |span| span.record_error(&Hostile));
        tracer().in_scope("failure", |span| span.record_failure(&Hostile));
    });
    let spans = recorder.spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert!(
            span.is_error() && span.status_message.is_empty(),
            "{span:?}"
        );
        assert_eq!(span.events.len(), 1, "{span:?}");
    }
}
