//! Keys of attributes: dotted, in lower case with underscores, and specific.
//!
//! Source: the guide, "Attribute guidelines"; OpenTelemetry semantic conventions, "Attribute naming".

use super::{Finding, Rule};
use crate::SpanRecord;

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

pub(super) fn check(span: &SpanRecord, findings: &mut Vec<Finding>) {
    for (key, _) in &span.attributes {
        if VAGUE.contains(&key.as_str()) {
            let detail = format!("the key {key:?} says too little");
            findings.push(Finding::new(Rule::VagueKey, span, key, detail));
        } else if !is_well_formed(key) {
            let detail = format!("the key {key:?} is not dotted lower case with underscores");
            findings.push(Finding::new(Rule::KeyFormat, span, key, detail));
        }
    }
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
