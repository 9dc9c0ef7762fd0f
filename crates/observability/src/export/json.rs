//! Spans as OTLP JSON.
//!
//! Position: under [`FileExporter`](super::FileExporter). The few shapes that occur are written
//! directly: serde in the SDK would be paid for by every user.
//!
//! Invariants: ids are lower-case hex, 64-bit integers are strings, enumerations are numbers,
//! bytes are base64, names are lowerCamelCase; no line break is written.
//!
//! Source: OTLP specification 1.x, "JSON Protobuf Encoding"; RFC 8259.

use std::{fmt::Write as _, sync::Arc};

use super::{AnyValue, EventRecord, LinkRecord, SpanRecord};
use crate::context::hex;

/// Writes spans as one `ExportTraceServiceRequest`; neighbours of one scope share its envelope.
pub(crate) fn write_request(out: &mut String, spans: &[SpanRecord]) {
    let by_resource = spans.chunk_by(|a, b| Arc::ptr_eq(&a.resource, &b.resource));
    let mut request = Object::begin(out);
    request.list("resourceSpans", by_resource, write_resource_spans);
    request.end();
}

fn write_resource_spans(out: &mut String, spans: &[SpanRecord]) {
    let mut object = Object::begin(out);
    if let Some(SpanRecord { resource, .. }) = spans.first() {
        object.nested("resource", |out| {
            let mut object = Object::begin(out);
            object.attributes(&resource.attributes, resource.dropped_attributes_count);
            object.end();
        });
        object.string("schemaUrl", &resource.schema_url);
    }
    let by_scope = spans.chunk_by(|a, b| Arc::ptr_eq(&a.scope, &b.scope));
    object.list("scopeSpans", by_scope, write_scope_spans);
    object.end();
}

fn write_scope_spans(out: &mut String, spans: &[SpanRecord]) {
    let mut object = Object::begin(out);
    if let Some(SpanRecord { scope, .. }) = spans.first() {
        object.nested("scope", |out| {
            let mut object = Object::begin(out);
            object.string("name", &scope.name);
            object.string("version", &scope.version);
            object.attributes(&scope.attributes, scope.dropped_attributes_count);
            object.end();
        });
        object.string("schemaUrl", &scope.schema_url);
    }
    object.list("spans", spans, write_span);
    object.end();
}

fn write_span(out: &mut String, span: &SpanRecord) {
    let mut object = Object::begin(out);
    object.hex("traceId", &span.trace_id);
    object.hex("spanId", &span.span_id);
    object.string("traceState", &span.trace_state);
    if let Some(parent) = &span.parent_span_id {
        object.hex("parentSpanId", parent);
    }
    object.number("flags", i64::from(span.flags));
    object.string("name", &span.name);
    object.number("kind", i64::from(span.kind));
    object.nanos("startTimeUnixNano", span.start_unix_nanos);
    object.nanos("endTimeUnixNano", span.end_unix_nanos);
    object.attributes(&span.attributes, span.dropped_attributes_count);
    object.list("events", &span.events, write_event);
    object.number("droppedEventsCount", i64::from(span.dropped_events_count));
    object.list("links", &span.links, write_link);
    object.number("droppedLinksCount", i64::from(span.dropped_links_count));
    object.nested("status", |out| {
        let mut object = Object::begin(out);
        object.string("message", &span.status_message);
        object.number("code", i64::from(span.status_code));
        object.end();
    });
    object.end();
}

fn write_event(out: &mut String, event: &EventRecord) {
    let mut object = Object::begin(out);
    object.nanos("timeUnixNano", event.time_unix_nanos);
    object.string("name", &event.name);
    object.attributes(&event.attributes, event.dropped_attributes_count);
    object.end();
}

fn write_link(out: &mut String, link: &LinkRecord) {
    let mut object = Object::begin(out);
    object.hex("traceId", &link.trace_id);
    object.hex("spanId", &link.span_id);
    object.string("traceState", &link.trace_state);
    object.number("flags", i64::from(link.flags));
    object.attributes(&link.attributes, link.dropped_attributes_count);
    object.end();
}

fn write_entry(out: &mut String, (key, value): &(String, AnyValue)) {
    let mut object = Object::begin(out);
    object.name("key");
    push_string(object.out, key);
    object.nested("value", |out| write_value(out, value));
    object.end();
}

fn write_value(out: &mut String, value: &AnyValue) {
    let mut object = Object::begin(out);
    match value {
        AnyValue::Empty => {}
        AnyValue::String(text) => object.nested("stringValue", |out| push_string(out, text)),
        AnyValue::Bool(flag) => object.nested("boolValue", |out| push(out, flag)),
        AnyValue::Int(int) => object.nested("intValue", |out| push(out, format_args!("\"{int}\""))),
        AnyValue::Double(double) => object.nested("doubleValue", |out| push_double(out, *double)),
        AnyValue::Bytes(bytes) => object.nested("bytesValue", |out| push_base64(out, bytes)),
        AnyValue::Array(items) => object.nested("arrayValue", |out| {
            let mut object = Object::begin(out);
            object.all("values", items, write_value);
            object.end();
        }),
        AnyValue::Map(entries) => object.nested("kvlistValue", |out| {
            let mut object = Object::begin(out);
            object.all("values", entries, write_entry);
            object.end();
        }),
    }
    object.end();
}

