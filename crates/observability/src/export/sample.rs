//! Requests for the tests of exporters, made by `opentelemetry-proto` so that a mistake of ours
//! cannot hide on both sides.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event},
};
use prost::Message as _;

pub(crate) const MILLI: u64 = 1_000_000;

/// A span of one trace, whose id comes from `id`, starting `id` ms after the epoch for 10 ms.
pub(crate) fn span(name: &str, id: u8, parent: Option<u8>) -> Span {
    Span {
        trace_id: vec![0xab; 16],
        span_id: vec![id; 8],
        parent_span_id: parent.map(|id| vec![id; 8]).unwrap_or_default(),
        name: name.into(),
        kind: 1,
        start_time_unix_nano: u64::from(id) * MILLI,
        end_time_unix_nano: (u64::from(id) + 10) * MILLI,
        flags: 0x101,
        ..Span::default()
    }
}

pub(crate) fn entry(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(crate) fn string(key: &str, value: &str) -> KeyValue {
    entry(key, Value::StringValue(value.into()))
}

pub(crate) fn failed(message: &str) -> Status {
    Status {
        message: message.into(),
        code: 2,
    }
}

pub(crate) fn event(name: &str, millis: u64, attributes: Vec<KeyValue>) -> Event {
    Event {
        time_unix_nano: millis * MILLI,
        name: name.into(),
        attributes,
        ..Event::default()
    }
}

pub(crate) fn request(spans: impl IntoIterator<Item = Span>) -> Vec<u8> {
    message(spans).encode_to_vec()
}

pub(crate) fn message(spans: impl IntoIterator<Item = Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: "sample".into(),
        ..InstrumentationScope::default()
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: spans.into_iter().collect(),
        ..ScopeSpans::default()
    };
    let resource = Resource {
        attributes: vec![string("service.name", "tests")],
        ..Resource::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}
