//! The bytes of a span in progress, with room behind them that is always there to be written to.
//!
//! Position: a field of [`super::body`]; filled in place, copied once into a chunk at the end.
//!
//! Invariant: what is written goes behind the used bytes, which do not change any more.

use super::{
    encode::{Writer, low_bits},
    words::{self, LONGEST},
};

/// Bytes that a short piece may take: its writer indexes an array of this size, which the compiler
/// checks once instead of at each byte.
pub(super) const ROOM: usize = 160;
/// A span that is larger than this takes no more attributes, events or links. So large may a buffer
/// grow ahead of its need, which is why what finds room in it need not be asked about.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;
/// The longest text of a short piece: with two of them, every length in it fits one byte.
pub(super) const SHORT_TEXT: usize = LONGEST;

/// A byte buffer whose unused part is ready to be written to.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Empties the buffer.
    #[inline]
    pub(super) fn restart(&mut self) {
        self.len = 0;
    }

    /// What it takes, used or not.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Empties the buffer; a large one gives its memory back.
    #[inline]
    pub(super) fn clear(&mut self, keep: usize) {
        self.len = 0;
        if self.bytes.len() > keep {
            self.bytes = Vec::new();
        }
    }

    /// The next bytes, to be written to and then used up to where [`Buffer::used`] says; `None` where
    /// the buffer has to grow first.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; its frame is a tenth of it"
    )]
    #[inline(always)]
    pub(super) fn room(&mut self) -> Option<&mut [u8; ROOM]> {
        self.bytes.get_mut(self.len..)?.first_chunk_mut()
    }

    /// Has so many bytes of the room count as written.
    #[inline]
    pub(super) fn used(&mut self, count: usize) {
        self.len += count;
    }

    /// Lets `write` fill the next bytes and say how many it took.
    #[inline]
    pub(super) fn short(&mut self, write: impl FnOnce(&mut [u8; ROOM]) -> usize) {
        if self.room().is_none() {
            self.grow(ROOM);
        }
        if let Some(room) = self.room() {
            let count = write(room);
            self.used(count);
        }
    }

    /// The next `count` bytes, to be overwritten by the caller.
    #[inline]
    pub(super) fn extend(&mut self, count: usize) -> Writer<'_> {
        let start = self.len;
        if self.bytes.len() - start < count {
            self.grow(count);
        }
        self.len += count;
        Writer::new(&mut self.bytes[start..self.len])
    }

    /// Makes room for the next short pieces, as long as the buffer may grow ahead of its need.
    pub(super) fn widen(&mut self) {
        if self.room().is_none() && self.len + ROOM <= MAX_BODY_BYTES {
            self.grow(ROOM);
        }
    }

    /// Doubles the room up to [`MAX_BODY_BYTES`], beyond which it is exact.
    #[cold]
    fn grow(&mut self, count: usize) {
        let needed = self.len.saturating_add(count);
        let wanted = needed.saturating_mul(2).clamp(512, MAX_BODY_BYTES);
        self.bytes.resize(needed.max(wanted), 0);
    }

    /// Removes the bytes of `range`, closing the gap.
    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) {
        let removed = range.len();
        self.bytes.copy_within(range.end..self.len, range.start);
        self.len -= removed;
    }
}

/// Writes `bytes` at `at` and returns where they end.
#[inline]
pub(super) fn put(room: &mut [u8; ROOM], at: usize, bytes: &[u8]) -> usize {
    room[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

/// Writes a varint at `at` and returns where it ends.
#[inline]
pub(super) fn put_varint(room: &mut [u8; ROOM], mut at: usize, mut value: u64) -> usize {
    if value < 1 << 14 {
        // Most numbers: two bytes are written, of which the second may be none of it.
        let is_long = value > 0x7f;
        let first = low_bits(value) | u8::from(is_long) << 7;
        put(room, at, &[first, low_bits(value >> 7)]);
        return at + 1 + usize::from(is_long);
    }
    while value > 0x7f {
        room[at] = low_bits(value) | 0x80;
        value >>= 7;
        at += 1;
    }
    room[at] = low_bits(value);
    at + 1
}

/// Writes a field with a short text at `at` and returns where it ends.
#[inline]
pub(super) fn put_text(room: &mut [u8; ROOM], at: usize, tag: u8, text: &str) -> usize {
    room[at] = tag << 3 | 2;
    room[at + 1] = short_len(text.len());
    if let Some(place) = room[at + 2..].first_chunk_mut() {
        words::put(text.as_bytes(), place);
    }
    at + 2 + text.len()
}

/// Writes a field of a few bytes at `at` and returns where it ends.
#[inline]
pub(super) fn put_bytes<const N: usize>(
    room: &mut [u8; ROOM],
    at: usize,
    tag: u8,
    bytes: [u8; N],
) -> usize {
    room[at] = tag << 3 | 2;
    room[at + 1] = short_len(N);
    put(room, at + 2, &bytes)
}

/// A length below 128, as the byte that it is.
#[inline]
pub(super) fn short_len(len: usize) -> u8 {
    debug_assert!(len < 128, "{len}");
    let [low, ..] = len.to_le_bytes();
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_closes_the_gap() {
        let mut buffer = Buffer::default();
        buffer.extend(6).raw(b"abcdef");
        buffer.remove(1..3);
        assert_eq!(buffer.as_slice(), b"adef");
    }

    #[test]
    fn short_and_long_pieces_follow_each_other_while_the_buffer_grows() {
        let mut buffer = Buffer::default();
        let mut expected = Vec::new();
        for round in 0..20u8 {
            buffer.short(|room| {
                let at = put(room, 0, &[round; 30]);
                put_varint(room, at, 300)
            });
            buffer.extend(100).raw(&[round; 100]);
            expected.extend([round; 30]);
            expected.extend([0xac, 0x02]);
            expected.extend([round; 100]);
        }
        assert_eq!(buffer.as_slice(), expected);
    }
}
