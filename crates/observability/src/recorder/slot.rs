//! A place for one span in progress: pooled, never freed, stamped with a generation.
//!
//! Position: between `SpanRef`, which names a slot and a generation, and [`SpanBody`].
//!
//! Invariants: a slot lives as long as the process, so a stale reference finds a slot, sees another
//! generation and does nothing. Whether its next span is owned or shared from the start is a guess by its
//! last spans, which costs time where it is wrong and nothing else.

use super::{
    Recorder,
    sys::{biased::Biased, leaked::AtomicStatic},
};
use crate::span::SpanBody;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Spans in a row that one strand alone has reached, after which a shared slot is owned again. To lock for
/// them costs little; to take the ownership away costs a barrier across all threads.
const ENOUGH_ALONE: u32 = 8;

/// No strand.
const NOBODY: u64 = 0;

/// A pooled place for a span in progress.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) cell: Biased<Option<Box<SpanBody>>>,
    generation: AtomicU64,
    recorder: AtomicStatic<Recorder>,
    fork_epoch: AtomicU32,
    /// The strand that started the span in it, which is shared, as long as no other has reached it.
    alone: AtomicU64,
    /// Shared spans in a row that one strand alone has reached.
    alone_in_a_row: AtomicU32,
}

impl Slot {
    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            cell: Biased::new(None),
            generation: AtomicU64::new(0),
            recorder: AtomicStatic::none(),
            fork_epoch: AtomicU32::new(0),
            alone: AtomicU64::new(NOBODY),
            alone_in_a_row: AtomicU32::new(0),
        }))
    }

    /// Whether its next span is shared from the start, because others reached one of its last ones.
    pub(crate) fn stays_shared(&self) -> bool {
        self.cell.is_shared() && self.alone_in_a_row.load(Ordering::Relaxed) < ENOUGH_ALONE
    }

    /// Notes the strand whose shared span is put into it.
    pub(crate) fn begin_shared(&self, strand: u64) {
        self.alone.store(strand, Ordering::Relaxed);
    }

    /// Notes that the slot is owned from now on.
    pub(crate) fn begin_owned(&self) {
        self.alone.store(NOBODY, Ordering::Relaxed);
        self.alone_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Notes that a span which `from` alone has reached moves on to the strand `to`.
    pub(crate) fn pass_shared(&self, from: u64, to: u64) {
        if self.is_alone(from) {
            self.begin_shared(to);
        }
    }

    /// Notes that a strand reaches the shared span in it.
    pub(crate) fn reach_shared(&self, strand: u64) {
        if !self.is_alone(strand) {
            self.alone.store(NOBODY, Ordering::Relaxed);
        }
    }

    /// Notes that a strand ends the shared span in it.
    pub(crate) fn end_shared(&self, strand: u64) {
        let in_a_row = if self.is_alone(strand) {
            self.alone_in_a_row
                .load(Ordering::Relaxed)
                .saturating_add(1)
        } else {
            0
        };
        self.alone_in_a_row.store(in_a_row, Ordering::Relaxed);
    }

    fn is_alone(&self, strand: u64) -> bool {
        self.alone.load(Ordering::Relaxed) == strand
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        get_tracer,
        recorder::{
            sys::{biased::SHARED, platform::FENCES},
            thread::{enter_strand, leave_strand, new_strand_id},
        },
        testing::TestRecorder,
    };
    use std::{sync::mpsc::sync_channel, thread};

    /// The fences that a thread asks for which ends so many spans of another one.
    fn fences_to_end(spans: u32, is_in_task: bool) -> u32 {
        let recorder = TestRecorder::new();
        let (send, receive) = sync_channel(4);
        let end_all = move || {
            receive.iter().for_each(drop::<crate::Span>);
            FENCES.get()
        };
        let ending = thread::Builder::new().spawn(end_all).unwrap();
        let start = || recorder.run(|| get_tracer("tests").start_span("sent away"));
        for _ in 0..spans {
            let own = is_in_task.then(|| enter_strand(new_strand_id()).unwrap());
            send.send(start()).unwrap();
            own.into_iter().for_each(leave_strand);
        }
        drop(send);
        let fences = ending.join().unwrap();
        assert_eq!(recorder.spans().len(), spans as usize);
        fences
    }

    #[test]
    fn spans_that_other_threads_end_are_shared_from_the_start_after_a_while() {
        // No more than there are slots on their way, in the pools of both threads, and of others that have ended.
        const SLOTS: u32 = 1_000;
        assert!(fences_to_end(10_000, false) < SLOTS);
        assert!(fences_to_end(10_000, true) < SLOTS);
    }

    #[test]
    fn a_shared_slot_is_owned_again_after_spans_that_stayed_with_one_strand() {
        let slot = Slot::leak();
        slot.cell.adopt(SHARED);
        let live = |ending: u64, reaching: u64| {
            assert!(slot.stays_shared());
            slot.begin_shared(20);
            slot.reach_shared(reaching);
            slot.end_shared(ending);
        };
        for (ending, reaching) in [(21, 20), (20, 21)] {
            (1..ENOUGH_ALONE).for_each(|_| live(20, 20));
            live(ending, reaching);
        }
        (0..ENOUGH_ALONE).for_each(|_| live(20, 20));
        assert!(!slot.stays_shared());
        slot.begin_owned();
        assert!(slot.stays_shared(), "if somebody reaches it again");
    }

    #[test]
    fn a_span_that_moves_to_a_task_is_still_reached_by_one_strand_alone() {
        let slot = Slot::leak();
        slot.begin_shared(20);
        slot.pass_shared(20, 30);
        assert!(slot.is_alone(30));
        slot.pass_shared(20, 40);
        assert!(slot.is_alone(30));
    }
}
