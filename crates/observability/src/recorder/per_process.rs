//! A value for each process of a family of forks.
//!
//! Position: holds what has locks and counts of its own: the running part of a recorder, and its meter.
//!
//! Invariant: what a process finds was made by that process, so that no thread of its parent's holds a
//! lock of it for ever.

use super::sys::platform;
use std::sync::OnceLock;

/// Forks of forks beyond this depth are not traced.
pub(super) const MAX_FORK_DEPTH: usize = 64;

/// Makes a value in each process that asks for it.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(Box<[OnceLock<T>]>);

impl<T> PerProcess<T> {
    pub(crate) fn new() -> Self {
        Self((0..MAX_FORK_DEPTH).map(|_| OnceLock::new()).collect())
    }

    /// The value of this process, made on first use; `None` where forks are too deep.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> Option<&T> {
        let value = self.0.get(platform::fork_epoch() as usize)?;
        Some(value.get_or_init(make))
    }
}
