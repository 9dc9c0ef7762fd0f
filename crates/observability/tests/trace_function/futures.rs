//! Async functions, and functions that return futures.

use crate::{pause, tree};
use continuum_observability::{
    get_baggage, get_current_span, set_baggage, testing::TestRecorder, trace_function,
};
use futures_util::future::{self, Either};
use std::{error::Error, future::Future, io, time::Duration};

#[trace_function(attributes(question.length = question.len()))]
async fn answer(question: String) -> io::Result<usize> {
    get_current_span().add_event("thinking", &[]);
    pause().await;
    let length = recall(&question).await?;
    Ok(length + question.len())
}

#[trace_function(kind = client)]
async fn recall(question: &str) -> io::Result<usize> {
    pause().await;
    if question.is_empty() {
        return Err(io::Error::other("nothing to recall"));
    }
    Ok(question.len())
}

#[tokio::test]
async fn async_functions_nest_and_pass_errors_on() {
    let recorder = TestRecorder::new();
    assert_eq!(
        recorder.run_async(answer("why".to_owned())).await.unwrap(),
        6
    );
    let error = recorder.run_async(answer(String::new())).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing to recall");
    assert_eq!(
        tree(&recorder),
        "answer question.length=3\n  · thinking\n  recall [client]\n\
         answer ERROR(nothing to recall) question.length=0\n  · thinking\n  · exception \
           exception.type=std::io::error::Error exception.message=nothing to recall\n  \
           recall [client] ERROR(nothing to recall)\n    · exception \
           exception.type=std::io::error::Error exception.message=nothing to recall\n"
    );
}

#[test]
fn the_future_is_as_much_send_as_before() {
    fn assert_send<T: Send>(_: &T) {}

    let borrowed = "b".to_owned();
    assert_send(&answer("a".to_owned()));
    assert_send(&recall(&borrowed));
}

#[tokio::test]
async fn spans_of_tasks_at_the_same_time_stay_apart() {
    #[trace_function(attributes(n = n))]
    async fn parent(n: u32) {
        set_baggage("n", &n.to_string());
        pause().await;
        child().await;
    }

    #[trace_function(attributes(seen = get_baggage("n")))]
    async fn child() {
        pause().await;
    }

    let recorder = TestRecorder::new();
    recorder
        .run_async(async { tokio::join!(parent(1), parent(2)) })
        .await;
    assert_eq!(
        tree(&recorder),
        "parent n=1\n  child seen=1\nparent n=2\n  child seen=2\n"
    );
}

#[tokio::test]
async fn an_async_function_starts_its_span_when_it_runs() {
    let recorder = TestRecorder::new();
    drop(recall("never polled"));
    assert_eq!(tree(&recorder), "");
}

#[tokio::test]
async fn cancellation_is_recorded() {
    #[trace_function]
    async fn slow() -> io::Result<()> {
        future::pending().await
    }

    let recorder = TestRecorder::new();
    recorder
        .run_async(async { drop(tokio::time::timeout(Duration::ZERO, slow()).await) })
        .await;
    assert_eq!(tree(&recorder), "slow\n  · cancelled\n");
}

#[trace_function(attributes(n = n))]
fn prepared(n: u32) -> impl Future<Output = Result<u32, String>> + Send {
    get_current_span().add_event("prepared", &[]);
    let doubled = n * 2;
    async move {
        pause().await;
        get_current_span().add_event("run", &[]);
        u32::checked_sub(doubled, 2).ok_or_else(|| "too small".to_owned())
    }
}

#[tokio::test]
async fn a_function_that_returns_a_future_is_traced_until_that_is_done() {
    let recorder = TestRecorder::new();
    assert_eq!(recorder.run(|| prepared(2)).await, Ok(2));
    assert!(recorder.run(|| prepared(0)).await.is_err());
    drop(recorder.run(|| prepared(1)));
    assert_eq!(
        tree(&recorder),
        "prepared n=2\n  · prepared\n  · run\n\
         prepared ERROR(too small) n=0\n  · prepared\n  · run\n  · exception \
           exception.type=alloc::string::String exception.message=too small\n\
         prepared n=1\n  · prepared\n  · cancelled\n"
    );
}

#[tokio::test]
async fn a_function_that_is_nothing_but_an_async_block_is_an_async_function() {
    #[trace_function]
    #[expect(clippy::manual_async_fn, reason = "the long form is what is tested")]
    fn lazy(text: &str) -> impl Future<Output = Result<usize, Box<dyn Error>>> {
        async move {
            pause().await;
            Ok(text.parse()?)
        }
    }

    let recorder = TestRecorder::new();
    drop(recorder.run(|| lazy("1")));
    assert_eq!(recorder.run_async(lazy("1")).await.unwrap(), 1);
    assert_eq!(tree(&recorder), "lazy\n");
}

#[trace_function]
fn inferred(text: &str) -> impl Future<Output = Result<usize, Box<dyn Error>>> {
    let text = text.trim();
    async move {
        pause().await;
        Ok(text.parse()?)
    }
}

#[tokio::test]
async fn types_inside_of_a_future_are_inferred_from_the_signature() {
    let recorder = TestRecorder::new();
    assert_eq!(recorder.run(|| inferred(" 1")).await.unwrap(), 1);
    assert_eq!(tree(&recorder), "inferred\n");
}

#[trace_function]
fn one_of_two(left: bool) -> impl Future<Output = u32> {
    if left {
        return Either::Left(async { 1 });
    }
    Either::Right(future::ready(2))
}

#[trace_function]
async fn opaque_output(ok: bool) -> Result<impl Iterator<Item = u32>, String> {
    pause().await;
    if ok { Ok(0..3) } else { Err("none".into()) }
}

#[trace_function]
async fn generic<T, const N: usize>(items: [T; N]) -> Vec<String>
where
    T: ToString,
{
    pause().await;
    items.iter().map(ToString::to_string).collect()
}

#[trace_function]
async fn forever() -> ! {
    loop {
        pause().await;
    }
}

#[tokio::test]
async fn signatures_of_every_form_compile_and_keep_their_meaning() {
    let recorder = TestRecorder::new();
    recorder
        .run_async(async {
            assert_eq!((one_of_two(true).await, one_of_two(false).await), (1, 2));
            assert_eq!(opaque_output(true).await.unwrap().sum::<u32>(), 3);
            assert!(opaque_output(false).await.is_err());
            assert_eq!(generic([1, 2]).await, ["1", "2"]);
            drop(tokio::time::timeout(Duration::ZERO, forever()).await);
        })
        .await;
    assert_eq!(
        tree(&recorder),
        "one_of_two\none_of_two\nopaque_output\nopaque_output ERROR(none)\n  · exception \
         exception.type=alloc::string::String exception.message=none\ngeneric\nforever\n  \
         · cancelled\n"
    );
}
