//! The attributes of an event or a link: which are kept, and how they are written.
//!
//! Position: between [`super::body`] and [`super::encode`].
//!
//! Invariant: nothing is collected; what is kept is found again by walking the given slice.

use super::{
    Value,
    buffer::Buffer,
    encode::{Writer, attribute_len, count_len, last_of_each_key},
    redaction::{is_hidden, visible},
    short::{self, Plain, is_short_key},
    words::hash,
};

/// The attributes of an event or a link: what is kept of them.
#[derive(Debug)]
pub(super) struct Members<'a, 'v> {
    attributes: &'a [(&'a str, Value<'v>)],
    kept: usize,
    dropped: u32,
}

impl<'a, 'v> Members<'a, 'v> {
    pub(super) fn of(attributes: &'a [(&'a str, Value<'v>)], limit: u32) -> Self {
        let distinct = last_of_each_key(attributes).count();
        let named = last_of_each_key(attributes).filter(|(key, _)| !key.is_empty());
        let kept = named.take(limit as usize).count();
        Self {
            attributes,
            kept,
            dropped: u32::try_from(distinct - kept).unwrap_or(u32::MAX),
        }
    }

    fn kept(&self) -> impl Iterator<Item = (&'a str, &'a Value<'v>)> {
        last_of_each_key(self.attributes)
            .filter(|(key, _)| !key.is_empty())
            .take(self.kept)
            .map(|(key, value)| (key, visible(key, value)))
    }

    /// With the count of what is dropped.
    pub(super) fn encoded_len(&self, limit: usize) -> usize {
        let attributes = self
            .kept()
            .map(|(key, value)| attribute_len(key.as_bytes(), value, limit));
        attributes.sum::<usize>() + count_len(self.dropped)
    }

    /// Writes the attributes as fields `tag` and the count in the field after it.
    pub(super) fn write(&self, out: &mut Writer<'_>, tag: u8, limit: usize) {
        for (key, value) in self.kept() {
            out.attribute(tag, key.as_bytes(), value, limit);
        }
        out.count(tag + 1, self.dropped);
    }
}

/// Attributes that are short, kept as they are, and differ in their keys.
#[derive(Debug)]
pub(super) struct ShortMembers<'a, 'v> {
    attributes: &'a [(&'a str, Value<'v>)],
    pub(super) encoded_len: usize,
}

impl<'a, 'v> ShortMembers<'a, 'v> {
    /// `None` when one of them is not as described.
    #[inline]
    pub(super) fn of(attributes: &'a [(&'a str, Value<'v>)], limit: usize) -> Option<Self> {
        let mut encoded_len = 0;
        for (index, (key, value)) in attributes.iter().enumerate() {
            let value = Plain::of(value).filter(|value| value.is_short(limit))?;
            let again = attributes[..index].iter().any(|(before, _)| before == key);
            if again || !is_short_key(key) || is_hidden(key, hash(key.as_bytes())) {
                return None;
            }
            encoded_len += short::attribute_len(key, value);
        }
        Some(Self {
            attributes,
            encoded_len,
        })
    }

    /// Appends them as fields `tag`.
    #[inline]
    pub(super) fn write(&self, buffer: &mut Buffer, tag: u8) {
        for (key, value) in self.attributes {
            if let Some(value) = Plain::of(value) {
                buffer.short(|room| value.put_attribute(room, tag, key));
            }
        }
    }
}
