//! Short texts: hashed, compared and copied without a loop.
//!
//! Position: what [`super::keys`], [`super::redaction`] and [`super::short`] do with each key.
//!
//! A text is taken as pieces of a fixed size that lie at its beginning and at its end, and overlap as
//! they must: a few instructions each, where the calls for any length take dozens.
//!
//! Invariant: of a text of at most [`LONGEST`] bytes every byte is in a piece.

/// The longest text that is compared and copied as a whole.
pub(super) const LONGEST: usize = 48;

/// A text that is remembered, to be compared with others; on a cache line of its own.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Words {
    /// The length, with the number under which the text is remembered.
    marked_len: usize,
    /// The first 16 bytes; of a shorter text its ends.
    head: [u8; 16],
    /// The last 16 bytes; of a shorter text nothing.
    tail: [u8; 16],
    /// The 16 bytes after the first ones, where first and last ones are not all there is.
    middle: [u8; 16],
}

impl Words {
    /// No text.
    pub(super) const NONE: Self = Self {
        marked_len: 0,
        head: [0; 16],
        tail: [0; 16],
        middle: [0; 16],
    };

    /// Remembers a text under `mark`, a multiple of 64.
    pub(super) fn of(text: &[u8], mark: usize) -> Self {
        let marked_len = text.len().wrapping_add(mark);
        let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) else {
            return Self {
                marked_len,
                head: ends(text),
                ..Self::NONE
            };
        };
        Self {
            marked_len,
            head: *head,
            tail: *tail,
            middle: middle(text).copied().unwrap_or_default(),
        }
    }

    /// Whether it is this text, of at most [`LONGEST`] bytes, under that mark.
    #[inline]
    pub(super) fn is(&self, text: &[u8], mark: usize) -> bool {
        if self.marked_len != text.len().wrapping_add(mark) {
            return false;
        }
        match (text.first_chunk(), text.last_chunk()) {
            (Some(head), Some(tail)) => {
                *head == self.head
                    && *tail == self.tail
                    && middle(text).is_none_or(|middle| *middle == self.middle)
            }
            _ => ends(text) == self.head,
        }
    }

    /// Whether it was remembered under `mark` or a later one.
    pub(super) fn is_since(&self, mark: usize) -> bool {
        self.marked_len > mark
    }
}

/// What the first and the last 16 bytes of a text may leave out.
#[inline]
fn middle(text: &[u8]) -> Option<&[u8; 16]> {
    if text.len() > 32 {
        text.split_at(16).1.first_chunk()
    } else {
        None
    }
}

/// The ends of a text of less than 16 bytes, one after the other.
#[inline]
fn ends(text: &[u8]) -> [u8; 16] {
    let (first, last) = two_words(text);
    let mut ends = [0; 16];
    ends[..8].copy_from_slice(&first.to_le_bytes());
    ends[8..].copy_from_slice(&last.to_le_bytes());
    ends
}

/// The first and the last eight bytes of a text, or less of a shorter one.
#[inline]
fn two_words(text: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return (u64::from(first), u64::from(last));
    }
    match *text {
        [] => (0, 0),
        [first, .., last] => {
            let middle = text[text.len() / 2];
            (
                u64::from(u16::from_le_bytes([first, middle])),
                u64::from(last),
            )
        }
        [only] => (u64::from(only), 0),
    }
}

/// A number in which different texts mostly differ, in its upper bits above all.
#[inline]
pub(super) fn hash(text: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (first, last) = two_words(text);
    (first ^ last.rotate_left(23) ^ text.len() as u64).wrapping_mul(MIX)
}

/// Writes a text that is not too long to the start of `place`.
#[expect(
    clippy::inline_always,
    reason = "the hottest path; what is known of the length is to be known here"
)]
#[inline(always)]
pub(super) fn put(text: &[u8], place: &mut [u8; LONGEST]) {
    let len = text.len();
    if let (Some(head), Some(tail)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        place[..16].copy_from_slice(head);
        if let Some(middle) = middle(text) {
            place[16..32].copy_from_slice(middle);
        }
        put_end(place, len, *tail);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        place[..8].copy_from_slice(first);
        put_end(place, len, *last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        place[..4].copy_from_slice(first);
        put_end(place, len, *last);
    } else if let [first, .., last] = *text {
        place[len / 2] = text[len / 2];
        place[len - 1] = last;
        place[0] = first;
    } else if let [only] = *text {
        place[0] = only;
    }
}

/// Writes the last bytes of a text of that length.
#[inline]
fn put_end<const N: usize>(place: &mut [u8; LONGEST], len: usize, end: [u8; N]) {
    if let Some(text) = place.get_mut(..len)
        && let Some(last) = text.last_chunk_mut()
    {
        *last = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Vec<u8> {
        (b'a'..=b'z').cycle().take(len).collect()
    }

    #[test]
    fn a_text_of_any_length_is_written_as_it_is() {
        for len in 0..=LONGEST {
            let mut place = [b'.'; LONGEST];
            put(&text(len), &mut place);
            assert_eq!(place[..len], text(len));
            assert!(place[len..].iter().all(|byte| *byte == b'.'), "{len}");
        }
    }

    #[test]
    fn texts_that_differ_in_one_byte_or_in_length_or_mark_are_told_apart() {
        for len in 0..=LONGEST {
            let known = Words::of(&text(len), 64);
            assert!(known.is(&text(len), 64));
            assert!(!known.is(&text(len), 128));
            assert!(!known.is(&text(len + 1), 64));
            for at in 0..len {
                let mut other = text(len);
                other[at] = b'.';
                assert!(!known.is(&other, 64), "{len} {at}");
            }
        }
    }
}
