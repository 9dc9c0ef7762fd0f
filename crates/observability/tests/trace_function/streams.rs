//! Functions that return streams: the span lasts as long as the stream.

use crate::{pause, tree};
use continuum_observability::{get_current_span, testing::TestRecorder, trace_function};
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use std::{error::Error, panic::AssertUnwindSafe};

#[trace_function(attributes(count = count))]
fn numbers(count: u32) -> impl Stream<Item = Result<u32, String>> + Unpin {
    get_current_span().add_event("made", &[]);
    Box::pin(stream::iter(0..count).then(async |n| {
        pause().await;
        step(n);
        if n == 2 { Err("two".to_owned()) } else { Ok(n) }
    }))
}

#[trace_function(attributes(n = n))]
fn step(n: u32) {}

#[tokio::test]
async fn a_stream_is_traced_until_it_is_exhausted() {
    let recorder = TestRecorder::new();
    let items: Vec<_> = recorder.run(|| numbers(2)).collect().await;
    assert_eq!(items, [Ok(0), Ok(1)]);
    assert_eq!(
        tree(&recorder),
        "numbers count=2\n  · made\n  step n=0\n  step n=1\n"
    );
}

#[tokio::test]
async fn an_item_that_is_an_error_fails_the_span() {
    let recorder = TestRecorder::new();
    let items: Vec<_> = recorder.run(|| numbers(4)).collect().await;
    assert_eq!(items, [Ok(0), Ok(1), Err("two".to_owned()), Ok(3)]);
    assert_eq!(
        tree(&recorder),
        "numbers ERROR(two) count=4\n  · made\n  · exception \
         exception.type=alloc::string::String exception.message=two\n  \
         step n=0\n  step n=1\n  step n=2\n  step n=3\n"
    );
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_cancelled() {
    let recorder = TestRecorder::new();
    let mut items = recorder.run(|| numbers(2));
    assert_eq!(items.next().await, Some(Ok(0)));
    drop(items);
    assert_eq!(
        tree(&recorder),
        "numbers count=2\n  · made\n  · cancelled\n  step n=0\n"
    );
}

#[trace_function]
fn inferred(texts: Vec<&str>) -> impl Stream<Item = Result<u32, Box<dyn Error + '_>>> {
    stream::iter(texts).map(|text| Ok(text.parse()?))
}

#[tokio::test]
async fn types_inside_of_a_stream_are_inferred_from_the_signature() {
    let recorder = TestRecorder::new();
    let items: Vec<_> = recorder.run(|| inferred(vec!["1", "x"])).collect().await;
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 1);
    assert!(tree(&recorder).starts_with("inferred ERROR(invalid digit found in string)\n"));
}

#[trace_function]
fn boxed(fails: bool) -> BoxStream<'static, u32> {
    stream::iter([1, 2])
        .map(move |n| {
            if fails && n == 1 {
                std::panic::resume_unwind(Box::new("first item"));
            }
            n
        })
        .boxed()
}

#[tokio::test]
async fn a_panic_in_a_stream_is_recorded_once_and_goes_on() {
    let recorder = TestRecorder::new();
    let items: Vec<_> = recorder.run(|| boxed(false)).collect().await;
    assert_eq!(items, [1, 2]);
    let work = recorder.run(|| boxed(true)).collect::<Vec<_>>();
    let payload = AssertUnwindSafe(work).catch_unwind().await.unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"first item"));
    assert_eq!(
        tree(&recorder),
        "boxed\nboxed ERROR(first item)\n  · exception exception.type=panic \
         exception.message=first item\n"
    );
}
