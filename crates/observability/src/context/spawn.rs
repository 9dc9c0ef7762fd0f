//! Tokio's spawn functions, with the context carried over.
//!
//! Position: thin layers over [`super::FutureExt::in_current_context`] and
//! [`super::in_current_context`]. A bare `tokio::spawn`
//! inherits nothing.

use super::{FutureExt as _, in_current_context};
use std::future::Future;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// Spawns a task that starts with the current context.
///
/// # Panics
///
/// Outside a tokio runtime, as `tokio::spawn` does.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(future.in_current_context())
}

/// Spawns a task on the current `LocalSet` that starts with the current context.
///
/// # Panics
///
/// Outside a `LocalSet`, as `tokio::task::spawn_local` does.
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    tokio::task::spawn_local(future.in_current_context())
}

/// Runs blocking code on tokio's blocking threads, with the current context.
///
/// # Panics
///
/// Outside a tokio runtime, as `tokio::task::spawn_blocking` does.
pub fn spawn_blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> JoinHandle<R> {
    tokio::task::spawn_blocking(in_current_context(work))
}

/// The spawn methods of [`JoinSet`], with the context carried over.
pub trait JoinSetExt<T> {
    /// Spawns a task that starts with the current context.
    fn spawn_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send;

    /// Spawns a task on the current `LocalSet` that starts with the current context.
    fn spawn_local_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static;

    /// Runs blocking code on tokio's blocking threads, with the current context.
    fn spawn_blocking_in_current_context<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send;
}

impl<T: 'static> JoinSetExt<T> for JoinSet<T> {
    fn spawn_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn(future.in_current_context())
    }

    fn spawn_local_in_current_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_local(future.in_current_context())
    }

    fn spawn_blocking_in_current_context<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.spawn_blocking(in_current_context(work))
    }
}
