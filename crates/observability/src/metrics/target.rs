//! The resource as the labels of `target_info`: who it is that the metrics are of.
//!
//! Position: the first metric of each rendered text.
//!
//! Invariant: no two labels have the same name, and each name is valid.
//!
//! Source: OpenTelemetry specification, "Prometheus and `OpenMetrics` Compatibility", "Resource Attributes" and
//! "Metric Attributes".

use crate::export::{AnyValue, decode_resource, plain_text};
use std::collections::{BTreeMap, btree_map::Entry};

/// The labels for an encoded resource.
pub(super) fn labels(resource: &[u8]) -> Vec<(String, String)> {
    // What the recorder encodes can be decoded.
    labels_of(decode_resource(resource).unwrap_or_default().attributes)
}

/// The values of keys that give the same label are one, with a semicolon between them, in the order of the keys.
fn labels_of(mut attributes: Vec<(String, AnyValue)>) -> Vec<(String, String)> {
    attributes.sort_by(|(key, _), (other, _)| key.cmp(other));
    let mut labels = BTreeMap::<String, String>::new();
    for (key, value) in attributes {
        match labels.entry(name(&key)) {
            Entry::Vacant(free) => {
                free.insert(plain_text(&value));
            }
            Entry::Occupied(mut taken) => {
                let taken = taken.get_mut();
                taken.push(';');
                taken.push_str(&plain_text(&value));
            }
        }
    }
    labels.into_iter().collect()
}

/// What is not a letter, a digit or an underscore becomes an underscore, and several in a row become one.
fn name(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 1);
    for letter in key.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_valid_names_and_those_that_become_the_same_are_one() {
        let text = |text: &str| AnyValue::String(text.to_owned());
        let attributes = [
            ("zone_name", text("last")),
            ("service.name", text("memory")),
            ("zone-name", text("first")),
            ("process.pid", AnyValue::Int(7)),
            (
                "queue..shards",
                AnyValue::Array(vec![AnyValue::Int(1), text("a")]),
            ),
            ("9 lives", AnyValue::Bool(true)),
            ("ratio", AnyValue::Double(f64::NAN)),
            ("größe", AnyValue::Empty),
            ("", text("nameless")),
        ];
        let attributes = attributes.map(|(key, value)| (key.to_owned(), value));
        let labels = labels_of(attributes.into());
        let shown: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let expected = [
            "_=nameless",
            "_9_lives=true",
            "gr_e=",
            "process_pid=7",
            "queue_shards=[1,\"a\"]",
            "ratio=NaN",
            "service_name=memory",
            "zone_name=first;last",
        ];
        assert_eq!(shown, expected);
    }
}
