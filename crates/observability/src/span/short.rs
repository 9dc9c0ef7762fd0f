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

/// A value that owns nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain<'a> {
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

    pub(super) fn to_value(self) -> Value<'a> {
        match self {
            Self::Text(text) => Value::Str(Cow::Borrowed(text)),
            Self::Integer(number) => Value::I64(number),
            Self::Float(number) => Value::F64(number),
            Self::Truth(truth) => Value::Bool(truth),
        }
    }

    /// Whether the value is recorded as it is, in a short piece.
    #[inline]
    pub(super) fn is_short(self, limit: usize) -> bool {
        match self {
            Self::Text(text) => text.len() <= SHORT_TEXT.min(limit),
            _ => true,
        }
    }

    #[inline]
    fn encoded_len(self) -> usize {
        match self {
            Self::Text(text) => 2 + text.len(),
            Self::Integer(number) => 1 + varint_len(number.cast_unsigned()),
            Self::Float(_) => 9,
            Self::Truth(_) => 2,
        }
    }

    /// Writes the fields of an `AnyValue`.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; its frame is a tenth of it"
    )]
    #[inline(always)]
    fn put(self, room: &mut [u8; ROOM], at: usize) -> usize {
        match self {
            Self::Text(text) => put_text(room, at, 1, text.as_bytes()),
            Self::Integer(number) => {
                room[at] = 3 << 3;
                put_varint(room, at + 1, number.cast_unsigned())
            }
            Self::Float(number) => {
                room[at] = 4 << 3 | 1;
                put(room, at + 1, &number.to_bits().to_le_bytes())
            }
            Self::Truth(truth) => put(room, at, &[2 << 3, u8::from(truth)]),
        }
    }
}

/// Whether a key is one of a short attribute.
#[inline]
pub(super) fn is_short_key(key: &str) -> bool {
    (1..=SHORT_TEXT).contains(&key.len())
}

/// The length of what [`put_attribute`] writes.
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
pub(super) fn put_attribute(room: &mut [u8; ROOM], tag: u8, key: &str, value: Plain<'_>) -> usize {
    let at = put_text(room, 2, 1, key.as_bytes());
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
                assert_eq!(plain.to_value(), value);
                let mut room = [0; ROOM];
                let end = put_attribute(&mut room, 9, key, plain);
                let mut general = [0; ROOM];
                Writer::new(&mut general).attribute(9, key.as_bytes(), &value, usize::MAX);
                assert_eq!(room, general, "{value:?}");
                assert_eq!(end, attribute_len(key, plain), "{value:?}");
            }
        }
    }
}
