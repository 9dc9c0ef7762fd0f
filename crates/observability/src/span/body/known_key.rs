//! A key that is known before the span is, written without a look at its length.
//!
//! Position: kept by call sites, those of `tracing` and those of our macros, for each of their attributes.
//!
//! Invariant: the bytes are those that setting the attribute gives.

use crate::span::buffer::{ROOM, SHORT_TEXT, short_len};

/// Bytes that the longest key takes as a field.
const KEY_LEN: usize = 2 + SHORT_TEXT;

/// A key that is written as it is; a short one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownKey {
    pub(super) text: &'static str,
    /// The key's field, and what is overwritten after it: copied as a whole, so that no length is looked at.
    field: [u8; KEY_LEN],
    field_len: usize,
}

impl KnownKey {
    pub(crate) fn new(text: &'static str) -> Self {
        let mut field = [0; KEY_LEN];
        let field_len = 2 + text.len();
        if let Some(place) = field.get_mut(2..field_len) {
            place.copy_from_slice(text.as_bytes());
        }
        field[0] = 1 << 3 | 2;
        field[1] = short_len(text.len() % 128);
        Self {
            text,
            field,
            field_len,
        }
    }

    /// Writes a short attribute as field `tag`, and returns where it ends; `put_value` writes the value.
    #[inline]
    pub(super) fn put(
        &self,
        room: &mut [u8; ROOM],
        tag: u8,
        put_value: impl FnOnce(&mut [u8; ROOM], usize) -> usize,
    ) -> usize {
        if let Some(place) = room[2..].first_chunk_mut() {
            *place = self.field;
        }
        let at = (2 + self.field_len).min(2 + KEY_LEN);
        let end = put_value(room, at + 2);
        room[0] = tag << 3 | 2;
        room[1] = short_len(end - 2);
        room[at] = 2 << 3 | 2;
        room[at + 1] = short_len(end - at - 2);
        end
    }
}
