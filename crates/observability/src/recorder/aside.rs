//! The memory of the flight recorder: the latest spans that were sampled out.
//!
//! Position: threads bring whole chunks, the export thread what is not kept at the tail; the export
//! thread takes everything when something happens that these spans explain.
//!
//! Invariants:
//! - chunks, those that are lent out included, take no more than `max_bytes`: the oldest give way, and
//!   with them whole records;
//! - a thread that brings a chunk gets memory for the next one, and waits for nobody who does more
//!   than move a few chunks.

use super::{
    core::Chunk,
    record::{HEADER_LEN, records},
    registry::locked,
};
use std::{collections::VecDeque, mem, sync::Mutex};

/// Memory is taken and given up in pieces of this size; larger spans have a piece of their own.
pub(crate) const PIECE_BYTES: usize = 16 << 10;

/// A ring of chunks.
#[derive(Debug)]
pub(crate) struct Aside {
    max_bytes: usize,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// The oldest first.
    chunks: VecDeque<Chunk>,
    /// What the chunks take, here and where they are lent to.
    bytes: usize,
    /// Of these, what is lent.
    lent: usize,
    is_closed: bool,
}

impl Aside {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            ring: Mutex::default(),
        }
    }

    /// Keeps the spans of a thread and returns an empty buffer of that capacity in place of theirs.
    pub(super) fn push(&self, mut chunk: Chunk, capacity: usize) -> Vec<u8> {
        let own = chunk.bytes.capacity();
        let mut ring = locked(&self.ring);
        if chunk.bytes.len() < own / 2 || own > 2 * PIECE_BYTES {
            ring.copy(&chunk.bytes, self.max_bytes);
        } else if !ring.is_closed
            && let Some(oldest) = ring.make_room(size(&chunk), self.max_bytes)
        {
            ring.chunks.push_back(chunk);
            drop(ring);
            return emptied(oldest, capacity);
        }
        drop(ring);
        emptied(mem::take(&mut chunk.bytes), capacity)
    }

    /// Keeps a copy of these records.
    pub(crate) fn copy(&self, records: &[u8]) {
        locked(&self.ring).copy(records, self.max_bytes);
    }

    /// Lends everything out, until [`Aside::give_back`]; the oldest first.
    pub(crate) fn lend(&self) -> VecDeque<Chunk> {
        let mut ring = locked(&self.ring);
        ring.lent = ring.bytes;
        mem::take(&mut ring.chunks)
    }

    /// Takes back what is left of what was lent, as far as there is still room for it.
    pub(crate) fn give_back(&self, rest: VecDeque<Chunk>) {
        let mut ring = locked(&self.ring);
        ring.bytes -= mem::take(&mut ring.lent);
        for chunk in rest.into_iter().rev() {
            let size = size(&chunk);
            if ring.is_closed || ring.bytes + size > self.max_bytes {
                break;
            }
            ring.bytes += size;
            ring.chunks.push_front(chunk);
        }
    }

    /// The memory that is in use.
    pub(super) fn bytes(&self) -> usize {
        locked(&self.ring).bytes
    }

    /// Forgets everything, and what comes later.
    pub(super) fn close(&self) {
        let mut ring = locked(&self.ring);
        ring.is_closed = true;
        ring.bytes = ring.lent;
        ring.chunks = VecDeque::new();
    }
}

impl Ring {
    fn copy(&mut self, bytes: &[u8], max_bytes: usize) {
        if self.is_closed {
            return;
        }
        let mut rest = bytes;
        for (_, span) in records(bytes) {
            let (record, others) = rest.split_at(HEADER_LEN + span.len());
            self.copy_one(record, max_bytes);
            rest = others;
        }
    }

    /// Adds a record to the newest chunk, or to a new one.
    fn copy_one(&mut self, record: &[u8], max_bytes: usize) {
        let newest = self.chunks.back();
        if newest.is_none_or(|chunk| chunk.bytes.capacity() - chunk.bytes.len() < record.len()) {
            let capacity = PIECE_BYTES.max(record.len());
            let Some(oldest) = self.make_room(capacity + size_of::<Chunk>(), max_bytes) else {
                return;
            };
            self.chunks.push_back(Chunk {
                bytes: emptied(oldest, capacity),
                spans: 0,
            });
        }
        if let Some(newest) = self.chunks.back_mut() {
            newest.bytes.extend_from_slice(record);
            newest.spans += 1;
        }
    }

