//! Protobuf written straight into a growing buffer, with exact tags and lengths.
//!
//! Position: below [`super::body`]; every byte of a span passes through here once.
//!
//! Invariants: a length is computed before its message is written, so nothing is ever moved to make
//! room for one; text is cut at a number of characters, never inside one, bytes at as many bytes.
//!
//! Source: protobuf wire format; `opentelemetry/proto/common/v1/common.proto`.

use super::{Value, redaction::visible};
use std::borrow::Cow;

/// Nested arrays and maps below this depth are recorded as empty values.
pub(crate) const MAX_VALUE_DEPTH: usize = 8;

const LENGTH_DELIMITED: u8 = 2;

/// Fills a slice from its start.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.out[self.at] = byte;
        self.at += 1;
    }

    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    #[inline]
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.byte(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.byte(low_bits(value));
    }

    /// A tag (below 16), a length, the bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.message(tag, bytes.len());
        self.raw(bytes);
    }

    /// The head of a message of `len` bytes.
    #[inline]
    pub(crate) fn message(&mut self, tag: u8, len: usize) {
        self.byte(tag << 3 | LENGTH_DELIMITED);
        self.varint(len as u64);
    }

    #[inline]
    pub(crate) fn fixed64(&mut self, tag: u8, value: u64) {
        self.byte(tag << 3 | 1);
        self.raw(&value.to_le_bytes());
    }

    /// A number field that is left out when zero.
    #[inline]
    pub(crate) fn count(&mut self, tag: u8, value: u32) {
        if value > 0 {
            self.byte(tag << 3);
            self.varint(u64::from(value));
        }
    }

    /// A `KeyValue` in field `tag` of the enclosing message.
    #[inline]
    pub(crate) fn attribute(&mut self, tag: u8, key: &[u8], value: &Value<'_>, limit: usize) {
        let value_len = value_len(value, limit, 0);
        self.message(tag, field_len(key.len()) + field_len(value_len));
        self.bytes(1, key);
        self.message(2, value_len);
        self.value(value, limit, 0);
    }

    #[inline]
    fn value(&mut self, value: &Value<'_>, limit: usize, depth: usize) {
        match value {
            Value::Empty => {}
            Value::Str(text) => self.bytes(1, truncated(text, limit).as_bytes()),
            Value::Bool(value) => self.raw(&[2 << 3, u8::from(*value)]),
            Value::I64(value) => {
                self.byte(3 << 3);
                self.varint(value.cast_unsigned());
            }
            Value::F64(value) => self.fixed64(4, value.to_bits()),
            Value::Bytes(bytes) => self.bytes(7, &bytes[..bytes.len().min(limit)]),
            Value::Array(_) | Value::Map(_) => self.nested(value, limit, depth),
        }
    }

    fn nested(&mut self, value: &Value<'_>, limit: usize, depth: usize) {
        if depth >= MAX_VALUE_DEPTH {
            return;
        }
        match value {
            Value::Array(values) => {
                self.message(5, array_len(values, limit, depth));
                for value in values {
                    self.message(1, value_len(value, limit, depth + 1));
                    self.value(value, limit, depth + 1);
                }
            }
            Value::Map(entries) => {
                self.message(6, map_len(entries, limit, depth));
                for (key, value) in visible_entries(entries) {
                    let len = value_len(value, limit, depth + 1);
                    self.message(1, field_len(key.len()) + field_len(len));
                    self.bytes(1, key.as_bytes());
                    self.message(2, len);
                    self.value(value, limit, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// The lowest seven bits: one byte of a varint.
#[inline]
pub(super) fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// Bytes of a varint.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    if value < 0x80 {
        1
    } else {
        (70 - (value | 1).leading_zeros() as usize) / 7
    }
}

/// Bytes of a length-delimited field with a tag below 16.
#[inline]
pub(crate) fn field_len(content: usize) -> usize {
    1 + varint_len(content as u64) + content
}

/// Bytes of a number field that is left out when zero.
#[inline]
pub(crate) fn count_len(value: u32) -> usize {
    if value == 0 {
        0
    } else {
        1 + varint_len(u64::from(value))
    }
}

/// Bytes of a `KeyValue` field.
#[inline]
pub(crate) fn attribute_len(key: &[u8], value: &Value<'_>, limit: usize) -> usize {
    field_len(field_len(key.len()) + field_len(value_len(value, limit, 0)))
}

#[inline]
fn value_len(value: &Value<'_>, limit: usize, depth: usize) -> usize {
    match value {
        Value::Empty => 0,
        Value::Str(text) => field_len(truncated(text, limit).len()),
        Value::Bool(_) => 2,
        Value::I64(value) => 1 + varint_len(value.cast_unsigned()),
        Value::F64(_) => 9,
        Value::Bytes(bytes) => field_len(bytes.len().min(limit)),
        Value::Array(_) | Value::Map(_) if depth >= MAX_VALUE_DEPTH => 0,
        Value::Array(values) => field_len(array_len(values, limit, depth)),
        Value::Map(entries) => field_len(map_len(entries, limit, depth)),
    }
}

fn array_len(values: &[Value<'_>], limit: usize, depth: usize) -> usize {
    values
        .iter()
        .map(|value| field_len(value_len(value, limit, depth + 1)))
        .sum()
}

fn map_len(entries: &[(Cow<'_, str>, Value<'_>)], limit: usize, depth: usize) -> usize {
    visible_entries(entries)
        .map(|(key, value)| {
            field_len(field_len(key.len()) + field_len(value_len(value, limit, depth + 1)))
        })
        .sum()
}

/// The last entry of each key, without its value where the key names a secret.
fn visible_entries<'a, 'v>(
    entries: &'a [(Cow<'v, str>, Value<'v>)],
) -> impl Iterator<Item = (&'a str, &'a Value<'v>)> {
    last_of_each_key(entries).map(|(key, value)| (key, visible(key, value)))
}

/// The entries whose key does not come again further on.
pub(crate) fn last_of_each_key<K: AsRef<str>, V>(
    entries: &[(K, V)],
) -> impl Iterator<Item = (&str, &V)> {
    entries
        .iter()
        .enumerate()
        .filter_map(|(index, (key, value))| {
            let key = key.as_ref();
            let again = entries[index + 1..]
                .iter()
                .any(|(later, _)| later.as_ref() == key);
            (!again).then_some((key, value))
        })
}

/// The first `limit` characters of `text`.
#[inline]
pub(crate) fn truncated(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    text.char_indices()
        .nth(limit)
        .map_or(text, |(end, _)| &text[..end])
}

/// Appends a length-delimited field to a growing vector.
pub(crate) fn put_message(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    put_message_of(out, tag, content, &[]);
}

/// Appends a length-delimited field that consists of two parts.
pub(crate) fn put_message_of(out: &mut Vec<u8>, tag: u8, content: &[u8], end: &[u8]) {
    let total = content.len() + end.len();
    out.reserve(field_len(total));
    out.push(tag << 3 | LENGTH_DELIMITED);
    let mut len = total as u64;
    while len > 0x7f {
        out.push(low_bits(len) | 0x80);
        len >>= 7;
    }
    out.push(low_bits(len));
    out.extend_from_slice(content);
    out.extend_from_slice(end);
}

/// Reads a varint; `None` at the end of the input.
pub(crate) fn read_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varint_lengths_are_exact() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1] {
                let mut bytes = [0; 10];
                let mut writer = Writer::new(&mut bytes);
                writer.varint(value);
                assert_eq!(writer.at, varint_len(value), "{value}");
                assert_eq!(read_varint(&bytes, &mut 0), Some(value));
            }
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(truncated("äöü", 2), "äö");
        assert_eq!(truncated("abc", 3), "abc");
        assert_eq!(truncated("äöü", 5), "äöü");
        assert_eq!(truncated("abc", 0), "");
    }
}
