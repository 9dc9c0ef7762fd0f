//! The attributes of a call site, encoded as far as they are the same in all of its spans.
//!
//! Position: kept by a call site of `span!` or `#[trace_function]` and by helpers of the layers, written into
//! each of their spans.
//!
//! Invariant: the bytes are those that setting the attributes one by one gives: where limits, other
//! rules about secrets or a long value would change them, the attributes are set so.

use super::{ATTRIBUTE, KnownKey, SpanBody};
use crate::span::{
    SpanLimits, Value,
    keys::SeenKeys,
    redaction,
    short::{Short, is_short_key},
    words::hash,
};

/// The attributes of the spans of a call site.
#[derive(Debug)]
pub(crate) struct Template {
    /// Those that are the same in all spans.
    fixed: Vec<(&'static str, Value<'static>)>,
    encoded: Option<Encoding>,
}

/// Encoded attributes, and the keys of those whose values come with each span.
#[derive(Debug)]
struct Encoding {
    bytes: Vec<u8>,
    computed: Vec<KnownKey>,
    /// All keys.
    seen_keys: SeenKeys,
    /// How many attributes there are in all.
    count: u32,
    /// A value length that cuts none of those that are encoded.
    value_length: usize,
    /// The rules by which they were shown.
    rules: usize,
}

impl Template {
    pub(crate) fn new(
        fixed: Vec<(&'static str, Value<'static>)>,
        computed: &[&'static str],
    ) -> Self {
        Self {
            encoded: Encoding::of(&fixed, computed),
            fixed,
        }
    }

    pub(crate) fn fixed(&self) -> &[(&'static str, Value<'static>)] {
        &self.fixed
    }
}

impl Encoding {
    /// `None` where one of them is dropped, may be cut at a length that is not known here, or may be the
    /// same as another one.
    fn of(fixed: &[(&'static str, Value<'static>)], computed: &[&'static str]) -> Option<Self> {
        let rules = redaction::generation_to_remember();
        let mut body = SpanBody::default();
        body.set_attributes(fixed);
        let is_usable =
            |key: &&str| is_short_key(key) && !body.seen_keys.note(hash(key.as_bytes()));
        let mut keys = computed.iter();
        if body.attributes.dropped > 0
            || !keys.clone().all(is_usable)
            || keys.any(|key| redaction::is_denied_key(key))
        {
            return None;
        }
        Some(Self {
            bytes: body.buffer.as_slice().to_vec(),
            computed: computed.iter().copied().map(KnownKey::new).collect(),
            seen_keys: body.seen_keys,
            count: body.attributes.kept + u32::try_from(computed.len()).ok()?,
            value_length: longest(fixed)?,
            rules,
        })
    }

    fn fits(&self, limits: &SpanLimits) -> bool {
        self.count <= limits.attributes
            && self.value_length <= limits.value_length
            && self.rules == redaction::generation()
    }
}

/// The length of the longest text that is shown; `None` where a value is more than a text or a number.
fn longest(attributes: &[(&str, Value<'_>)]) -> Option<usize> {
    attributes.iter().try_fold(0, |longest, (key, value)| {
        match redaction::visible(key, value) {
            Value::Str(text) => Some(longest.max(text.len())),
            Value::I64(_) | Value::F64(_) | Value::Bool(_) => Some(longest),
            _ => None,
        }
    })
}

impl SpanBody {
    /// Sets the first attributes of a span: those of the call site, the computed ones in the order of
    /// their keys, and others.
    pub(crate) fn set_by(&mut self, template: &Template, others: &[(&str, Value<'_>)]) {
        let known = template.encoded.as_ref();
        if let Some(known) = known.filter(|known| known.fits(self.limits))
            && let Some((computed, others)) = others.split_at_checked(known.computed.len())
        {
            self.write_known(known, computed);
            self.set_attributes(others);
        } else {
            self.set_attributes(&template.fixed);
            self.set_attributes(others);
        }
    }

    fn write_known(&mut self, known: &Encoding, computed: &[(&str, Value<'_>)]) {
        if !known.bytes.is_empty() {
            self.buffer.extend(known.bytes.len()).raw(&known.bytes);
        }
        self.seen_keys = known.seen_keys;
        self.attributes.kept = known.count;
        for (key, (given, value)) in known.computed.iter().zip(computed) {
            debug_assert_eq!(key.text, *given, "computed attributes come in order");
            let is_put = match value {
                Value::Str(text) => self.put_short(key, &**text),
                Value::I64(number) => self.put_short(key, *number),
                Value::F64(number) => self.put_short(key, *number),
                Value::Bool(truth) => self.put_short(key, *truth),
                _ => false,
            };
            if !is_put {
                self.attributes.kept -= 1;
                self.set_long_attribute(key.text, value);
            }
        }
    }

    #[inline]
    fn put_short(&mut self, key: &KnownKey, value: impl Short) -> bool {
        if value.is_short(self.limits.value_length)
            && let Some(room) = self.buffer.room()
        {
            let len = key.put(room, ATTRIBUTE, |room, at| value.put(room, at));
            self.buffer.used(len);
            return true;
        }
        false
    }
}
