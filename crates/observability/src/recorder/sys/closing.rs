//! What a thread that adds a span and a core that closes agree on without a lock.
//!
//! Position: below the chunks of the threads ([`Filled`]) and the core ([`Closed`]).
//!
//! Invariant: of a thread that fills its chunk and a core that closes, at least one sees the other. Each
//! writes its own flag, passes a full fence, and reads the other's; so no span stays in a chunk that
//! nobody empties any more.

use super::sync::{AtomicBool, Ordering, fence};

/// Whether a chunk holds anything; lets the export thread pass by without a fence.
#[derive(Debug)]
pub(crate) struct Filled(AtomicBool);

impl Filled {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Says that the chunk holds something, before its thread looks whether the core is closed.
    #[expect(clippy::inline_always, reason = "the hottest path")]
    #[inline(always)]
    pub(crate) fn set(&self) {
        if !self.0.load(Ordering::Relaxed) {
            self.0.store(true, Ordering::Release);
            fence(Ordering::SeqCst);
        }
    }

    /// Says that the chunk is empty, for whoever has access to it.
    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Whether a core refuses chunks.
#[derive(Debug)]
pub(crate) struct Closed(AtomicBool);

impl Closed {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Closes, before the chunks of the threads are looked at.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, continuum_loom))]
mod models;
