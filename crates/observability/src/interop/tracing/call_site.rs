//! What is known of a place in the code that makes spans or events, worked out once for each.
//!
//! Position: asked by the layer with the metadata of each span and event; from there on a field is
//! told by its number.
//!
//! Invariants: looking up takes no lock; the memory for it is bounded: what finds no place is worked out
//! anew each time.

use super::{
    Rule, Settings,
    rule::Use,
    template::{EventName, Template},
};
use crate::{SpanKind, Value, semconv::attribute};
use std::{
    ops::Deref,
    ptr,
    sync::{Arc, OnceLock},
};
use tracing_core::{Field, Metadata};

/// Places in the code that are remembered.
const PLACES: usize = 1 << 11;
/// Places that are tried for each.
const TRIES: usize = 8;

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldUse {
    /// An attribute of that key, as it comes.
    Plain(&'static str),
    /// An attribute that a rule names, in the form that the conventions ask for.
    Conventional(&'static str),
    /// The same, of the span around the event.
    OfSpan(&'static str),
    /// The error of an event or a span; an attribute of that key where it is no error.
    Error(&'static str),
    /// The text of an event.
    Message,
    /// The name of the span.
    Name,
    /// Its kind.
    Kind,
    /// Its status.
    StatusCode,
    /// What goes with the status.
    StatusDescription,
    /// How long ago a span began that an event tells of.
    Seconds,
    /// Nothing.
    Omitted,
}

/// What becomes of the spans or events themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A span is a span, an event an event.
    Recorded,
    /// An event is a span that ends with it.
    Span,
    /// Of an event only what it says of the span around it is recorded.
    OfSpan,
    /// Nothing is recorded.
    Ignored,
}

impl Fate {
    fn of(rule: &Rule) -> Self {
        match rule {
            _ if rule.is_ignored && rule.has_uses_of_span() => Self::OfSpan,
            _ if rule.is_ignored => Self::Ignored,
            _ if rule.seconds.is_some() => Self::Span,
            _ => Self::Recorded,
        }
    }
}

/// A place in the code that makes spans or events.
#[derive(Debug)]
pub(super) struct CallSite {
    pub(super) name: &'static str,
    pub(super) rename: Option<&'static str>,
    pub(super) kind: SpanKind,
    pub(super) constants: Vec<(&'static str, Value<'static>)>,
    pub(super) has_rule: bool,
    pub(super) fate: Fate,
    pub(super) event_name: EventName,
    /// Where the fields need not be gathered.
    pub(super) template: Option<Template>,
    uses: Box<[FieldUse]>,
}

impl CallSite {
    fn new(metadata: &'static Metadata<'static>, rules: &[Rule], settings: Settings) -> Self {
        let rule = rules.iter().find(|rule| rule.is_for(metadata));
        let uses: Box<[_]> = metadata
            .fields()
            .iter()
            .map(|field| use_of(field.name(), metadata, rule))
            .collect();
        let mut constants = rule.map(|rule| rule.constants.clone()).unwrap_or_default();
        if settings.has_code {
            constants.extend(code(metadata));
        }
        Self {
            name: metadata.name(),
            rename: rule.and_then(|rule| rule.rename),
            kind: rule.map(|rule| rule.kind).unwrap_or_default(),
            has_rule: rule.is_some(),
            fate: rule.map_or(Fate::Recorded, Fate::of),
            event_name: EventName::of(metadata),
            template: match rule {
                None => Template::of(metadata, &uses, &constants),
                Some(_) => None,
            },
            constants,
            uses,
        }
    }

    /// What becomes of a field of the spans or events that are made here.
    #[inline]
    pub(super) fn use_of(&self, field: &Field) -> FieldUse {
        let known = self.uses.get(field.index()).copied();
        known.unwrap_or(FieldUse::Plain(field.name()))
    }
}

fn use_of(field: &'static str, metadata: &Metadata<'_>, rule: Option<&Rule>) -> FieldUse {
    if let Some(rule) = rule {
        if rule.seconds == Some(field) {
            return FieldUse::Seconds;
        }
        match rule.use_of(field) {
            Some(Use::Attribute(key)) => return FieldUse::Conventional(key),
            Some(Use::OfSpan(key)) => return FieldUse::OfSpan(key),
            Some(Use::Error) => return FieldUse::Error(field),
            Some(Use::Omitted) => return FieldUse::Omitted,
            None => {}
        }
    }
    match field {
        "otel.name" => FieldUse::Name,
        "otel.kind" => FieldUse::Kind,
        "otel.status_code" => FieldUse::StatusCode,
        "otel.status_description" | "otel.status_message" => FieldUse::StatusDescription,
        "error" => FieldUse::Error(field),
        "message" if metadata.is_event() => FieldUse::Message,
        // What `tracing-log` knows of a record of `log` beside its text.
        "log.target" if metadata.target() == "log" => FieldUse::Plain("target"),
        "log.module_path" | "log.file" | "log.line" => FieldUse::Omitted,
        other => FieldUse::Plain(other),
    }
}

/// Where in the code it is.
fn code(metadata: &Metadata<'static>) -> impl Iterator<Item = (&'static str, Value<'static>)> {
    let file = metadata
        .file()
        .map(|file| (attribute::CODE_FILE_PATH, file.into()));
    let line = metadata
        .line()
        .map(|line| (attribute::CODE_LINE_NUMBER, line.into()));
    let module = metadata
        .module_path()
        .map(|module| ("code.module.name", module.into()));
    [file, line, module].into_iter().flatten()
}

/// The places in the code that the layer has met.
#[derive(Debug)]
pub(super) struct CallSites(Box<[OnceLock<Known>]>);

#[derive(Debug)]
struct Known {
    address: usize,
    site: Arc<CallSite>,
}

/// A place in the code, remembered or not.
pub(super) enum Found<'a> {
    Known(&'a CallSite),
    New(Arc<CallSite>),
}

impl Deref for Found<'_> {
    type Target = CallSite;

    #[inline]
    fn deref(&self) -> &CallSite {
        match self {
            Self::Known(site) => site,
            Self::New(site) => site,
        }
    }
}

impl CallSites {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(OnceLock::new).take(PLACES).collect())
    }

    /// What is known of the place that has `metadata`, which is told by its address.
    #[inline]
    pub(super) fn find(
        &self,
        metadata: &'static Metadata<'static>,
        rules: &[Rule],
        settings: Settings,
    ) -> Found<'_> {
        let address = ptr::from_ref(metadata).addr();
        match self.known(address) {
            Some(site) => Found::Known(site),
            None => self.add(address, CallSite::new(metadata, rules, settings)),
        }
    }

    #[inline]
    fn known(&self, address: usize) -> Option<&CallSite> {
        let known = places(address).map_while(|place| self.0.get(place)?.get());
        let mut same = known.filter(|known| known.address == address);
        same.next().map(|known| &*known.site)
    }

    #[cold]
    fn add(&self, address: usize, site: CallSite) -> Found<'_> {
        let site = Arc::new(site);
        for place in places(address).filter_map(|place| self.0.get(place)) {
            let site = site.clone();
            if place.set(Known { address, site }).is_ok() {
                break;
            }
        }
        Found::New(site)
    }
}

/// Where the place at `address` may be remembered.
#[inline]
fn places(address: usize) -> impl Iterator<Item = usize> {
    let first = (address >> 3).wrapping_mul(0x9e37_79b1) >> 7;
    (0..TRIES).map(move |next| (first + next) % PLACES)
}
