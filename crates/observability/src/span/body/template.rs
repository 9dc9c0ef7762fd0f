//! Attributes that are the same in many spans, encoded once.
//!
//! Position: kept by a call site of `#[trace_function]`, copied into each of its spans.
//!
//! Invariant: the bytes are those that setting the attributes one by one gives, because that is how
//! they are made; where limits or other rules about secrets would change them, they
//! are not used.

use super::SpanBody;
use crate::span::{SpanLimits, Value, keys::SeenKeys, redaction};

/// Encoded attributes.
#[derive(Debug)]
pub(crate) struct Template {
    /// How many attributes were given.
    pub(crate) given: usize,
    bytes: Vec<u8>,
    seen_keys: SeenKeys,
    kept: u32,
    /// A value length that cuts none of them.
    value_length: usize,
    /// The rules by which they were shown.
    rules: usize,
}

impl Template {
    /// `None` where one of them is dropped, or may be cut at a length that is not known here.
    pub(crate) fn of(attributes: &[(&str, Value<'_>)]) -> Option<Self> {
        let mut value_length = 0;
        for (_, value) in attributes {
            match value {
                Value::Str(text) => value_length = value_length.max(text.len()),
                Value::I64(_) | Value::F64(_) | Value::Bool(_) => {}
                _ => return None,
            }
        }
        let rules = redaction::generation_to_remember();
        let mut body = SpanBody::default();
        body.set_attributes(attributes);
        (body.attributes.dropped == 0).then(|| Self {
            given: attributes.len(),
            bytes: body.buffer.as_slice().to_vec(),
            seen_keys: body.seen_keys,
            kept: body.attributes.kept,
            value_length,
            rules,
        })
    }

    fn fits(&self, limits: &SpanLimits) -> bool {
        self.kept <= limits.attributes
            && self.value_length <= limits.value_length
            && self.rules == redaction::generation()
    }
}

impl SpanBody {
    /// Sets what is known at the start, of which the first ones may be encoded already.
    pub(crate) fn set_first_attributes(
        &mut self,
        template: Option<&Template>,
        attributes: &[(&str, Value<'_>)],
    ) {
        let template = template.filter(|template| template.fits(self.limits));
        let rest = template.and_then(|template| attributes.get(template.given..));
        if let (Some(template), Some(rest)) = (template, rest) {
            self.buffer
                .extend(template.bytes.len())
                .raw(&template.bytes);
            self.seen_keys = template.seen_keys;
            self.attributes.kept = template.kept;
            self.set_attributes(rest);
        } else {
            self.set_attributes(attributes);
        }
    }
}
