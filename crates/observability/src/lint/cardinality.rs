//! Values that hardly ever repeat, which make groups of one span each.
//!
//! Source: the guide, "Attribute guidelines": keep cardinality low.

use super::{Finding, Rule};
use crate::{AnyValue, SpanRecord};
use std::collections::{BTreeMap, HashSet};

/// From this many spans on, it can be told whether values repeat.
const ENOUGH: usize = 100;
/// Keys whose values are unique by their nature, as the semantic conventions define them.
const UNIQUE: &[&str] = &[
    "client.address",
    "db.query.text",
    "db.statement",
    "graph.start_concept",
    "http.target",
    "http.url",
    "memory.query_preview",
    "network.peer.address",
    "thread.name",
    "url.full",
    "url.path",
    "url.query",
    "user_agent.original",
];

/// Whether a key says that its value is an id.
pub(super) fn is_id_key(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    last == "id" || last.ends_with("_id")
}

pub(super) fn check(spans: &[SpanRecord], findings: &mut Vec<Finding>) {
    let mut by_key: BTreeMap<(&str, &str), Vec<(&SpanRecord, &str)>> = BTreeMap::new();
    for span in spans {
        for (key, value) in &span.attributes {
            match value {
                AnyValue::String(text) if !is_unique_by_nature(key) => {
                    by_key
                        .entry((&span.name, key))
                        .or_default()
                        .push((span, text));
                }
                _ => {}
            }
        }
    }
    for ((_, key), values) in by_key {
        if let Some((span, why)) = judge(&values) {
            let detail = format!("the values of {key:?} {why}");
            findings.push(Finding::new(Rule::HighCardinality, span, key, detail));
        }
    }
}

fn is_unique_by_nature(key: &str) -> bool {
    is_id_key(key) || UNIQUE.contains(&key)
}

fn judge<'a>(values: &[(&'a SpanRecord, &str)]) -> Option<(&'a SpanRecord, String)> {
    let first = values
        .iter()
        .min_by_key(|(span, _)| (span.start_unix_nanos, span.span_id));
    if let Some((span, _)) = values.iter().find(|(_, text)| is_uuid(text)) {
        return Some((span, "are unique ids".to_owned()));
    }
    let distinct: HashSet<&str> = values.iter().map(|(_, text)| *text).collect();
    let unique = values.len() >= ENOUGH && distinct.len() * 10 >= values.len() * 9;
    let why = || format!("are {} in {} spans", distinct.len(), values.len());
    first.filter(|_| unique).map(|(span, _)| (*span, why()))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
