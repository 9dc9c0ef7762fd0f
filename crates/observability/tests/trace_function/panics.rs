//! Panics inside traced functions: recorded once with their message, and passed on as they are.

use crate::{pause, tree};
use continuum_observability::{get_span_id, testing::TestRecorder, trace_function};
use futures_util::{FutureExt as _, future::BoxFuture};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A panic that prints nothing.
fn fail() -> ! {
    resume_unwind(Box::new("out of memory"))
}

const RECORDED: &str = "  · exception exception.type=panic exception.message=out of memory\n";

#[trace_function]
fn outer() -> u32 {
    inner()
}

#[trace_function]
fn inner() -> ! {
    fail()
}

#[test]
fn each_span_that_a_panic_leaves_records_it_once() {
    let recorder = TestRecorder::new();
    let payload = recorder.run(|| {
        let payload = catch_unwind(outer).unwrap_err();
        assert_eq!(get_span_id(), None);
        payload
    });
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"out of memory"));
    assert_eq!(
        tree(&recorder),
        format!("outer ERROR(out of memory)\n{RECORDED}  inner ERROR(out of memory)\n  {RECORDED}")
    );
}

#[trace_function]
async fn later() {
    pause().await;
    fail();
}

#[trace_function]
fn before_the_future(now: bool) -> BoxFuture<'static, u32> {
    if now {
        fail();
    }
    async { fail() }.boxed()
}

#[tokio::test]
async fn a_panic_in_a_future_is_recorded_once_and_goes_on() {
    let recorder = TestRecorder::new();
    let payload = AssertUnwindSafe(recorder.run_async(later()))
        .catch_unwind()
        .await;
    assert_eq!(
        payload.unwrap_err().downcast_ref::<&str>(),
        Some(&"out of memory")
    );
    assert_eq!(
        tree(&recorder),
        format!("later ERROR(out of memory)\n{RECORDED}")
    );
}

#[tokio::test]
async fn a_panic_before_or_in_the_future_that_is_returned_is_recorded() {
    for now in [true, false] {
        let recorder = TestRecorder::new();
        let work = recorder.run_async(async { before_the_future(now).await });
        assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
        let expected = format!("before_the_future ERROR(out of memory)\n{RECORDED}");
        assert_eq!(tree(&recorder), expected);
    }
}

#[trace_function]
fn odd(payload: Box<dyn std::any::Any + Send>) {
    resume_unwind(payload)
}

#[test]
fn the_payload_may_be_anything() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        assert!(catch_unwind(|| odd(Box::new(7))).is_err());
        assert!(catch_unwind(|| odd(Box::new("owned".to_owned()))).is_err());
    });
    assert_eq!(
        tree(&recorder),
        "odd ERROR(panic)\n  · exception exception.type=panic\n\
         odd ERROR(owned)\n  · exception exception.type=panic exception.message=owned\n"
    );
}

#[trace_function(record_exception = false)]
fn quiet() {
    fail()
}

#[trace_function(record_exception = false)]
async fn quiet_later() {
    pause().await;
    fail()
}

#[tokio::test]
async fn without_record_exception_a_panic_sets_the_status_only() {
    let recorder = TestRecorder::new();
    assert!(recorder.run(|| catch_unwind(quiet)).is_err());
    let work = recorder.run_async(quiet_later());
    assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
    assert_eq!(
        tree(&recorder),
        "quiet ERROR(out of memory)\nquiet_later ERROR(out of memory)\n"
    );
}
