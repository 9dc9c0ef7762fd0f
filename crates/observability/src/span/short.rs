//! Attributes that fit a short piece of the buffer: a short key, and a number, a truth value or a
//! short text.
//!
//! Position: between [`super::body`] and [`super::buffer`]; everything else goes by [`super::encode`].
//!
//! Invariant: every length in a short attribute fits one byte.

use super::{
    Value,
    buffer::{ROOM, SHORT_TEXT, put, put_text, put_varint, short_len},
    encode::varint_len,
};
use std::borrow::Cow;

/// A value that owns nothing, and is no longer than a text.
pub(crate) trait Short: Copy {
    /// The value in its general form.
    fn to_value<'a>(self) -> Value<'a>
    where
        Self: 'a;

    /// Whether the value is recorded as it is, in a short piece.
    fn is_short(self, limit: usize) -> bool;

    /// The length of what [`Short::put`] writes.
    fn encoded_len(self) -> usize;

    /// Writes the fields of an `AnyValue`, and returns where they end.
    fn put(self, room: &mut [u8; ROOM], at: usize) -> usize;
}

impl Short for &str {
    fn to_value<'a>(self) -> Value<'a>
    where
        Self: 'a,
    {
        Value::Str(Cow::Borrowed(self))
    }

    #[inline]
    fn is_short(self, limit: usize) -> bool {
        self.len() <= SHORT_TEXT.min(limit)
    }

    #[inline]
    fn encoded_len(self) -> usize {
        2 + self.len()
    }

    #[expect(
        clippy::inline_always,
        reason = "the hottest path; its frame is a tenth of it"
    )]
    #[inline(always)]
    fn put(self, room: &mut [u8; ROOM], at: usize) -> usize {
        put_text(room, at, 1, self)
    }
}

impl Short for i64 {
    fn to_value<'a>(self) -> Value<'a> {
        Value::I64(self)
    }

    #[inline]
    fn is_short(self, _limit: usize) -> bool {
        true
    }

    #[inline]
    fn encoded_len(self) -> usize {
        1 + varint_len(self.cast_unsigned())
    }

    #[inline]
    fn put(self, room: &mut [u8; ROOM], at: usize) -> usize {
        room[at] = 3 << 3;
        put_varint(room, at + 1, self.cast_unsigned())
    }
}

impl Short for f64 {
    fn to_value<'a>(self) -> Value<'a> {
        Value::F64(self)
    }

    #[inline]
    fn is_short(self, _limit: usize) -> bool {
        true
    }

    #[inline]
    fn encoded_len(self) -> usize {
        9
    }

    #[inline]
    fn put(self, room: &mut [u8; ROOM], at: usize) -> usize {
        room[at] = 4 << 3 | 1;
        put(room, at + 1, &self.to_bits().to_le_bytes())
    }
}

impl Short for bool {
    fn to_value<'a>(self) -> Value<'a> {
        Value::Bool(self)
    }

    #[inline]
    fn is_short(self, _limit: usize) -> bool {
        true
    }

    #[inline]
    fn encoded_len(self) -> usize {
        2
    }

    #[inline]
    fn put(self, room: &mut [u8; ROOM], at: usize) -> usize {
        put(room, at, &[2 << 3, u8::from(self)])
    }
}

/// Any of these.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plain<'a> {
    Text(&'a str),
    Integer(i64),
    Float(f64),
    Truth(bool),
}

impl<'a> Plain<'a> {
    /// The value without its memory; `None` for what may be longer than a text.
    #[inline]
    pub(super) fn of(value: &'a Value<'_>) -> Option<Self> {
        match value {
            Value::Str(text) => Some(Self::Text(text)),
            Value::I64(number) => Some(Self::Integer(*number)),
            Value::F64(number) => Some(Self::Float(*number)),
            Value::Bool(truth) => Some(Self::Truth(*truth)),
            _ => None,
        }
    }

    /// Whether the value is recorded as it is, in a short piece.
    #[inline]
    pub(super) fn is_short(self, limit: usize) -> bool {
        match self {
            Self::Text(text) => text.is_short(limit),
            _ => true,
        }
    }

    #[inline]
    fn encoded_len(self) -> usize {
        match self {
            Self::Text(text) => text.encoded_len(),
            Self::Integer(number) => number.encoded_len(),
            Self::Float(number) => number.encoded_len(),
            Self::Truth(truth) => truth.encoded_len(),
        }
    }

    /// Writes a short attribute as field `tag`, and returns where it ends.
    #[inline]
    pub(super) fn put_attribute(self, room: &mut [u8; ROOM], tag: u8, key: &str) -> usize {
        match self {
            Self::Text(text) => put_attribute(room, tag, key, text),
            Self::Integer(number) => put_attribute(room, tag, key, number),
            Self::Float(number) => put_attribute(room, tag, key, number),
            Self::Truth(truth) => put_attribute(room, tag, key, truth),
        }
    }
}

/// Whether a key is one of a short attribute.
#[inline]
pub(super) fn is_short_key(key: &str) -> bool {
    (1..=SHORT_TEXT).contains(&key.len())
}

/// The length of what [`Plain::put_attribute`] writes.
#[inline]
pub(super) fn attribute_len(key: &str, value: Plain<'_>) -> usize {
    6 + key.len() + value.encoded_len()
}

/// Writes a short `KeyValue` as field `tag`, and returns where it ended.
#[expect(
    clippy::inline_always,
    reason = "the hottest path; its frame is a tenth of it"
)]
#[inline(always)]
pub(super) fn put_attribute(room: &mut [u8; ROOM], tag: u8, key: &str, value: impl Short) -> usize {
    let at = put_text(room, 2, 1, key);
    let end = value.put(room, at + 2);
    room[0] = tag << 3 | 2;
    room[1] = short_len(end - 2);
    room[at] = 2 << 3 | 2;
    room[at + 1] = short_len(end - at - 2);
    end
}

#[cfg(test)]
mod tests {
    use super::super::encode::Writer;
    use super::*;

    #[test]
    fn a_short_attribute_is_written_like_any_other() {
        let longest = "x".repeat(SHORT_TEXT);
        let values = [
            Value::from(""),
            Value::from(longest.as_str()),
            Value::from(-1),
            Value::from(300),
            Value::from(0.5),
            Value::from(true),
        ];
        for value in values {
            for key in ["k", &longest] {
                let plain = Plain::of(&value).unwrap();
                assert!(plain.is_short(usize::MAX) && is_short_key(key));
                let mut room = [0; ROOM];
                let end = plain.put_attribute(&mut room, 9, key);
                let mut general = [0; ROOM];
                Writer::new(&mut general).attribute(9, key.as_bytes(), &value, usize::MAX);
                assert_eq!(room, general, "{value:?}");
                assert_eq!(end, attribute_len(key, plain), "{value:?}");
            }
        }
    }
}
