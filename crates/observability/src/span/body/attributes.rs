//! The attributes of a span in progress.
//!
//! Position: the part of [`super::SpanBody`] that most calls reach.
//!
//! Invariant: a key is looked for among those before only if it may be there, and taken out then.

use super::{ATTRIBUTE, SpanBody};
use crate::span::{
    Value,
    encode::{attribute_len, read_varint},
    redaction::{is_hidden, visible},
    short::{Plain, Short, is_short_key, put_attribute},
    words::hash,
};

impl SpanBody {
    /// An empty key is not an attribute and is counted as dropped.
    pub(crate) fn set_attribute(&mut self, key: &str, value: &Value<'_>) {
        match Plain::of(value) {
            Some(Plain::Text(text)) => self.set_short(key, text),
            Some(Plain::Integer(number)) => self.set_short(key, number),
            Some(Plain::Float(number)) => self.set_short(key, number),
            Some(Plain::Truth(truth)) => self.set_short(key, truth),
            None => {
                if self.seen_keys.note(hash(key.as_bytes())) {
                    self.forget_attribute(key);
                }
                self.set_long_attribute(key, value);
            }
        }
    }

    /// The form of [`SpanBody::set_attribute`] for most values.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; its frame is a tenth of it"
    )]
    #[inline(always)]
    pub(crate) fn set_short(&mut self, key: &str, value: impl Short) {
        self.set_hashed(key, hash(key.as_bytes()), value);
    }

    /// The same, where the hash of the key is at hand.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; its frame is a tenth of it"
    )]
    #[inline(always)]
    pub(in crate::span) fn set_hashed(&mut self, key: &str, hash: u64, value: impl Short) {
        if self.seen_keys.note(hash) {
            self.forget_attribute(key);
        }
        if self.attributes.kept < self.limits.attributes
            && is_short_key(key)
            && value.is_short(self.limits.value_length)
            && let Some(room) = self.buffer.room()
            && !is_hidden(key, hash)
        {
            let len = put_attribute(room, ATTRIBUTE, key, value);
            self.buffer.used(len);
            self.attributes.kept += 1;
        } else {
            self.set_long_attribute(key, &value.to_value());
        }
    }

    /// Sets what is known at the start.
    pub(crate) fn set_attributes(&mut self, attributes: &[(&str, Value<'_>)]) {
        for (key, value) in attributes {
            self.set_attribute(key, value);
        }
    }

    /// The general form of [`SpanBody::set_attribute`], which also counts what does not fit.
    #[cold]
    pub(super) fn set_long_attribute(&mut self, key: &str, value: &Value<'_>) {
        self.buffer.widen();
        let (key, value) = (key.as_bytes(), visible(key, value));
        let limit = self.limits.value_length;
        let len = attribute_len(key, value, limit);
        if key.is_empty() || self.is_full(len) {
            self.attributes.dropped = self.attributes.dropped.saturating_add(1);
        } else if self.attributes.admit(self.limits.attributes) {
            self.buffer
                .extend(len)
                .attribute(ATTRIBUTE, key, value, limit);
        }
    }

    /// Takes out the attribute `key`, if it is there.
    #[cold]
    pub(in crate::span) fn forget_attribute(&mut self, key: &str) {
        if let Some(old) = self.find_attribute(key.as_bytes()) {
            let (start, end) = self.name;
            if start > old.start {
                self.name = (start - old.len(), end - old.len());
            }
            self.take_out(old);
            self.attributes.kept -= 1;
        }
    }

    /// Where the attribute `key` is encoded, found by walking the fields written so far.
    pub(in crate::span) fn find_attribute(&self, key: &[u8]) -> Option<std::ops::Range<usize>> {
        let bytes = self.buffer.as_slice();
        let mut at = self.fixed_len;
        while at < bytes.len() {
            let start = at;
            let tag = bytes[at] >> 3;
            at += 1;
            let len = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
            let end = at + len;
            if tag == ATTRIBUTE {
                let mut inner = at + 1;
                let key_len = usize::try_from(read_varint(bytes, &mut inner)?).ok()?;
                if bytes.get(inner..inner + key_len)? == key {
                    return Some(start..end);
                }
            }
            at = end;
        }
        None
    }
}
