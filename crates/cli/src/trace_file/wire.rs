//! The messages of OTLP JSON, and how they become spans.
//!
//! Invariant: fields that are not known here are passed over, as the protocol demands of receivers.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, `common.proto`, `resource.proto`.

use std::sync::Arc;

use anyhow::{Result, bail};
use continuum_observability::{
    AnyValue, EventRecord, LinkRecord, ResourceRecord, ScopeRecord, SpanRecord,
};
use serde::Deserialize;

use super::fields::{
    enumeration, id, optional_bytes, optional_double, optional_id, optional_signed, unsigned,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ResourceSpans {
    resource: Resource,
    scope_spans: Vec<ScopeSpans>,
    schema_url: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource {
    attributes: Vec<KeyValue>,
    dropped_attributes_count: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
    schema_url: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Scope {
    name: String,
    version: String,
    attributes: Vec<KeyValue>,
    dropped_attributes_count: u32,
}

#[expect(clippy::struct_field_names, reason = "the names of the protocol")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(deserialize_with = "id")]
    trace_id: [u8; 16],
    #[serde(deserialize_with = "id")]
    span_id: [u8; 8],
    #[serde(default, deserialize_with = "optional_id")]
    parent_span_id: Option<[u8; 8]>,
    #[serde(default)]
    trace_state: String,
    #[serde(default)]
    flags: u32,
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "enumeration")]
    kind: i32,
    #[serde(default, deserialize_with = "unsigned")]
    start_time_unix_nano: u64,
    #[serde(default, deserialize_with = "unsigned")]
    end_time_unix_nano: u64,
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default)]
    dropped_attributes_count: u32,
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    dropped_events_count: u32,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    dropped_links_count: u32,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    #[serde(deserialize_with = "unsigned")]
    time_unix_nano: u64,
    name: String,
    attributes: Vec<KeyValue>,
    dropped_attributes_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    #[serde(deserialize_with = "id")]
    trace_id: [u8; 16],
    #[serde(deserialize_with = "id")]
    span_id: [u8; 8],
    #[serde(default)]
    trace_state: String,
    #[serde(default)]
    flags: u32,
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default)]
    dropped_attributes_count: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    message: String,
    #[serde(deserialize_with = "enumeration")]
    code: i32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct KeyValue {
    key: String,
    value: Value,
}

#[expect(clippy::struct_field_names, reason = "the names of the protocol")]
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Value {
    string_value: Option<String>,
    bool_value: Option<bool>,
    #[serde(deserialize_with = "optional_signed")]
    int_value: Option<i64>,
    #[serde(deserialize_with = "optional_double")]
    double_value: Option<f64>,
    #[serde(deserialize_with = "optional_bytes")]
    bytes_value: Option<Vec<u8>>,
    array_value: Option<Array>,
    kvlist_value: Option<Map>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Array {
    values: Vec<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Map {
    values: Vec<KeyValue>,
}

/// The spans of one line.
pub(super) fn parse(line: &[u8]) -> Result<Vec<SpanRecord>> {
    if !line.trim_ascii_start().starts_with(b"{") {
        bail!("expected an object");
    }
    let request: Request = serde_json::from_slice(line)?;
    Ok(request
        .resource_spans
        .into_iter()
        .flat_map(of_resource)
        .collect())
}

fn of_resource(spans: ResourceSpans) -> Vec<SpanRecord> {
    let resource = Arc::new(ResourceRecord {
        attributes: entries(spans.resource.attributes),
        dropped_attributes_count: spans.resource.dropped_attributes_count,
        schema_url: spans.schema_url,
    });
    let of_scope = |spans: ScopeSpans| {
        let scope = Arc::new(ScopeRecord {
            name: spans.scope.name,
            version: spans.scope.version,
            attributes: entries(spans.scope.attributes),
            dropped_attributes_count: spans.scope.dropped_attributes_count,
            schema_url: spans.schema_url,
        });
        let resource = &resource;
        let record = move |span| record(span, Arc::clone(resource), Arc::clone(&scope));
        spans.spans.into_iter().map(record)
    };
    spans.scope_spans.into_iter().flat_map(of_scope).collect()
}

fn record(span: Span, resource: Arc<ResourceRecord>, scope: Arc<ScopeRecord>) -> SpanRecord {
    SpanRecord {
        resource,
        scope,
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        trace_state: span.trace_state,
        flags: span.flags,
        name: span.name,
        kind: span.kind,
        start_unix_nanos: span.start_time_unix_nano,
        end_unix_nanos: span.end_time_unix_nano,
        attributes: entries(span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.into_iter().map(Event::into_record).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.into_iter().map(Link::into_record).collect(),
        dropped_links_count: span.dropped_links_count,
        status_code: span.status.code,
        status_message: span.status.message,
    }
}

impl Event {
    fn into_record(self) -> EventRecord {
        EventRecord {
            time_unix_nanos: self.time_unix_nano,
            name: self.name,
            attributes: entries(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count,
        }
    }
}

impl Link {
    fn into_record(self) -> LinkRecord {
        LinkRecord {
            trace_id: self.trace_id,
            span_id: self.span_id,
            trace_state: self.trace_state,
            flags: self.flags,
            attributes: entries(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count,
        }
    }
}

fn entries(entries: Vec<KeyValue>) -> Vec<(String, AnyValue)> {
    let entry = |entry: KeyValue| (entry.key, entry.value.into_any_value());
    entries.into_iter().map(entry).collect()
}

impl Value {
    fn into_any_value(self) -> AnyValue {
        let list = |array: Array| {
            AnyValue::Array(array.values.into_iter().map(Self::into_any_value).collect())
        };
        None.or(self.string_value.map(AnyValue::String))
            .or(self.bool_value.map(AnyValue::Bool))
            .or(self.int_value.map(AnyValue::Int))
            .or(self.double_value.map(AnyValue::Double))
            .or(self.bytes_value.map(AnyValue::Bytes))
            .or(self.array_value.map(list))
            .or(self
                .kvlist_value
                .map(|map| AnyValue::Map(entries(map.values))))
            .unwrap_or_default()
    }
}
