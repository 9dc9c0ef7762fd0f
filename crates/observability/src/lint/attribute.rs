//! Keys of attributes: dotted, in lower case with underscores, and specific; those of events and links too.
//!
//! Invariant: what this crate itself records has no findings: the events that the guide names keep its
//! keys, and a record of a log that became an event keeps its fields.
//!
//! Source: the guide, "Attribute guidelines"; OpenTelemetry semantic conventions, "Attribute naming".

use super::{Finding, Rule};
use crate::{AnyValue, EventRecord, SpanRecord, semconv::event};

/// Keys that could mean anything.
const VAGUE: &[&str] = &[
    "arg", "args", "attempts", "batch", "count", "data", "duration", "error", "id", "info",
    "input", "item", "items", "key", "kind", "length", "message", "name", "output", "param",
    "params", "path", "payload", "reason", "result", "results", "size", "state", "status", "time",
    "type", "user", "value",
];
/// Keys under these prefixes end in a name that the user or the protocol has chosen.
const OPEN: &[&str] = &[
    "http.request.header.",
    "http.response.header.",
    "rpc.grpc.request.metadata.",
    "rpc.grpc.response.metadata.",
];

/// The keys of the guide's own events, which say enough beside the name of the event.
const OF_EVENTS: &[(&str, &[&str])] = &[
    (event::CACHE_HIT, &["key"]),
    (event::CACHE_MISS, &["key"]),
    (
        event::SLOW_QUERY,
        &["duration_seconds", "threshold_seconds"],
    ),
    (
        event::CONFLICT_RESOLVED,
        &["conflict_type", "resolution_strategy"],
    ),
    (event::PEER_CONNECTION_CHANGED, &["peer_id", "connected"]),
];
/// Begins the names of the guide's events for the attempts of a retry.
const ATTEMPT: &str = "attempt_";
const OF_ATTEMPTS: &[&str] = &["attempt", "error", "retry_after"];

pub(super) fn check(span: &SpanRecord, findings: &mut Vec<Finding>) {
    let of_events = span.events.iter().flat_map(own_attributes);
    let of_links = span.links.iter().flat_map(|link| &link.attributes);
    for (key, _) in span.attributes.iter().chain(of_events).chain(of_links) {
        if VAGUE.contains(&key.as_str()) {
            let detail = format!("the key {key:?} says too little");
            findings.push(Finding::new(Rule::VagueKey, span, key, detail));
        } else if !is_well_formed(key) {
            let detail = format!("the key {key:?} is not dotted lower case with underscores");
            findings.push(Finding::new(Rule::KeyFormat, span, key, detail));
        }
    }
}

/// The attributes of an event whose keys somebody has chosen.
fn own_attributes(event: &EventRecord) -> impl Iterator<Item = &(String, AnyValue)> {
    let of_guide = OF_EVENTS
        .iter()
        .find(|(name, _)| *name == event.name)
        .map_or(&[][..], |(_, keys)| keys);
    let of_guide = if event.name.starts_with(ATTEMPT) {
        OF_ATTEMPTS
    } else {
        of_guide
    };
    let chosen = event
        .attributes
        .iter()
        .filter(|(key, _)| !of_guide.contains(&key.as_str()));
    chosen.filter(|_| !is_log_record(event))
}

/// Whether an event of `tracing` became the event: its fields are those of a line in a log.
fn is_log_record(event: &EventRecord) -> bool {
    ["level", "target"]
        .iter()
        .all(|key| event.attribute(key).is_some())
}

fn is_well_formed(key: &str) -> bool {
    OPEN.iter().any(|prefix| key.starts_with(prefix))
        || key.contains('.') && key.split('.').all(is_well_formed_part)
}

fn is_well_formed_part(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_lowercase())
        && !part.ends_with('_')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
