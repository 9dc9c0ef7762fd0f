//! Waiting for room in the budget, in programs that would rather wait than lose spans.
//!
//! Position: between a thread whose chunk does not fit into the queue of the [`Core`] and the export
//! thread, which makes room.
//!
//! Invariants:
//! - nobody waits unless the program asked for it, nobody for longer than it said, and the export
//!   thread never: it would wait for itself;
//! - nobody waits while it has access to a chunk: the export thread, which collects open chunks,
//!   would wait for the waiting thread;
//! - while its thread waits, a chunk stays where a flush finds it.

use super::core::{Chunk, Core};
use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

/// What becomes of a chunk that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// Its spans are dropped and counted.
    Drop,
    /// It is given back.
    Keep,
    /// It is taken all the same.
    Exceed,
}

impl Core {
    /// Whether threads may wait for room.
    pub(super) fn may_wait(&self) -> bool {
        self.patience.is_some()
    }

    /// What becomes of the chunk of a thread that could wait.
    pub(super) fn when_full(&self) -> WhenFull {
        self.patience.map_or(WhenFull::Drop, |_| WhenFull::Keep)
    }

    /// What becomes of a chunk that the export thread collects: where nothing is to be lost, the
    /// memory of one chunk a thread may come on top of the budget, until the round is over.
    pub(super) fn when_collected(&self) -> WhenFull {
        self.patience.map_or(WhenFull::Drop, |_| WhenFull::Exceed)
    }

    /// Until when a thread waits that begins to do so now; `None`: it does not.
    pub(super) fn wait_deadline(&self) -> Option<Instant> {
        const LONGEST: Duration = Duration::from_hours(24);
        let patience = self.patience?.min(LONGEST);
        (!self.is_export_thread()).then(|| Instant::now() + patience)
    }

    /// Marks the calling thread as the one that exports.
    pub(crate) fn enter_export_thread(&self) {
        // A core has one export thread.
        let _known = self.exporting.set(std::thread::current().id()).is_err();
    }

    /// Whether the calling thread is the one that exports.
    pub(crate) fn is_export_thread(&self) -> bool {
        self.exporting.get() == Some(&std::thread::current().id())
    }

    /// Blocks until there seems to be room for a chunk of `bytes`, or until nothing is taken any
    /// more; `false` when the time is up.
    pub(super) fn wait_for_room(&self, bytes: usize, deadline: Instant) -> bool {
        let mut queue = self.lock();
        queue.waiting_for_room += 1;
        self.wake.notify_one();
        let is_over = loop {
            if self.is_closed() || self.has_room(&queue, bytes) {
                break true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            queue = self
                .room
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        };
        queue.waiting_for_room -= 1;
        is_over
    }

    /// Takes a chunk that only the caller knows, after waiting for room where that is wanted.
    pub(super) fn deliver(&self, mut chunk: Chunk) {
        if let Some(deadline) = self.wait_deadline() {
            while self.wait_for_room(chunk.bytes.capacity(), deadline) {
                match self.offer(chunk, 0, WhenFull::Keep) {
                    Ok(_empty) => return,
                    Err(kept) => chunk = kept,
                }
            }
        }
        drop(self.hand_over(chunk, 0));
    }
}
