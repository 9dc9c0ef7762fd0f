//! Neighbouring records of one local root, which are handled as one.
//!
//! Position: how [`super::Tail`] reads a chunk: a trace that stayed on its thread ends in one run.

use crate::recorder::{HEADER_LEN, RecordHeader, records};
use std::hash::{Hash, Hasher};

/// A number for a local root, spread over all bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// The hash of a [`Key`], which is one already.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 << 8 | u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Key {
    fn of(header: &RecordHeader) -> Self {
        let [_, _, _, _, _, _, _, _, low @ ..] = header.trace_id;
        let trace = u64::from_be_bytes(low);
        // Ids are random, unless the program makes its own.
        let both = u64::from_be_bytes(header.local_root) ^ trace.rotate_left(32);
        let mixed = both.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(mixed ^ mixed >> 32)
    }

    /// One of so many places.
    pub(super) fn place(self, count: usize) -> usize {
        usize::try_from(self.0).unwrap_or_default() % count
    }
}

/// Records of the same local root that lie side by side; its own record is the last of its run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) key: Key,
    /// What all records have in common; the outcome is that of the last one.
    pub(super) last: RecordHeader,
    pub(super) failed: bool,
    pub(super) forced: bool,
    pub(super) has_trace_state: bool,
    pub(super) spans: u64,
    pub(super) bytes: &'a [u8],
}

impl<'a> Run<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let mut records = records(bytes);
        let (first, span) = records.next()?;
        let mut run = Self {
            key: Key::of(&first),
            last: first,
            failed: first.failed,
            forced: first.forced,
            has_trace_state: first.has_trace_state,
            spans: 1,
            bytes,
        };
        let mut len = HEADER_LEN + span.len();
        while !run.last.is_local_root
            && let Some((next, span)) = records.next()
            && belongs_together(&first, &next)
        {
            len += HEADER_LEN + span.len();
            run.add(next);
        }
        run.bytes = &bytes[..len];
        Some(run)
    }

    fn add(&mut self, next: RecordHeader) {
        self.failed |= next.failed;
        self.forced |= next.forced;
        self.has_trace_state |= next.has_trace_state;
        self.spans += 1;
        self.last = next;
    }
}

fn belongs_together(one: &RecordHeader, other: &RecordHeader) -> bool {
    one.undecided == other.undecided
        && (!one.undecided || one.local_root == other.local_root && one.trace_id == other.trace_id)
}

/// The runs of a chunk, in order. Neighbours that need no decision are one run, whatever their roots.
pub(super) fn runs(mut rest: &[u8]) -> impl Iterator<Item = Run<'_>> {
    std::iter::from_fn(move || {
        let run = Run::first(rest)?;
        rest = &rest[run.bytes.len()..];
        Some(run)
    })
}
