//! What lets the fields of a place in the code be encoded as they come, without being gathered first.
//!
//! Position: made once for each [`super::call_site::CallSite`] that allows it; filled by `tracing` through
//! [`Encode`]; the span takes over what comes out.
//!
//! Invariant: what is not an attribute, or has to be seen as a whole, is refused: then the fields are
//! gathered, as everywhere else.

use super::{
    call_site::FieldUse,
    fields::{Fields, kind_named},
    text::{MAX_TEXT_BYTES, Place, Texts},
};
use crate::{
    SpanKind, Value,
    semconv::event,
    span::{Encoded, KeySet, KnownKey, Short},
};
use std::{error::Error, fmt::Debug};
use tracing_core::{Field, Metadata, field::Visit, span::Attributes};

/// Fields in the tables of protobuf: of a span, and of an event.
const ATTRIBUTE: u8 = 9;
const ATTRIBUTE_OF_EVENT: u8 = 3;
/// Fields that one number can tell apart.
const MAX_FIELDS: usize = 64;
/// Begins the name of an event that was given none.
const UNNAMED: &str = "event ";
/// What `#[instrument(ret)]` tells of.
const RETURN: &str = "return";

/// How the fields of a place in the code are encoded.
#[derive(Debug)]
pub(super) struct Template {
    keys: KeySet,
    uses: Box<[Use]>,
    /// Which field says the kind of the span.
    kind: Option<usize>,
    tag: u8,
    before: Encoded,
    after: Encoded,
    /// The text of an event that has a name.
    message: KnownKey,
    /// The longest of the texts that are encoded already.
    longest: usize,
}

#[derive(Debug, Clone, Copy)]
enum Use {
    Attribute(KnownKey),
    Message,
    Nothing,
    /// Something that the fields have to be gathered for.
    Other,
}

/// How an event is named.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventName {
    /// The name that it was given.
    pub(super) given: Option<&'static str>,
    /// The name without that and without a message.
    pub(super) otherwise: &'static str,
}

impl EventName {
    pub(super) fn of(metadata: &'static Metadata<'static>) -> Self {
        let returns = metadata.fields().iter().any(|field| field.name() == RETURN);
        Self {
            given: Some(metadata.name()).filter(|name| !name.starts_with(UNNAMED)),
            otherwise: if returns { RETURN } else { metadata.target() },
        }
    }

    /// The name of an event with these fields.
    pub(super) fn choose<'a>(&self, fields: &'a Fields) -> &'a str {
        let message = || fields.special.message.map(|text| fields.texts.get(text));
        self.given.or_else(message).unwrap_or(self.otherwise)
    }
}

impl Template {
    /// `None` where the fields have a meaning beyond that of attributes.
    pub(super) fn of(
        metadata: &'static Metadata<'static>,
        uses: &[FieldUse],
        constants: &[(&'static str, Value<'static>)],
    ) -> Option<Self> {
        let is_event = metadata.is_event();
        if uses.len() > MAX_FIELDS || metadata.name() == event::EXCEPTION {
            return None;
        }
        let kind = uses.iter().position(|what| *what == FieldUse::Kind);
        let uses = uses.iter().map(|what| Use::of(*what, is_event));
        let uses = uses.collect::<Option<Box<[Use]>>>()?;
        let before: &[(&str, Value<'_>)] = &[
            ("level", metadata.level().as_str().into()),
            ("target", metadata.target().into()),
        ];
        let before = if is_event { before } else { &[] };
        let tag = if is_event {
            ATTRIBUTE_OF_EVENT
        } else {
            ATTRIBUTE
        };
        let mut keys = Vec::new();
        let mut longest = 0;
        let mut encoded = |constants: &[(&'static str, Value<'static>)]| {
            let mut encoded = Encoded::default();
            for (key, value) in constants {
                let key = KnownKey::new(key);
                keys.push(key);
                match value {
                    Value::Str(text) => {
                        longest = longest.max(text.len());
                        encoded.push_text(tag, &key, text, usize::MAX);
                    }
                    Value::I64(number) => encoded.push(tag, &key, *number),
                    _ => return None,
                }
            }
            Some(encoded)
        };
        let (before, after) = (encoded(before)?, encoded(constants)?);
        let message = KnownKey::new("message");
        keys.extend(uses.iter().filter_map(|what| match what {
            Use::Attribute(key) => Some(*key),
            Use::Message => Some(message),
            _ => None,
        }));
        Some(Self {
            keys: KeySet::of(&keys)?,
            uses,
            kind: kind.filter(|_| !is_event),
            tag,
            before,
            after,
            message,
            longest,
        })
    }

    /// Whether spans have neither fields nor anything else to encode.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.uses.is_empty() && self.after.is_empty()
    }