    /// Counts `size` bytes more, for which the oldest chunks give way; returns the memory of the last
    /// one that did. `None`: there cannot be so much room.
    fn make_room(&mut self, size: usize, max_bytes: usize) -> Option<Vec<u8>> {
        if self.lent + size > max_bytes {
            return None;
        }
        let mut oldest = Vec::new();
        while self.bytes + size > max_bytes {
            let chunk = self.chunks.pop_front()?;
            self.bytes -= self::size(&chunk);
            oldest = chunk.bytes;
        }
        self.bytes += size;
        Some(oldest)
    }
}

/// What a chunk takes.
fn size(chunk: &Chunk) -> usize {
    chunk.bytes.capacity() + size_of::<Chunk>()
}

/// An empty buffer of that capacity: this one, if it has it.
fn emptied(mut bytes: Vec<u8>, capacity: usize) -> Vec<u8> {
    if bytes.capacity() == capacity {
        bytes.clear();
        bytes
    } else {
        Vec::with_capacity(capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::RecordHeader;
    use proptest::prelude::*;

    /// The record of a span of so many bytes, with a number to know it by.
    fn record(number: u32, len: usize) -> Vec<u8> {
        let header = RecordHeader {
            len: u32::try_from(len).unwrap(),
            scope: number,
            ..RecordHeader::default()
        };
        let mut bytes = header.to_bytes().to_vec();
        bytes.resize(HEADER_LEN + len, 7);
        bytes
    }

    fn numbers(chunks: &VecDeque<Chunk>) -> Vec<u32> {
        let all = chunks.iter().flat_map(|chunk| records(&chunk.bytes));
        all.map(|(header, _)| header.scope).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// A thread brings a chunk of spans of these lengths, in a buffer of that capacity.
        Push(Vec<usize>, usize),
        Copy(Vec<usize>),
        /// Everything is lent out; of what comes back, so many of the oldest records are left.
        LendAndKeep(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let len = prop_oneof![20 => 0..400_usize, 1 => 10_000..60_000_usize];
        let lens = prop::collection::vec(len, 1..60);
        prop_oneof![
            6 => (lens.clone(), 0..40_000_usize).prop_map(|(lens, capacity)| Step::Push(lens, capacity)),
            3 => lens.prop_map(Step::Copy),
            1 => (0..200_usize).prop_map(Step::LendAndKeep),
        ]
    }

    /// The ring beside a list of everything that was put into it.
    struct Bed {
        aside: Aside,
        given: VecDeque<(u32, usize)>,
        next: u32,
    }

    impl Bed {
        fn records(&mut self, lens: &[usize], capacity: usize) -> Chunk {
            let mut bytes = Vec::with_capacity(capacity);
            for len in lens {
                bytes.extend(record(self.next, *len));
                self.given.push_back((self.next, *len));
                self.next += 1;
            }
            Chunk {
                bytes,
                spans: lens.len() as u64,
            }
        }

        fn keep(&mut self, count: usize) {
            let mut lent = self.aside.lend();
            let wanted: Vec<u32> = numbers(&lent).into_iter().take(count).collect();
            for chunk in &mut lent {
                let kept: Vec<u8> = records(&chunk.bytes.clone())
                    .filter(|(header, _)| wanted.contains(&header.scope))
                    .flat_map(|(header, span)| record(header.scope, span.len()))
                    .collect();
                chunk.bytes.clear();
                chunk.bytes.extend(kept);
                chunk.spans = records(&chunk.bytes).count() as u64;
            }
            lent.retain(|chunk| chunk.spans > 0);
            self.aside.give_back(lent);
            self.given.retain(|(number, _)| wanted.contains(number));
        }

        fn play(&mut self, step: &Step) {
            match step {
                Step::Push(lens, capacity) => {
                    let chunk = self.records(lens, *capacity);
                    let fresh = self.aside.push(chunk, PIECE_BYTES);
                    assert!(fresh.is_empty() && fresh.capacity() >= PIECE_BYTES);
                }
                Step::Copy(lens) => {
                    let chunk = self.records(lens, 0);
                    self.aside.copy(&chunk.bytes);
                }
                Step::LendAndKeep(count) => self.keep(*count),
            }
        }

        /// What is there are the latest records, in order, except those too large to be kept at all.
        fn check(&self) {
            let ring = locked(&self.aside.ring);
            let taken: usize = ring.chunks.iter().map(size).sum();
            assert_eq!((ring.bytes, ring.lent), (taken, 0));
            assert!(taken <= self.aside.max_bytes);
            for chunk in &ring.chunks {
                assert_eq!(chunk.spans, records(&chunk.bytes).count() as u64);
            }
            let there = numbers(&ring.chunks);
            assert!(there.is_sorted());
            let expected = self.given.iter().filter(|(number, len)| {
                let is_too_large = len + HEADER_LEN + size_of::<Chunk>() > self.aside.max_bytes;
                there.first().is_some_and(|first| number >= first) && !is_too_large
            });
            assert_eq!(
                there,
                expected.map(|(number, _)| *number).collect::<Vec<_>>()
            );
        }
    }

    proptest! {
        #[test]
        fn the_latest_records_stay_whole_and_in_order_within_the_bytes_that_are_allowed(
            steps in prop::collection::vec(step(), 1..60),
            max_bytes in prop::sample::select(vec![40_000, 100_000, 400_000]),
        ) {
            let mut bed = Bed { aside: Aside::new(max_bytes), given: VecDeque::new(), next: 0 };
            for step in &steps {
                bed.play(step);
                bed.check();
            }
        }
    }

    /// Chunks as threads bring them: almost full.
    fn full(number: u32) -> Chunk {
        let mut bytes = Vec::with_capacity(PIECE_BYTES);
        let record = record(number, 200);
        while bytes.len() + record.len() <= bytes.capacity() {
            bytes.extend_from_slice(&record);
        }
        let spans = records(&bytes).count() as u64;
        Chunk { bytes, spans }
    }

    #[test]
    fn no_more_than_a_piece_of_what_is_allowed_stays_unused() {
        let aside = Aside::new(10 * PIECE_BYTES);
        for number in 0..100 {
            aside.push(full(number), 0);
        }
        assert!(aside.bytes() > 9 * PIECE_BYTES);
        for number in 100..100_000 {
            aside.copy(&record(number, 200));
        }
        let there: usize = aside.lend().iter().map(|chunk| chunk.bytes.len()).sum();
        assert!(there > 7 * PIECE_BYTES, "{there}");
    }

    #[test]
    fn a_full_ring_gives_the_memory_of_the_oldest_for_that_of_the_newest() {
        let aside = Aside::new(4 * PIECE_BYTES);
        for number in 0..3 {
            aside.push(full(number), 0);
        }
        let oldest = locked(&aside.ring).chunks[0].bytes.as_ptr();
        let fresh = aside.push(full(3), PIECE_BYTES);
        assert_eq!(fresh.as_ptr(), oldest);
    }

    #[test]
    fn what_is_lent_counts_until_it_is_given_back() {
        let aside = Aside::new(4 * PIECE_BYTES);
        for number in 0..3 {
            aside.push(full(number), 0);
        }
        let lent = aside.lend();
        let before = aside.bytes();
        aside.push(full(3), 0);
        aside.copy(&record(4, 10));
        assert_eq!((aside.bytes(), numbers(&aside.lend())), (before, vec![]));
        aside.give_back(lent);
        assert_eq!(aside.bytes(), before);
        aside.give_back(aside.lend());
        let mut there = numbers(&aside.lend());
        there.dedup();
        assert_eq!(there, [0, 1, 2]);
    }

    #[test]
    fn a_span_for_which_there_is_no_room_at_all_drives_nothing_away() {
        let aside = Aside::new(2 * PIECE_BYTES);
        aside.copy(&record(0, 10));
        aside.copy(&record(1, 2 * PIECE_BYTES));
        assert_eq!(numbers(&aside.lend()), [0]);
    }

    #[test]
    fn after_the_end_nothing_is_kept() {
        let aside = Aside::new(4 * PIECE_BYTES);
        aside.push(full(0), 0);
        let lent = aside.lend();
        aside.close();
        aside.give_back(lent);
        aside.push(full(1), 0);
        aside.copy(&record(2, 10));
        assert_eq!((aside.bytes(), aside.lend().len()), (0, 0));
    }
}
