//! A place for one span in progress: pooled, never freed, stamped with a generation.
//!
//! Position: between `SpanRef`, which names a slot and a generation, and [`SpanBody`].
//!
//! Invariants: a slot lives as long as the process, so a stale reference finds a slot, sees another
//! generation and does nothing.

use super::{
    Recorder,
    sys::{biased::Biased, leaked::AtomicStatic},
};
use crate::span::SpanBody;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A pooled place for a span in progress.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) cell: Biased<Option<Box<SpanBody>>>,
    generation: AtomicU64,
    recorder: AtomicStatic<Recorder>,
    fork_epoch: AtomicU32,
}

impl Slot {
    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            cell: Biased::new(None),
            generation: AtomicU64::new(0),
            recorder: AtomicStatic::none(),
            fork_epoch: AtomicU32::new(0),
        }))
    }

    /// The generation of the span in it.
    ///
    /// Changed only by who has access to the cell. Without access, equal says nothing, but different
    /// means that the span has ended.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Ends the life of the span in it, for the one who has access to the cell.
    #[inline]
    pub(crate) fn next_generation(&self) {
        let next = self.generation() + 1;
        self.generation.store(next, Ordering::Relaxed);
    }

    /// Ends the life of the span of that generation, for one who gets no access to the cell; `false` if
    /// it has ended.
    pub(crate) fn give_up(&self, generation: u64) -> bool {
        let (order, next) = (Ordering::Relaxed, generation + 1);
        let given_up = (self.generation).compare_exchange(generation, next, order, order);
        given_up.is_ok()
    }

    /// Notes the process and the recorder that use the slot from now on.
    #[inline]
    pub(crate) fn occupy(&self, fork_epoch: u32, recorder: &'static Recorder) {
        self.fork_epoch.store(fork_epoch, Ordering::Relaxed);
        self.recorder.set(Some(recorder));
    }

    /// The recorder of the span in it.
    #[inline]
    pub(crate) fn recorder(&self) -> Option<&'static Recorder> {
        self.recorder.get()
    }

    /// Whether the span in it was started by this process, not by one that it forked from.
    #[inline]
    pub(crate) fn belongs_to(&self, fork_epoch: u32) -> bool {
        self.fork_epoch.load(Ordering::Relaxed) == fork_epoch
    }
}
