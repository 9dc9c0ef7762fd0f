//! Traces as JSON.
//!
//! Invariant: spans stand side by side in the order they started, each with the id of its parent, so that a deep
//! trace is not a deep document.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use continuum_observability::{AnyValue, SpanId, SpanRecord, TraceId};
use serde_json::{Map, Number, Value, json};

/// The names of the protocol's numbers.
const KINDS: [&str; 6] = [
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
];
const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// The traces in the order they started.
pub(super) fn traces(spans: &[SpanRecord]) -> Value {
    let mut traces: BTreeMap<[u8; 16], Vec<&SpanRecord>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id).or_default().push(span);
    }
    let mut traces: Vec<_> = traces.into_values().collect();
    traces.sort_by_key(|spans| spans.iter().map(|span| span.start_unix_nanos).min());
    json!({ "traces": traces.into_iter().map(trace).collect::<Vec<_>>() })
}

/// One trace.
pub(in super::super) fn trace<'a>(spans: impl IntoIterator<Item = &'a SpanRecord>) -> Value {
    let mut spans: Vec<_> = spans.into_iter().collect();
    spans.sort_by_key(|span| (span.start_unix_nanos, span.span_id));
    let id = spans
        .first()
        .map(|first| TraceId::from_bytes(first.trace_id));
    json!({
        "trace_id": id.map(|id| id.to_string()),
        "spans": spans.into_iter().map(to_json).collect::<Vec<_>>(),
    })
}

fn to_json(span: &SpanRecord) -> Value {
    let id = |id: [u8; 8]| SpanId::from_bytes(id).to_string();
    let events = span.events.iter().map(|event| {
        json!({
            "name": event.name,
            "time_unix_nanos": event.time_unix_nanos,
            "attributes": object(&event.attributes),
        })
    });
    let links = span.links.iter().map(|link| {
        json!({
            "trace_id": TraceId::from_bytes(link.trace_id).to_string(),
            "span_id": id(link.span_id),
            "attributes": object(&link.attributes),
        })
    });
    json!({
        "span_id": id(span.span_id),
        "parent_span_id": span.parent_span_id.map(id),
        "name": span.name,
        "kind": name_of(&KINDS, span.kind),
        "start_unix_nanos": span.start_unix_nanos,
        "duration_nanos": span.duration_nanos(),
        "status": name_of(&STATUSES, span.status_code),
        "status_message": span.status_message,
        "attributes": object(&span.attributes),
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "scope": span.scope.name,
        "resource": object(&span.resource.attributes),
    })
}

fn name_of(names: &[&'static str], number: i32) -> &'static str {
    let index = usize::try_from(number).unwrap_or_default();
    names
        .get(index)
        .or(names.first())
        .copied()
        .unwrap_or_default()
}

fn object(entries: &[(String, AnyValue)]) -> Value {
    let entries = entries.iter().map(|(key, value)| (key.clone(), any(value)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn any(value: &AnyValue) -> Value {
    match value {
        AnyValue::String(text) => text.as_str().into(),
        AnyValue::Bool(flag) => (*flag).into(),
        AnyValue::Int(number) => (*number).into(),
        // What JSON has no number for is a text, as in OTLP: NaN, inf.
        AnyValue::Double(number) => {
            Number::from_f64(*number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        AnyValue::Bytes(bytes) => BASE64_STANDARD.encode(bytes).into(),
        AnyValue::Array(items) => items.iter().map(any).collect(),
        AnyValue::Map(entries) => object(entries),
        _ => Value::Null,
    }
}
