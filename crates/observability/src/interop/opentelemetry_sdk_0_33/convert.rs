//! Finished spans in the types of the `opentelemetry` SDK.
//!
//! Invariant: nothing is lost but what those types cannot hold: the type of a value that is neither
//! text, number, flag nor a list of one of them, and the counts of what the resource and scope lost.

use crate::{
    AnyValue, EventRecord, LinkRecord, ResourceRecord, ScopeRecord, SpanRecord,
    export::write_plain_json,
};
use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, Value,
    trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanEvents, SpanLinks},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const IS_REMOTE_MASK: u32 = 0x200;

pub(super) fn span(ours: SpanRecord) -> SpanData {
    let mut events = SpanEvents::default();
    events.events = ours.events.into_iter().map(event).collect();
    events.dropped_count = ours.dropped_events_count;
    let mut links = SpanLinks::default();
    links.links = ours.links.into_iter().map(link).collect();
    links.dropped_count = ours.dropped_links_count;
    let parent = ours.parent_span_id;
    SpanData {
        span_context: context(
            ours.trace_id,
            ours.span_id,
            ours.flags,
            false,
            &ours.trace_state,
        ),
        parent_span_id: parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: parent.is_some() && ours.flags & IS_REMOTE_MASK != 0,
        span_kind: kind(ours.kind),
        name: ours.name.into(),
        start_time: time(ours.start_unix_nanos),
        end_time: time(ours.end_unix_nanos),
        attributes: attributes(ours.attributes),
        dropped_attributes_count: ours.dropped_attributes_count,
        events,
        links,
        status: status(ours.status_code, ours.status_message),
        instrumentation_scope: scope(&ours.scope),
    }
}

pub(super) fn resource(ours: &ResourceRecord) -> Resource {
    let attributes = attributes(ours.attributes.clone());
    let builder = Resource::builder_empty();
    if ours.schema_url.is_empty() {
        builder.with_attributes(attributes).build()
    } else {
        let schema_url = ours.schema_url.clone();
        builder.with_schema_url(attributes, schema_url).build()
    }
}

fn scope(ours: &ScopeRecord) -> InstrumentationScope {
    let mut builder = InstrumentationScope::builder(ours.name.clone())
        .with_attributes(attributes(ours.attributes.clone()));
    if !ours.version.is_empty() {
        builder = builder.with_version(ours.version.clone());
    }
    if !ours.schema_url.is_empty() {
        builder = builder.with_schema_url(ours.schema_url.clone());
    }
    builder.build()
}

fn context(
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u32,
    is_remote: bool,
    trace_state: &str,
) -> SpanContext {
    let [flags, ..] = flags.to_le_bytes();
    let trace_state: TraceState = trace_state.parse().unwrap_or_default();
    SpanContext::new(
        TraceId::from_bytes(trace_id),
        SpanId::from_bytes(span_id),
        TraceFlags::new(flags),
        is_remote,
        trace_state,
    )
}

fn kind(kind: i32) -> SpanKind {
    match kind {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn status(code: i32, message: String) -> Status {
    match code {
        1 => Status::Ok,
        2 => Status::error(message),
        _ => Status::Unset,
    }
}

fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

fn event(ours: EventRecord) -> Event {
    Event::new(
        ours.name,
        time(ours.time_unix_nanos),
        attributes(ours.attributes),
        ours.dropped_attributes_count,
    )
}

fn link(ours: LinkRecord) -> Link {
    let is_remote = ours.flags & IS_REMOTE_MASK != 0;
    Link::new(
        context(
            ours.trace_id,
            ours.span_id,
            ours.flags,
            is_remote,
            &ours.trace_state,
        ),
        attributes(ours.attributes),
        ours.dropped_attributes_count,
    )
}

fn attributes(ours: Vec<(String, AnyValue)>) -> Vec<KeyValue> {
    let member = |(key, ours)| KeyValue::new(key, value(ours));
    ours.into_iter().map(member).collect()
}

fn value(ours: AnyValue) -> Value {
    match ours {
        AnyValue::String(text) => text.into(),
        AnyValue::Bool(flag) => flag.into(),
        AnyValue::Int(int) => int.into(),
        AnyValue::Double(double) => double.into(),
        AnyValue::Array(items) => match list(&items) {
            Some(list) => Value::Array(list),
            None => json(&AnyValue::Array(items)),
        },
        other => json(&other),
    }
}

/// A list whose items are of one type; an empty one is of text.
fn list(items: &[AnyValue]) -> Option<Array> {
    fn all<T>(items: &[AnyValue], item: impl Fn(&AnyValue) -> Option<T>) -> Option<Vec<T>> {
        items.iter().map(item).collect()
    }
    let strings = all(items, |item| match item {
        AnyValue::String(text) => Some(StringValue::from(text.clone())),
        _ => None,
    });
    let ints = || {
        all(items, |item| match item {
            AnyValue::Int(int) => Some(*int),
            _ => None,
        })
    };
    let doubles = || {
        all(items, |item| match item {
            AnyValue::Double(double) => Some(*double),
            _ => None,
        })
    };
    let flags = || {
        all(items, |item| match item {
            AnyValue::Bool(flag) => Some(*flag),
            _ => None,
        })
    };
    let strings = strings.map(Array::String);
    strings
        .or_else(|| ints().map(Array::I64))
        .or_else(|| doubles().map(Array::F64))
        .or_else(|| flags().map(Array::Bool))
}

fn json(ours: &AnyValue) -> Value {
    let mut json = String::new();
    write_plain_json(&mut json, ours);
    json.into()
}
