//! Names of spans: neither too generic nor with a part that changes from span to span.
//!
//! Source: the guide, "Best practices: Span naming"; OpenTelemetry specification, Trace API, "Span".

use super::{Finding, Rule};
use crate::{AnyValue, SpanRecord};

/// Names that fit any span.
const GENERIC: &[&str] = &[
    "action",
    "call",
    "execute",
    "function",
    "handle",
    "handler",
    "job",
    "main",
    "method",
    "operation",
    "process",
    "query",
    "request",
    "run",
    "span",
    "step",
    "task",
    "unnamed",
    "work",
];
/// From this many digits in a row on, a part of a name is a number and not a version.
const NUMBER_DIGITS: usize = 4;
/// From this many hexadecimal digits on, a part of a name with a digit in it is an id.
const ID_DIGITS: usize = 8;

pub(super) fn check(span: &SpanRecord, findings: &mut Vec<Finding>) {
    let name = span.name.trim();
    if name.is_empty() || GENERIC.contains(&name.to_ascii_lowercase().as_str()) {
        let detail = "the name fits any span".to_owned();
        findings.push(Finding::new(Rule::GenericName, span, "", detail));
    }
    if let Some(part) = changing_part(span) {
        let detail = format!("{part} changes from span to span");
        findings.push(Finding::new(Rule::DynamicName, span, part, detail));
    }
}

fn changing_part(span: &SpanRecord) -> Option<&str> {
    let mut parts = span.name.split(|letter: char| !letter.is_alphanumeric());
    parts.find(|part| is_number(part) || is_id(part) || is_value_of_id(span, part))
}

fn is_number(part: &str) -> bool {
    let longest = part
        .split(|letter: char| !letter.is_ascii_digit())
        .map(str::len)
        .max();
    let all_digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits || longest.is_some_and(|digits| digits >= NUMBER_DIGITS)
}

fn is_id(part: &str) -> bool {
    part.len() >= ID_DIGITS
        && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        && part.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether the span has the part as the value of an id as well: `query_for_user_alice`.
fn is_value_of_id(span: &SpanRecord, part: &str) -> bool {
    span.attributes.iter().any(|(key, value)| {
        matches!(value, AnyValue::String(text) if text.as_str() == part && part.len() > 2)
            && super::cardinality::is_id_key(key)
    })
}
