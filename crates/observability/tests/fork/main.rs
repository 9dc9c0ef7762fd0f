//! Forks of a process that records on several threads: the child records on its own.
//!
//! In a binary of its own, since a fork copies whatever the other threads are doing right now. That
//! is the point: each child must neither wait for a lock that no thread of it holds, nor repeat an
//! id, nor export a span of its parent's.
#![cfg(unix)]
#![allow(
    unsafe_code,
    reason = "fork, pipe, poll and waitpid have no safe equivalent in std"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod child;
mod generations;
mod identity;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "console")]
mod standard_error;
mod thousand;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: telemetry is global.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
