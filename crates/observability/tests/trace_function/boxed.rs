//! Futures in boxes: traits with async methods that can be made into objects.

use crate::{pause, tree};
use async_trait::async_trait;
use continuum_observability::{get_current_span, testing::TestRecorder, trace_function};
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::{pin::Pin, rc::Rc};

#[async_trait]
trait Store: Sync {
    async fn load(&self, key: String) -> Result<usize, String>;

    async fn load_twice(&mut self, key: &str) -> Result<usize, String> {
        Ok(self.load(key.to_owned()).await? * 2)
    }
}

struct Disk {
    offset: usize,
}

#[async_trait]
impl Store for Disk {
    #[trace_function(name = "disk.load", attributes(offset = self.offset, key = key))]
    async fn load(&self, key: String) -> Result<usize, String> {
        pause().await;
        if key.is_empty() {
            return Err("no key".into());
        }
        Ok(key.len() + self.offset)
    }

    #[trace_function]
    async fn load_twice(&mut self, key: &str) -> Result<usize, String> {
        Ok(self.load(key.to_owned()).await? * 2)
    }
}

#[tokio::test]
async fn methods_of_async_trait_are_traced() {
    let recorder = TestRecorder::new();
    let mut store: Box<dyn Store + Send> = Box::new(Disk { offset: 1 });
    assert_eq!(recorder.run_async(store.load_twice("ab")).await, Ok(6));
    assert!(recorder.run_async(store.load(String::new())).await.is_err());
    assert_eq!(
        tree(&recorder),
        "load_twice\n  disk.load offset=1 key=ab\n\
         disk.load ERROR(no key) offset=1 key=\n  · exception \
         exception.type=alloc::string::String exception.message=no key\n"
    );
}

#[trace_function(attributes(n = n))]
fn by_hand<'a>(
    n: &'a u32,
) -> Pin<Box<dyn Future<Output = Result<u32, std::num::ParseIntError>> + Send + 'a>> {
    Box::pin(async move {
        pause().await;
        let text = n.to_string() + if *n > 5 { "x" } else { "" };
        let number: u32 = text.parse()?;
        Ok(number + 1)
    })
}

#[trace_function]
fn with_a_beginning(n: u32) -> BoxFuture<'static, u32> {
    get_current_span().add_event("beginning", &[]);
    if n == 0 {
        return Box::pin(async { 0 });
    }
    let sum = n + 1;
    Box::pin(async move {
        pause().await;
        get_current_span().add_event("future", &[]);
        sum
    })
}

#[trace_function]
fn local(n: Rc<u32>) -> LocalBoxFuture<'static, u32> {
    Box::pin(async move { *n })
}

#[trace_function]
fn factorial(n: u64) -> BoxFuture<'static, u64> {
    Box::pin(async move { if n < 2 { 1 } else { n * factorial(n - 1).await } })
}

#[tokio::test]
async fn boxed_futures_are_traced_until_they_are_done() {
    let recorder = TestRecorder::new();
    recorder
        .run_async(async {
            assert_eq!(by_hand(&3).await, Ok(4));
            assert!(by_hand(&6).await.is_err());
            assert_eq!(
                (with_a_beginning(0).await, with_a_beginning(1).await),
                (0, 2)
            );
            assert_eq!(local(Rc::new(4)).await, 4);
            assert_eq!(factorial(2).await, 2);
        })
        .await;
    assert_eq!(
        tree(&recorder),
        "by_hand n=3\n\
         by_hand ERROR(invalid digit found in string) n=6\n  · exception \
         exception.type=core::num::error::ParseIntError exception.message=invalid digit found in \
         string\n\
         with_a_beginning\n  · beginning\n\
         with_a_beginning\n  · beginning\n  · future\n\
         local\n\
         factorial\n  factorial\n"
    );
}
