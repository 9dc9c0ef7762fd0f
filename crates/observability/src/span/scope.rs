//! The instrumentation scopes of the process, each known by a number.
//!
//! Position: named by tracers, encoded once per request by the export side.
//!
//! Invariants:
//! - at most [`MAX_SCOPES`] are kept, since names may come from data; later ones share the last
//!   number, which is said once;
//! - there is no lock, which the child of a fork could find held for ever.

use super::{
    Value,
    encode::{Writer, attribute_len, put_message},
    redaction::visible,
};
use crate::{
    diagnostics::{self, Topic},
    recorder::AtomicStatic,
};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const MAX_SCOPES: usize = 4096;

static SCOPES: [AtomicStatic<InstrumentationScope>; MAX_SCOPES] =
    [const { AtomicStatic::none() }; MAX_SCOPES];

/// Who makes spans: a library or a module.
#[derive(Debug)]
pub(crate) struct InstrumentationScope {
    name: String,
    version: String,
    schema_url: String,
    /// The encoded attributes, which tell scopes of one name from each other.
    attributes: Vec<u8>,
    encoded: Vec<u8>,
}

impl InstrumentationScope {
    /// The number of a scope; what is empty was not given.
    pub(crate) fn intern(name: &str, version: &str, schema_url: &str) -> u32 {
        Self::intern_with(name, version, schema_url, &[])
    }

    /// The number of a scope that says more about itself.
    pub(crate) fn intern_with(
        name: &str,
        version: &str,
        schema_url: &str,
        attributes: &[(&str, Value<'_>)],
    ) -> u32 {
        let attributes = encoded_attributes(attributes);
        let same = |scope: &Self| {
            scope.name == name
                && scope.version == version
                && scope.schema_url == schema_url
                && scope.attributes == attributes
        };
        let number = SCOPES.iter().position(|place| {
            let found = place.get().unwrap_or_else(|| {
                let leaked = Self::leak(name, version, schema_url, attributes.clone());
                place.get_or_set(leaked)
            });
            same(found)
        });
        u32::try_from(number.unwrap_or_else(Self::shared)).unwrap_or(u32::MAX)
    }

    /// The number of all for which there is no place.
    #[cold]
    fn shared() -> usize {
        static SAID: AtomicBool = AtomicBool::new(false);
        if !SAID.swap(true, Ordering::Relaxed) {
            let message = "more than 4096 tracers: the later ones share a name, and no filter is \
                           asked about them; is a name made from data?";
            diagnostics::warn(Topic::SetUp, format_args!("{message}"));
        }
        MAX_SCOPES - 1
    }

    /// Whether the number may stand for more than one.
    pub(super) fn is_shared(number: u32) -> bool {
        number as usize == MAX_SCOPES - 1
    }

    fn leak(name: &str, version: &str, schema_url: &str, attributes: Vec<u8>) -> &'static Self {
        let mut encoded = Vec::new();
        put_message(&mut encoded, 1, name.as_bytes());
        if !version.is_empty() {
            put_message(&mut encoded, 2, version.as_bytes());
        }
        encoded.extend_from_slice(&attributes);
        Box::leak(Box::new(Self {
            name: name.to_owned(),
            version: version.to_owned(),
            schema_url: schema_url.to_owned(),
            attributes,
            encoded,
        }))
    }

    fn get(number: u32) -> Option<&'static Self> {
        SCOPES.get(number as usize).and_then(AtomicStatic::get)
    }

    /// The name that belongs to a number.
    pub(super) fn name(number: u32) -> &'static str {
        let scope = Self::get(number);
        scope.map(|scope| scope.name.as_str()).unwrap_or_default()
    }

    /// Where the names of a number's attributes are defined; empty where nobody says.
    pub(crate) fn schema_url(number: u32) -> &'static str {
        let scope = Self::get(number);
        scope
            .map(|scope| scope.schema_url.as_str())
            .unwrap_or_default()
    }

    /// The OTLP `InstrumentationScope` message of a number.
    pub(crate) fn encoded(number: u32) -> &'static [u8] {
        let scope = Self::get(number);
        scope
            .map(|scope| scope.encoded.as_slice())
            .unwrap_or_default()
    }
}

/// The fields of the OTLP `InstrumentationScope` message that hold its attributes.
fn encoded_attributes(attributes: &[(&str, Value<'_>)]) -> Vec<u8> {
    const ATTRIBUTES: u8 = 3;
    let mut encoded = Vec::new();
    for (key, value) in attributes {
        let (key, value) = (key.as_bytes(), visible(key, value));
        let start = encoded.len();
        encoded.resize(start + attribute_len(key, value, usize::MAX), 0);
        Writer::new(&mut encoded[start..]).attribute(ATTRIBUTES, key, value, usize::MAX);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scopes_share_a_number_also_when_interned_at_once() {
        let intern = || {
            [("a", ""), ("a", "1"), ("b", "")].map(|(n, v)| InstrumentationScope::intern(n, v, ""))
        };
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(all.iter().all(|numbers| *numbers == all[0]));
        assert_eq!(
            InstrumentationScope::encoded(all[0][1]),
            b"\x0a\x01a\x12\x011"
        );
        let with_schema = InstrumentationScope::intern("a", "1", "https://schema");
        assert_ne!(with_schema, all[0][1]);
        assert_eq!(
            InstrumentationScope::schema_url(with_schema),
            "https://schema"
        );
        assert_eq!(InstrumentationScope::schema_url(all[0][1]), "");
    }
}
