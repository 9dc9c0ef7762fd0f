//! A short text as a few words: hashed, compared and copied without a loop.
//!
//! Position: what [`super::keys`], [`super::redaction`] and [`super::short`] make of each key, once.
//!
//! Invariant: of a text of at most [`LONGEST`] bytes every byte is in its words, so that equal words
//! are equal texts.

/// The longest text of which every byte is in its words.
pub(super) const LONGEST: usize = 48;

/// A text as its length and the words that it begins and ends with, which overlap as they must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) len: usize,
    /// The first 16 bytes; of a shorter text all of it.
    head: u128,
    /// The last 16 bytes; 0 for a shorter text.
    tail: u128,
    /// The 16 bytes after the first ones; 0 where first and last ones are all there is.
    middle: u128,
}

impl Words {
    /// The words of no text.
    pub(super) const NONE: Self = Self {
        len: 0,
        head: 0,
        tail: 0,
        middle: 0,
    };

    #[expect(
        clippy::inline_always,
        reason = "the hottest path; the words are to stay in registers"
    )]
    #[inline(always)]
    pub(super) fn of(text: &[u8]) -> Self {
        let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) else {
            return Self {
                len: text.len(),
                head: less_than_16(text),
                ..Self::NONE
            };
        };
        let middle = if text.len() > 32 {
            text.split_at(16).1.first_chunk()
        } else {
            None
        };
        Self {
            len: text.len(),
            head: u128::from_le_bytes(*head),
            tail: u128::from_le_bytes(*tail),
            middle: middle.map_or(0, |middle| u128::from_le_bytes(*middle)),
        }
    }

    /// The same words, told from themselves under another number of a multiple of 64.
    #[inline]
    pub(super) fn under(mut self, generation: usize) -> Self {
        self.len = self.len.wrapping_add(generation);
        self
    }

    /// A number in which different texts mostly differ, in its upper bits above all.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let (head, tail) = (halves(self.head), halves(self.tail));
        let first = head.0 ^ head.1.rotate_left(29);
        let last = tail.0.rotate_left(17) ^ tail.1.rotate_left(43);
        (first ^ last ^ self.len as u64).wrapping_mul(MIX)
    }

    /// Writes a text that is not too long to the start of `place`.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; the words are to stay in registers"
    )]
    #[inline(always)]
    pub(super) fn put(&self, place: &mut [u8; LONGEST]) {
        let Some(place) = place.get_mut(..self.len) else {
            return;
        };
        let (head, tail) = (self.head.to_le_bytes(), self.tail.to_le_bytes());
        if let Some(start) = place.first_chunk_mut() {
            *start = head;
            if self.len > 32
                && let Some(middle) = place.split_at_mut(16).1.first_chunk_mut()
            {
                *middle = self.middle.to_le_bytes();
            }
            if let Some(end) = place.last_chunk_mut() {
                *end = tail;
            }
        } else {
            put_less_than_16(self.head, place);
        }
    }
}

/// Ends that overlap; a text of less than four bytes is spelled out.
#[inline]
fn less_than_16(text: &[u8]) -> u128 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        return u128::from(last) << 64 | u128::from(first);
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u128::from(last) << 64 | u128::from(first);
    }
    match *text {
        [] => 0,
        [first, .., last] => {
            let middle = text[text.len() / 2];
            u128::from(u64::from_le_bytes([first, middle, last, 0, 0, 0, 0, 0]))
        }
        [only] => u128::from(only) * 0x01_01_01,
    }
}

/// The way back from [`less_than_16`].
#[inline]
fn put_less_than_16(head: u128, place: &mut [u8]) {
    let (first, last) = halves(head);
    let (first, last) = (first.to_le_bytes(), last.to_le_bytes());
    if let Some(start) = place.first_chunk_mut() {
        *start = first;
        if let Some(end) = place.last_chunk_mut() {
            *end = last;
        }
        return;
    }
    let ([first @ .., _, _, _, _], [last @ .., _, _, _, _]) = (first, last);
    if let Some(start) = place.first_chunk_mut() {
        *start = first;
        if let Some(end) = place.last_chunk_mut() {
            *end = last;
        }
    } else if let Some(end) = place.len().checked_sub(1) {
        let [first, middle, last, _] = first;
        place[place.len() / 2] = middle;
        place[end] = last;
        place[0] = first;
    }
}

/// The lower and the upper half of a word.
#[expect(clippy::cast_possible_truncation, reason = "that is what a half is")]
#[inline]
fn halves(word: u128) -> (u64, u64) {
    (word as u64, (word >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Vec<u8> {
        (b'a'..=b'z').cycle().take(len).collect()
    }

    #[test]
    fn a_text_of_any_length_comes_back_as_it_was() {
        for len in 0..=LONGEST {
            let mut place = [b'.'; LONGEST];
            Words::of(&text(len)).put(&mut place);
            assert_eq!(place[..len], text(len));
            assert!(place[len..].iter().all(|byte| *byte == b'.'), "{len}");
        }
    }

    #[test]
    fn texts_that_differ_in_one_byte_or_in_length_have_other_words() {
        for len in 0..=LONGEST {
            let known = Words::of(&text(len));
            assert_eq!(known, Words::of(&text(len)));
            assert_ne!(known, Words::of(&text(len + 1)));
            for at in 0..len {
                let mut other = text(len);
                other[at] = b'.';
                assert_ne!(known, Words::of(&other), "{len} {at}");
            }
        }
    }
}
