//! Attributes whose keys are known beforehand, encoded apart from the span that takes them over.
//!
//! Position: a call site of `tracing` has the keys of its fields here; the fields are encoded one by one,
//! since code of the program's runs in between that may use the span itself.
//!
//! Invariants:
//! - the bytes are those that setting the attributes one by one gives;
//! - keys that are short, differ and name no secret are so under one state of the rules about secrets;
//!   under another one they are not used.

use super::{KnownKey, SpanBody};
use crate::span::{
    Value,
    buffer::{Buffer, ROOM},
    encode::attribute_len,
    keys::SeenKeys,
    redaction,
    short::{Short, is_short_key},
    words::hash,
};

/// Which keys the attributes have that are encoded together.
#[derive(Debug)]
pub(crate) struct KeySet {
    seen_keys: SeenKeys,
    /// The rules by which none of them names a secret.
    rules: usize,
}

/// Attributes as they are sent, without the span or event around them.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    buffer: Buffer,
    count: u32,
}

impl KeySet {
    /// `None` where two are the same, one is too long, or one names a secret.
    pub(crate) fn of(keys: &[KnownKey]) -> Option<Self> {
        let rules = redaction::generation_to_remember();
        let mut seen_keys = SeenKeys::default();
        for (number, key) in keys.iter().enumerate() {
            let again = keys.iter().skip(number + 1);
            if again.clone().any(|other| other.text == key.text)
                || !is_short_key(key.text)
                || redaction::is_denied_key(key.text)
            {
                return None;
            }
            let _shares_a_place = seen_keys.note(hash(key.text.as_bytes()));
        }
        Some(Self { seen_keys, rules })
    }

    /// Whether what was found out about the keys still holds.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        self.rules == redaction::generation()
    }
}

impl Encoded {
    /// Begins anew with a copy of `first`.
    #[inline]
    pub(crate) fn restart(&mut self, first: &Self) {
        self.buffer.restart();
        self.count = 0;
        self.append(first);
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[inline]
    pub(crate) fn append(&mut self, other: &Self) {
        let bytes = other.buffer.as_slice();
        if !bytes.is_empty() {
            self.buffer.extend(bytes.len()).raw(bytes);
            self.count += other.count;
        }
    }

    /// Adds an attribute in field `tag` of what takes it over.
    #[inline]
    pub(crate) fn push(&mut self, tag: u8, key: &KnownKey, value: impl Short) {
        let put = |room: &mut [u8; ROOM], at| value.put(room, at);
        self.put(|room| key.put(room, tag, put));
    }

    /// Adds a short attribute, written where it will lie.
    #[inline]
    fn put(&mut self, write: impl FnOnce(&mut [u8; ROOM]) -> usize) {
        self.count += 1;
        match self.buffer.room() {
            Some(room) => {
                let count = write(room);
                self.buffer.used(count);
            }
            None => self.put_first(&mut Some(write)),
        }
    }

    /// The same where the buffer has to grow.
    #[cold]
    fn put_first(&mut self, write: &mut Option<impl FnOnce(&mut [u8; ROOM]) -> usize>) {
        if let Some(write) = write.take() {
            self.buffer.short(write);
        }
    }

    /// The same for a text, which is cut after `limit` characters.
    #[inline]
    pub(crate) fn push_text(&mut self, tag: u8, key: &KnownKey, text: &str, limit: usize) {
        if !text.is_short(limit) {
            return self.push_long(tag, key, &text.to_value(), limit);
        }
        let put = |room: &mut [u8; ROOM], at| text.put(room, at);
        self.put(|room| key.put(room, tag, put));
    }

    #[cold]
    fn push_long(&mut self, tag: u8, key: &KnownKey, value: &Value<'_>, limit: usize) {
        self.count += 1;
        let key = key.text.as_bytes();
        let len = attribute_len(key, value, limit);
        self.buffer.extend(len).attribute(tag, key, value, limit);
    }

    /// Gives back what large values took.
    pub(crate) fn release_memory(&mut self) {
        self.buffer.clear(super::KEEP_BYTES);
    }
}

impl SpanBody {
    /// Takes over attributes; `false`, and nothing is done, where there are others already or too many.
    pub(crate) fn take_attributes(&mut self, keys: &KeySet, encoded: &Encoded) -> bool {
        let is_first = self.attributes.kept == 0 && self.attributes.dropped == 0;
        let bytes = encoded.buffer.as_slice();
        if !is_first || encoded.count > self.limits.attributes || self.is_full(bytes.len()) {
            return false;
        }
        self.seen_keys = keys.seen_keys;
        self.attributes.kept = encoded.count;
        self.buffer.extend(bytes.len()).raw(bytes);
        true
    }

    /// Adds an event with these attributes; `false`, and nothing is done, where they are too many.
    pub(crate) fn take_event(&mut self, name: &str, unix_nanos: u64, encoded: &Encoded) -> bool {
        if encoded.count > self.limits.attributes_per_event {
            return false;
        }
        let bytes = encoded.buffer.as_slice();
        if self.begin_short_event(name, unix_nanos, bytes.len()) {
            self.buffer.extend(bytes.len()).raw(bytes);
        } else if let Some(mut out) = self.begin_event(name, unix_nanos, bytes.len()) {
            out.raw(bytes);
        }
        true
    }
}
