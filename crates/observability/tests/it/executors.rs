//! The ways to run a future on which every promise about the context is held.
//!
//! Position: below the `context_*` modules; [`on_every_executor`] writes one test per executor.

use std::{
    future::poll_fn,
    panic::resume_unwind,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// Tokio's single-threaded runtime.
pub(crate) fn current_thread<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A worker of tokio's work-stealing runtime.
pub(crate) fn multi_thread<F>(future: F) -> F::Output
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    task_output(runtime.block_on(async { tokio::spawn(future).await }))
}

/// A task of a `LocalSet`.
pub(crate) fn local_set<F: Future<Output: 'static> + 'static>(future: F) -> F::Output {
    let set = tokio::task::LocalSet::new();
    task_output(current_thread(
        set.run_until(async { tokio::task::spawn_local(future).await }),
    ))
}

fn task_output<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    joined.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// No runtime: the calling thread polls and sleeps.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = unparker();
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// An executor that polls each time on a thread that never polled before and ends afterwards.
pub(crate) fn thread_per_poll<F: Future<Output: Send> + Send>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = unparker();
    loop {
        let poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
        let polled = thread::scope(|scope| {
            thread::Builder::new()
                .spawn_scoped(scope, poll)
                .unwrap()
                .join()
        });
        match polled {
            Ok(Poll::Ready(output)) => return output,
            Ok(Poll::Pending) => thread::park(),
            Err(panic) => resume_unwind(panic),
        }
    }
}

struct Unparker(Thread);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn unparker() -> Waker {
    Arc::new(Unparker(thread::current())).into()
}

/// Is pending once, so that the executor turns to other tasks.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls a future once, on this thread, and says whether it is done.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Turns `async fn` scenarios into a test on each executor.
macro_rules! on_every_executor {
    ($($(#[$doc:meta])* async fn $scenario:ident() $body:block)+) => {$(
        $(#[$doc])*
        mod $scenario {
            use super::*;
            use crate::executors;

            async fn scenario() $body

            #[test]
            fn on_a_current_thread_runtime() {
                executors::current_thread(scenario());
            }

            #[test]
            fn on_a_multi_thread_runtime() {
                executors::multi_thread(scenario());
            }

            #[test]
            fn on_a_local_set() {
                executors::local_set(scenario());
            }

            #[test]
            fn without_a_runtime() {
                executors::block_on(scenario());
            }

            #[test]
            fn on_an_executor_that_changes_threads_at_every_poll() {
                executors::thread_per_poll(scenario());
            }
        }
    )+};
}

/// Turns `async fn` scenarios into a test on each kind of tokio runtime.
macro_rules! on_every_tokio_runtime {
    ($($(#[$doc:meta])* async fn $scenario:ident() $body:block)+) => {$(
        $(#[$doc])*
        mod $scenario {
            use super::*;
            use crate::executors;

            async fn scenario() $body

            #[test]
            fn on_a_current_thread_runtime() {
                executors::current_thread(scenario());
            }

            #[test]
            fn on_a_multi_thread_runtime() {
                executors::multi_thread(scenario());
            }

            #[test]
            fn on_a_local_set() {
                executors::local_set(scenario());
            }
        }
    )+};
}

/// Turns `async fn` scenarios that stay on their thread into a test on each executor for them.
macro_rules! on_every_local_executor {
    ($($(#[$doc:meta])* async fn $scenario:ident() $body:block)+) => {$(
        $(#[$doc])*
        mod $scenario {
            use super::*;
            use crate::executors;

            async fn scenario() $body

            #[test]
            fn on_a_current_thread_runtime() {
                executors::current_thread(scenario());
            }

            #[test]
            fn on_a_local_set() {
                executors::local_set(scenario());
            }

            #[test]
            fn without_a_runtime() {
                executors::block_on(scenario());
            }
        }
    )+};
}

pub(crate) use {on_every_executor, on_every_local_executor, on_every_tokio_runtime};
