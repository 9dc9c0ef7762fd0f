//! Which exception a span was told of last, and exception events without the secrets of URLs.
//!
//! Position: a field of [`super::body`], through which every exception event passes, whoever adds it.
//!
//! Invariant: nothing is kept but two hashes.

use super::{Value, url::redact_urls};
use crate::semconv::attribute::{EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE, EXCEPTION_TYPE};
use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// The attributes of an event.
type Attributes<'a, 'k, 'v> = &'a [(&'k str, Value<'v>)];

/// The last exception of a span, if there was one.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LastException(Option<Told>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Told {
    /// `None` for a type that stands for any: a box of an error and the error in it are the same.
    kind: Option<u64>,
    message: u64,
}

impl Told {
    fn new(kind: &str, message: &str) -> Self {
        let stands_for_any =
            kind.is_empty() || kind.contains("dyn ") || kind.ends_with("anyhow::Error");
        Self {
            kind: (!stands_for_any).then(|| hash(kind)),
            message: hash(message),
        }
    }
}

impl LastException {
    /// Whether the last exception was of that type and said that.
    pub(super) fn is(self, kind: &str, message: Option<&str>) -> bool {
        let asked = Told::new(kind, message.unwrap_or_default());
        self.0.is_some_and(|told| {
            let is_same_kind = match (told.kind, asked.kind) {
                (Some(told), Some(asked)) => told == asked,
                _ => true,
            };
            is_same_kind && told.message == asked.message
        })
    }

    /// Notes an exception event and returns what of it is recorded.
    #[cold]
    pub(super) fn note<'a, 'k, 'v>(
        &mut self,
        attributes: Attributes<'a, 'k, 'v>,
    ) -> Cow<'a, [(&'k str, Value<'v>)]> {
        let text = |key| text_of(attributes, key).unwrap_or_default();
        self.0 = Some(Told::new(text(EXCEPTION_TYPE), text(EXCEPTION_MESSAGE)));
        let mut recorded = Cow::Borrowed(attributes);
        for (at, (key, value)) in attributes.iter().enumerate() {
            if let (&(EXCEPTION_MESSAGE | EXCEPTION_STACKTRACE), Value::Str(text)) = (key, value)
                && let Cow::Owned(clean) = redact_urls(text)
            {
                recorded.to_mut()[at].1 = clean.into();
            }
        }
        recorded
    }
}

fn text_of<'a>(attributes: Attributes<'a, '_, '_>, wanted: &str) -> Option<&'a str> {
    attributes
        .iter()
        .rev()
        .find_map(|(key, value)| match value {
            Value::Str(text) if *key == wanted => Some(&**text),
            _ => None,
        })
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