/// A value as text; what has parts is JSON.
#[cfg(any(feature = "metrics", feature = "zipkin"))]
pub(crate) fn plain_text(value: &AnyValue) -> String {
    match value {
        AnyValue::Empty => String::new(),
        AnyValue::String(text) => text.clone(),
        other => {
            let mut json = String::new();
            write_plain_json(&mut json, other);
            // Bytes and what is not finite are strings in JSON, without need of an escape.
            json.trim_matches('"').to_owned()
        }
    }
}

/// Appends a value as JSON without the types of OTLP.
#[cfg(any(
    feature = "metrics",
    feature = "opentelemetry_sdk_0_33",
    feature = "zipkin"
))]
pub(crate) fn write_plain_json(out: &mut String, value: &AnyValue) {
    match value {
        AnyValue::Empty => out.push_str("null"),
        AnyValue::String(text) => push_string(out, text),
        AnyValue::Bool(flag) => push(out, flag),
        AnyValue::Int(int) => push(out, int),
        AnyValue::Double(double) => push_double(out, *double),
        AnyValue::Bytes(bytes) => push_base64(out, bytes),
        AnyValue::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_plain_json(out, item);
            }
            out.push(']');
        }
        AnyValue::Map(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                push_string(out, key);
                out.push(':');
                write_plain_json(out, item);
            }
            out.push('}');
        }
    }
}

/// Writes one JSON object. Fields that hold their default are left out, as protobuf does.
pub(super) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    pub(super) fn end(self) {
        self.out.push('}');
    }

    fn name(&mut self, name: &str) {
        let comma = if self.empty { "" } else { "," };
        self.empty = false;
        push(self.out, format_args!("{comma}\"{name}\":"));
    }

    pub(super) fn nested(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.name(name);
        write(self.out);
    }

    pub(super) fn string(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.nested(name, |out| push_string(out, text));
        }
    }

    fn number(&mut self, name: &str, number: i64) {
        if number != 0 {
            self.nested(name, |out| push(out, number));
        }
    }

    /// A whole number as JSON has it; up to 2⁵³ every reader takes it exactly.
    #[cfg(feature = "zipkin")]
    pub(super) fn integer(&mut self, name: &str, number: u64) {
        self.nested(name, |out| push(out, number));
    }

    fn nanos(&mut self, name: &str, nanos: u64) {
        self.nested(name, |out| push(out, format_args!("\"{nanos}\"")));
    }

    pub(super) fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.nested(name, |out| push(out, format_args!("\"{}\"", hex(bytes))));
    }

    fn attributes(&mut self, attributes: &[(String, AnyValue)], dropped: u32) {
        self.list("attributes", attributes, write_entry);
        self.number("droppedAttributesCount", i64::from(dropped));
    }

    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: fn(&mut String, T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.all(name, items, write);
        }
    }

    /// As [`Self::list`], but an empty list is written too.
    fn all<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: fn(&mut String, T),
    ) {
        self.name(name);
        self.out.push('[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write(self.out, item);
        }
        self.out.push(']');
    }
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    let _infallible = write!(out, "{value}");
}

/// JSON has no number for what is not finite; the protobuf mapping uses these strings.
fn push_double(out: &mut String, double: f64) {
    if double.is_nan() {
        out.push_str("\"NaN\"");
    } else if double.is_infinite() {
        out.push_str(if double > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    } else {
        // The shortest text that reads back as the same number, with an exponent where that helps.
        push(out, format_args!("{double:?}"));
    }
}

/// Appends a JSON string with its quotes.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => push(out, format_args!("\\u{:04x}", u32::from(char))),
            _ => out.push(char),
        }
    }
    out.push('"');
}

/// Appends standard base64 with padding, in quotes.
pub(super) fn push_base64(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push('"');
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            if position <= chunk.len() {
                let index = (bits >> (18 - 6 * position)) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue as ProtoValue, any_value::Value};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_reads_back_and_stays_on_one_line(text in any::<String>()) {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert!(!json.contains(['\n', '\r']));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn bytes_are_standard_base64(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut json = String::new();
            write_value(&mut json, &AnyValue::Bytes(bytes.clone()));
            let read: ProtoValue = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.value, Some(Value::BytesValue(bytes)));
        }

        #[test]
        fn finite_doubles_read_back_exactly(double in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            let mut json = String::new();
            push_double(&mut json, double);
            prop_assert_eq!(json.parse::<f64>().unwrap().to_bits(), double.to_bits());
            prop_assert!(serde_json::from_str::<f64>(&json).is_ok());
        }
    }
}
