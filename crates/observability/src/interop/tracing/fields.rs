//! The fields of a span or an event, gathered from a visitor before they are written to the span.
//!
//! Position: filled by `tracing` through [`Gather`], with the [`CallSite`] saying what becomes of each;
//! read by the layer. What a sampler and a start hook see of a span is this.
//!
//! Invariants:
//! - in the steady state nothing is allocated: values lie in one list, texts in one buffer, which a
//!   thread uses again;
//! - code of the program's that runs meanwhile may itself make spans and events: those use another
//!   buffer.

use super::{
    call_site::{CallSite, FieldUse},
    text::{MAX_TEXT_BYTES, Place, Texts},
};
use crate::{
    SpanKind, Status, Value,
    semconv::Naming,
    span::{Encoded, SpanBody},
};
use std::{array::from_fn, cell::Cell, error::Error, fmt::Debug, mem::swap, thread::LocalKey};
use tracing_core::{Field, field::Visit};

/// Fields that are kept for a parent that may be named yet.
const MAX_KEPT: usize = 256;

/// A value whose text lies elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gathered {
    Bool(bool),
    I64(i64),
    F64(f64),
    Text(Place),
    Static(&'static str),
    /// What is none of these, by its number.
    Other(usize),
}

/// What is recorded of an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) message: Place,
    pub(super) causes: Place,
}

/// The fields of a span or an event.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The number of a layer and the span of its that the fields are of.
    pub(super) owner: Option<(u64, u64)>,
    pub(super) texts: Texts,
    values: Vec<(&'static str, Gathered)>,
    /// Attributes of the span that an event belongs to.
    of_span: Vec<(&'static str, Gathered)>,
    others: Vec<Value<'static>>,
    pub(super) special: Special,
    /// Whether a rule says what the fields are, so that their names follow the conventions.
    is_conventional: bool,
    /// The attributes, where a template could encode them as they came.
    pub(super) encoded: Encoded,
}

/// What is said in fields that are no attributes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Special {
    pub(super) name: Option<Place>,
    pub(super) kind: Option<SpanKind>,
    pub(super) message: Option<Place>,
    pub(super) failure: Option<Failure>,
    pub(super) seconds: f64,
    is_ok: bool,
    is_error: bool,
    description: Option<Place>,
}

/// Where a thread keeps fields between two uses.
pub(super) type Kept = Cell<Option<Box<Fields>>>;

