//! The model: a span as plain lists, by the rules of the specification and nothing else.

use crate::operations::{Attributes, End, Link, Operation, Start};
use continuum_observability::{SpanContext, SpanKind, SpanLimits, Status, Value};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value},
    trace::v1::{Span, Status as WireStatus, span},
};

/// Arrays and maps inside this many others are recorded as empty values.
const MAX_DEPTH: usize = 8;
/// Sampled and random: no other bit has a meaning to a receiver.
const W3C_FLAGS: u8 = 0x03;
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// What is expected of one span.
pub(crate) struct Reference {
    limits: SpanLimits,
    span: Span,
    starts_at: Option<u64>,
    status: Status<'static>,
    end: Option<End>,
}

impl Reference {
    pub(crate) fn start(start: &Start, limits: SpanLimits, own: &SpanContext) -> Self {
        let parent = start.parent_span_context();
        let span = Span {
            trace_id: own.trace_id().to_bytes().to_vec(),
            span_id: own.span_id().to_bytes().to_vec(),
            trace_state: parent
                .as_ref()
                .map(|p| p.trace_state().header().to_owned())
                .unwrap_or_default(),
            parent_span_id: parent
                .as_ref()
                .map(|p| p.span_id().to_bytes().to_vec())
                .unwrap_or_default(),
            flags: u32::from(own.trace_flags().to_u8())
                | HAS_IS_REMOTE
                | if parent.is_some() { IS_REMOTE } else { 0 },
            name: start.name.clone(),
            kind: kind(start.kind),
            ..Span::default()
        };
        if let Some(parent) = parent {
            assert_eq!(parent.trace_id(), own.trace_id());
        }
        assert!(own.is_valid() && own.is_sampled());
        let mut model = Self {
            limits,
            span,
            starts_at: start.unix_nanos,
            status: Status::Unset,
            end: None,
        };
        for (key, value) in &start.attributes {
            model.set_attribute(key, value);
        }
        for link in &start.links {
            model.add_link(link);
        }
        model
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn apply(&mut self, operation: &Operation) {
        if self.has_ended() {
            return;
        }
        match operation {
            Operation::SetAttribute(key, value) => self.set_attribute(key, value),
            Operation::AddEvent {
                name,
                unix_nanos,
                attributes,
            } => {
                self.add_event(name, *unix_nanos, attributes);
            }
            Operation::AddLink(link) => self.add_link(link),
            Operation::SetStatus(status) => self.set_status(status),
            Operation::UpdateName(name) => self.span.name.clone_from(name),
            Operation::End(end) => self.end = Some(*end),
        }
    }

    fn set_attribute(&mut self, key: &str, value: &Value<'_>) {
        self.span.attributes.retain(|known| known.key != key);
        if key.is_empty() || self.span.attributes.len() == self.limits.attributes as usize {
            self.span.dropped_attributes_count += 1;
        } else {
            self.span
                .attributes
                .push(key_value(key, value, self.limits.value_length, 0));
        }
    }

    /// The attributes of an event or a link: each key once, the last value, as many as allowed.
    fn members(&self, attributes: &Attributes, limit: u32) -> (Vec<KeyValue>, u32) {
        let mut kept = Vec::new();
        let mut dropped = 0;
        for (key, value) in last_of_each(attributes) {
            if key.is_empty() || kept.len() == limit as usize {
                dropped += 1;
            } else {
                kept.push(key_value(key, value, self.limits.value_length, 0));
            }
        }
        (kept, dropped)
    }

    fn add_event(&mut self, name: &str, unix_nanos: Option<u64>, attributes: &Attributes) {
        if self.span.events.len() == self.limits.events as usize {
            self.span.dropped_events_count += 1;
            return;
        }
        let (attributes, dropped_attributes_count) =
            self.members(attributes, self.limits.attributes_per_event);
        self.span.events.push(span::Event {
            time_unix_nano: unix_nanos.unwrap_or(NOW),
            name: name.to_owned(),
            attributes,
            dropped_attributes_count,
        });
    }

    fn add_link(&mut self, link: &Link) {
        if self.span.links.len() == self.limits.links as usize {
            self.span.dropped_links_count += 1;
            return;
        }
        let (trace, span, flags, remote) = link.target;
        let (attributes, dropped_attributes_count) =
            self.members(&link.attributes, self.limits.attributes_per_link);
        self.span.links.push(span::Link {
            trace_id: trace.to_be_bytes().to_vec(),
            span_id: span.to_be_bytes().to_vec(),
            trace_state: link.state.header().to_owned(),
            attributes,
            dropped_attributes_count,
            flags: u32::from(flags & W3C_FLAGS)
                | HAS_IS_REMOTE
                | if remote { IS_REMOTE } else { 0 },
        });
    }

    /// Unset changes nothing, and after OK nothing changes any more.
    fn set_status(&mut self, status: &Status<'static>) {
        if self.status != Status::Ok && *status != Status::Unset {
            self.status = status.clone();
        }
    }

    /// The span as it should arrive; times that nobody chose are taken from `received`.
    pub(crate) fn expected(&self, received: &Span) -> Span {
        let mut span = self.span.clone();
        span.start_time_unix_nano = self.starts_at.unwrap_or(received.start_time_unix_nano);
        span.end_time_unix_nano = match self.end {
            Some(End::At(unix_nanos)) => unix_nanos.max(span.start_time_unix_nano),
            _ => received.end_time_unix_nano.max(span.start_time_unix_nano),
        };
        for (event, received) in span.events.iter_mut().zip(&received.events) {
            if event.time_unix_nano == NOW {
                event.time_unix_nano = received.time_unix_nano.clamp(YEAR_2020, YEAR_2200);
            }
        }
        if self.starts_at.is_none() {
            span.start_time_unix_nano = span.start_time_unix_nano.clamp(YEAR_2020, YEAR_2200);
        }
        span.status = match &self.status {
            Status::Ok => Some(WireStatus {
                message: String::new(),
                code: 1,
            }),
            Status::Error { description } => Some(WireStatus {
                message: match &received.status {
                    // What becomes of a URL is not modelled.
                    Some(received) if description.contains("://") => received.message.clone(),
                    _ => description.to_string(),
                },
                code: 2,
            }),
            Status::Unset => None,
        };
        span
    }
}

/// Stands for the time of an event that happens now.
const NOW: u64 = u64::MAX;
const YEAR_2020: u64 = 1_577_836_800_000_000_000;
const YEAR_2200: u64 = 7_258_118_400_000_000_000;

fn kind(kind: SpanKind) -> i32 {
    match kind {
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
        SpanKind::Internal => 1,
    }
}

fn last_of_each<K: AsRef<str>, V>(entries: &[(K, V)]) -> Vec<(&str, &V)> {
    let mut last: Vec<(&str, &V)> = Vec::new();
    for (key, value) in entries {
        last.retain(|(known, _)| *known != key.as_ref());
        last.push((key.as_ref(), value));
    }
    last
}

fn key_value(key: &str, value: &Value<'_>, limit: usize, depth: usize) -> KeyValue {
    let value = Some(AnyValue {
        value: any_value(value, limit, depth),
    });
    KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    }
}

fn any_value(value: &Value<'_>, limit: usize, depth: usize) -> Option<any_value::Value> {
    Some(match value {
        Value::Bool(value) => any_value::Value::BoolValue(*value),
        Value::I64(value) => any_value::Value::IntValue(*value),
        Value::F64(value) => any_value::Value::DoubleValue(*value),
        Value::Str(text) => any_value::Value::StringValue(text.chars().take(limit).collect()),
        Value::Bytes(bytes) => {
            any_value::Value::BytesValue(bytes.iter().copied().take(limit).collect())
        }
        Value::Array(values) if depth < MAX_DEPTH => {
            let wrapped = |value| AnyValue {
                value: any_value(value, limit, depth + 1),
            };
            any_value::Value::ArrayValue(ArrayValue {
                values: values.iter().map(wrapped).collect(),
            })
        }
        Value::Map(entries) if depth < MAX_DEPTH => {
            let entries = last_of_each(entries).into_iter();
            let values = entries.map(|(key, value)| key_value(key, value, limit, depth + 1));
            any_value::Value::KvlistValue(KeyValueList {
                values: values.collect(),
            })
        }
        _ => return None,
    })
}