    /// The kind that a span is given by its fields, which has to be known before it starts.
    #[inline]
    pub(super) fn kind(&self, attributes: &Attributes<'_>, texts: &mut Texts) -> Option<SpanKind> {
        let field = self.kind?;
        texts.clear();
        let mut of_span = KindOfSpan {
            field,
            texts,
            kind: None,
        };
        attributes.record(&mut of_span);
        of_span.kind
    }

    /// Encodes what `visit` is shown; `false`: the fields have to be gathered.
    #[inline]
    pub(super) fn encode(
        &self,
        fields: &mut Fields,
        limit: usize,
        visit: impl FnOnce(&mut Encode<'_>),
    ) -> bool {
        if !self.keys.holds() || self.longest > limit {
            return false;
        }
        fields.texts.clear();
        fields.special.message = None;
        fields.encoded.restart(&self.before);
        let mut encode = Encode {
            template: self,
            encoded: &mut fields.encoded,
            texts: &mut fields.texts,
            message: &mut fields.special.message,
            limit,
            seen: 0,
            is_whole: true,
        };
        visit(&mut encode);
        let is_whole = encode.is_whole;
        fields.encoded.append(&self.after);
        is_whole
    }

    /// Makes the text of an event an attribute.
    pub(super) fn add_message(&self, fields: &mut Fields, limit: usize) {
        if let Some(message) = fields.special.message {
            let text = fields.texts.get(message);
            let encoded = &mut fields.encoded;
            encoded.push_text(self.tag, &self.message, text, limit);
        }
    }

    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }
}

impl Use {
    /// `None` for what has to be known before a span starts, and for what takes others to be known.
    fn of(what: FieldUse, is_event: bool) -> Option<Self> {
        match what {
            FieldUse::Plain(key) => Some(Self::Attribute(KnownKey::new(key))),
            FieldUse::Message => Some(Self::Message),
            FieldUse::Name | FieldUse::Kind if is_event => Some(Self::Other),
            // The kind is told when the span starts.
            FieldUse::Kind | FieldUse::Omitted => Some(Self::Nothing),
            FieldUse::Error(_) | FieldUse::StatusCode | FieldUse::StatusDescription => {
                Some(Self::Other)
            }
            _ => None,
        }
    }
}

/// Looks at the field that says the kind of a span.
struct KindOfSpan<'a> {
    field: usize,
    texts: &'a mut Texts,
    kind: Option<SpanKind>,
}

impl Visit for KindOfSpan<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.index() == self.field {
            self.kind = kind_named(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.index() == self.field {
            let word = self.texts.write(format_args!("{value:?}"));
            self.kind = kind_named(self.texts.get(word));
        }
    }
}

/// Encodes the fields of what a place in the code makes.
pub(super) struct Encode<'a> {
    template: &'a Template,
    encoded: &'a mut Encoded,
    texts: &'a mut Texts,
    message: &'a mut Option<Place>,
    limit: usize,
    /// A bit for each field that has come.
    seen: u64,
    is_whole: bool,
}

impl<'a> Encode<'a> {
    #[inline]
    fn what(&self, field: &Field) -> &'a Use {
        let known = self.template.uses.get(field.index());
        known.unwrap_or(&Use::Other)
    }

    /// Takes a value that owns nothing.
    #[inline]
    fn take(&mut self, field: &Field, value: impl Short) {
        match self.what(field) {
            Use::Attribute(key) => {
                self.note(field);
                self.encoded.push(self.template.tag, key, value);
            }
            Use::Nothing => {}
            Use::Message | Use::Other => self.is_whole = false,
        }
    }

    /// A field that comes again counts as it came last, for which the fields have to be gathered.
    #[inline]
    fn note(&mut self, field: &Field) {
        let bit = 1 << (field.index() % MAX_FIELDS);
        self.is_whole &= self.seen & bit == 0;
        self.seen |= bit;
    }
}

impl Visit for Encode<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.take(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.what(field) {
            Use::Message => *self.message = Some(self.texts.push(value)),
            Use::Attribute(key) if value.len() <= MAX_TEXT_BYTES => {
                self.note(field);
                self.encoded
                    .push_text(self.template.tag, key, value, self.limit);
            }
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_bytes(&mut self, _: &Field, _: &[u8]) {
        self.is_whole = false;
    }

    fn record_error(&mut self, _: &Field, _: &(dyn Error + 'static)) {
        self.is_whole = false;
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = match self.what(field) {
            Use::Nothing => return,
            Use::Other => {
                self.is_whole = false;
                return;
            }
            Use::Message | Use::Attribute(_) => self.texts.write(format_args!("{value:?}")),
        };
        match self.what(field) {
            Use::Attribute(key) => {
                self.note(field);
                let text = self.texts.get(text);
                self.encoded
                    .push_text(self.template.tag, key, text, self.limit);
            }
            _ => *self.message = Some(text),
        }
    }
}