/// Lends the fields that are kept at `place`, or new ones while those are in use.
pub(super) fn with_fields<R>(
    place: &'static LocalKey<Kept>,
    work: impl FnOnce(&mut Fields) -> R,
) -> R {
    let kept = place.try_with(Cell::take).ok().flatten();
    let mut fields = kept.unwrap_or_default();
    let result = work(&mut fields);
    fields.encoded.release_memory();
    // At the end of a thread there may be no place any more.
    let _kept = place.try_with(|place| place.set(Some(fields))).is_ok();
    result
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.owner = None;
        self.texts.clear();
        self.values.clear();
        self.of_span.clear();
        self.others.clear();
        self.special = Special::default();
        self.is_conventional = false;
    }

    /// Whether there is so much that no more is kept for a parent that may be named yet.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= MAX_KEPT || self.texts.len() >= MAX_TEXT_BYTES
    }

    #[inline]
    pub(super) fn push(&mut self, key: &'static str, value: Gathered) {
        self.values.push((key, value));
    }

    /// Sets what may be there already.
    pub(super) fn set(&mut self, key: &'static str, value: Gathered) {
        match self.values.iter_mut().find(|(known, _)| *known == key) {
            Some((_, before)) => *before = value,
            None => self.push(key, value),
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.values.retain(|(known, _)| *known != key);
    }

    pub(super) fn find(&self, key: &str) -> Option<Value<'_>> {
        let found = self.values.iter().find(|(known, _)| *known == key)?;
        Some(self.value(found.1))
    }

    #[inline]
    fn value(&self, gathered: Gathered) -> Value<'_> {
        match gathered {
            Gathered::Bool(value) => Value::Bool(value),
            Gathered::I64(value) => Value::I64(value),
            Gathered::F64(value) => Value::F64(value),
            Gathered::Text(place) => Value::Str(self.texts.get(place).into()),
            Gathered::Static(text) => Value::Str(text.into()),
            Gathered::Other(number) => self.others.get(number).cloned().unwrap_or(Value::Empty),
        }
    }

    /// Takes a value of any kind.
    pub(super) fn push_value(&mut self, key: &'static str, value: Value<'static>) {
        self.push(key, Gathered::Other(self.others.len()));
        self.others.push(value);
    }

    /// The attributes, each as it came.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, Value<'_>)> {
        self.values
            .iter()
            .map(|(key, value)| (*key, self.value(*value)))
    }

    /// Writes the attributes to a span.
    #[inline]
    pub(super) fn write_to(&self, body: &mut SpanBody) {
        if self.has_other_names(body.naming) {
            let attributes = self.renamed(body.naming);
            return attributes
                .iter()
                .for_each(|(key, value)| body.set_attribute(key, value));
        }
        for (key, value) in &self.values {
            match *value {
                Gathered::Bool(value) => body.set_short(key, value),
                Gathered::I64(value) => body.set_short(key, value),
                Gathered::F64(value) => body.set_short(key, value),
                Gathered::Text(place) => body.set_short(key, self.texts.get(place)),
                Gathered::Static(text) => body.set_short(key, text),
                Gathered::Other(_) => body.set_attribute(key, &self.value(*value)),
            }
        }
    }

    fn has_other_names(&self, naming: Naming) -> bool {
        self.is_conventional && !naming.is_usual()
    }

    /// The attributes under the names that the conventions have for them.
    #[cold]
    fn renamed(&self, naming: Naming) -> Vec<(&'static str, Value<'_>)> {
        let mut renamed = Vec::new();
        for (key, value) in self.each() {
            renamed.extend(naming.names(key).map(|name| (name, value.clone())));
        }
        renamed
    }

    /// Hands on all attributes, mostly without taking memory for it.
    #[inline]
    pub(super) fn with_attributes<R>(
        &self,
        naming: Naming,
        work: impl FnOnce(&[(&str, Value<'_>)]) -> R,
    ) -> R {
        match self.values.len() {
            _ if self.has_other_names(naming) => work(&self.renamed(naming)),
            0..=4 => self.with_at_most::<4, R>(work),
            5..=8 => self.with_at_most::<8, R>(work),
            _ => work(&self.each().collect::<Vec<_>>()),
        }
    }

    fn with_at_most<const N: usize, R>(&self, work: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R {
        let mut each = self.each();
        let attributes: [_; N] = from_fn(|_| each.next().unwrap_or(("", Value::Empty)));
        work(attributes.get(..self.values.len()).unwrap_or_default())
    }

    /// Works on the attributes of the span around an event as if they were those of the event.
    pub(super) fn for_span(&mut self, work: impl FnOnce(&mut Self)) {
        swap(&mut self.values, &mut self.of_span);
        work(self);
        swap(&mut self.values, &mut self.of_span);
    }

    /// The attributes of the span around an event.
    pub(super) fn each_of_span(&self) -> impl Iterator<Item = (&'static str, Value<'_>)> {
        self.of_span
            .iter()
            .map(|(key, value)| (*key, self.value(*value)))
    }

    /// Gathers what a place in the code says of itself and what `visit` is shown.
    #[inline]
    pub(super) fn gather(&mut self, site: &CallSite, visit: impl FnOnce(&mut Gather<'_>)) {
        visit(&mut Gather { fields: self, site });
        for (key, value) in &site.constants {
            self.push_value(key, value.clone());
        }
        if site.has_rule {
            self.is_conventional = true;
            self.complete(site);
        }
    }

    /// Gathers what is said of a span after its start.
    pub(super) fn gather_late(&mut self, site: &CallSite, visit: impl FnOnce(&mut Gather<'_>)) {
        visit(&mut Gather { fields: self, site });
        if site.has_rule {
            self.is_conventional = true;
            self.complete_late(site);
        }
    }

    /// Whether the fields speak of how it ended.
    #[inline]
    pub(super) fn has_outcome(&self) -> bool {
        let said = &self.special;
        said.failure.is_some() || said.description.is_some() || said.is_ok || said.is_error
    }

    /// Has the fields say nothing of how it ended.
    pub(super) fn forget_outcome(&mut self) {
        let said = &mut self.special;
        (said.failure, said.description) = (None, None);
        (said.is_ok, said.is_error) = (false, false);
    }

    /// The status that the fields ask for.
    pub(super) fn status(&self) -> Status<'_> {
        let description = self.special.description.map(|place| self.texts.get(place));
        match description {
            _ if self.special.is_ok => Status::Ok,
            Some(text) => Status::error(text),
            None if self.special.is_error => Status::error(""),
            None => Status::Unset,
        }
    }

    #[inline]
    fn take(&mut self, what: FieldUse, value: Gathered) {
        match what {
            FieldUse::Plain(key) => self.push(key, value),
            FieldUse::Omitted => {}
            special => self.take_special(special, value),
        }
    }

    #[cold]
    fn take_special(&mut self, what: FieldUse, value: Gathered) {
        match (what, value) {
            (FieldUse::Conventional(key), value) => self.push_conventional(key, value),
            (FieldUse::OfSpan(key), value) => {
                self.for_span(|fields| fields.push_conventional(key, value));
            }
            (FieldUse::Error(_), Gathered::Text(message)) if self.special.failure.is_none() => {
                self.fail(message, Place::default());
            }
            (FieldUse::Error(key), value) => {
                self.special.is_error |= matches!(value, Gathered::Bool(true));
                self.push(key, value);
            }
            (FieldUse::Message, Gathered::Text(text)) => self.special.message = Some(text),
            (FieldUse::Name, Gathered::Text(text)) => self.special.name = Some(text),
            (FieldUse::Kind, Gathered::Text(text)) => {
                self.special.kind = kind_named(self.texts.get(text));
            }
            (FieldUse::StatusCode, Gathered::Text(text)) => self.take_status(text),
            (FieldUse::StatusDescription, Gathered::Text(text)) => {
                self.special.description = Some(text);
            }
            (FieldUse::Seconds, Gathered::F64(seconds)) => self.special.seconds = seconds,
            _ => {}
        }
    }

    fn fail(&mut self, message: Place, causes: Place) {
        self.special.failure = Some(Failure { message, causes });
    }

    /// `ok` and `error`, in whatever case, or as the API's own type prints itself.
    fn take_status(&mut self, text: Place) {
        let word = self.texts.get(text);
        let begins = |with: &str| {
            let start = word.get(..with.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        (self.special.is_ok, self.special.is_error) = (begins("ok"), begins("error"));
    }
}

/// The kind that a word stands for.
pub(super) fn kind_named(word: &str) -> Option<SpanKind> {
    const KINDS: [(&str, SpanKind); 5] = [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ];
    let found = KINDS
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name));
    found.map(|(_, kind)| *kind)
}

/// Gathers the fields of what a place in the code makes.
pub(super) struct Gather<'a> {
    fields: &'a mut Fields,
    site: &'a CallSite,
}

impl Gather<'_> {
    #[inline]
    fn take(&mut self, field: &Field, value: Gathered) {
        self.fields.take(self.site.use_of(field), value);
    }
}

impl Visit for Gather<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, Gathered::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, Gathered::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = match i64::try_from(value) {
            Ok(value) => Gathered::I64(value),
            Err(_) => Gathered::Text(self.fields.texts.write(format_args!("{value}"))),
        };
        self.take(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, Gathered::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = Gathered::Text(self.fields.texts.push(value));
        self.take(field, value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        if let FieldUse::Plain(key) = self.site.use_of(field) {
            self.fields
                .push_value(key, Value::Bytes(value.to_vec().into()));
        }
    }

    /// Of several errors the first is the one that failed; the others are attributes.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let texts = &mut self.fields.texts;
        let message = texts.write(format_args!("{value}"));
        if self.fields.special.failure.is_some() {
            return self.take(field, Gathered::Text(message));
        }
        let causes = texts.write_causes(value);
        self.fields.fail(message, causes);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.site.use_of(field) != FieldUse::Omitted {
            let text = self.fields.texts.write(format_args!("{value:?}"));
            self.take(field, Gathered::Text(text));
        }
    }
}
