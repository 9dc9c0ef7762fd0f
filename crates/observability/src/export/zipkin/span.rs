//! One span in the words of Zipkin.
//!
//! Position: between a [`SpanRecord`] and the body of a request.
//!
//! Where the two models differ: values become text, events become annotations, the resource, the
//! scope, the status, links and what was dropped become tags, and the other side of a call becomes an
//! endpoint.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation" and "Mapping to
//! non-OTLP Formats". They leave links open: their tags are those by which the OpenTelemetry Collector
//! writes links for a Zipkin, and finds them again in what it receives.

use super::super::{
    AnyValue, EventRecord, LinkRecord, SpanRecord,
    json::{Object, plain_text, push_string},
};
use crate::context::hex;
use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

const NANOS_PER_MICRO: u64 = 1_000;
const ERROR: i32 = 2;

/// Appends the spans as a JSON array.
pub(super) fn write_all(out: &mut String, spans: &[SpanRecord]) {
    for (index, span) in spans.iter().enumerate() {
        out.push(if index == 0 { '[' } else { ',' });
        write(out, span);
    }
    out.push_str(if spans.is_empty() { "[]" } else { "]" });
}

fn write(out: &mut String, span: &SpanRecord) {
    let mut object = Object::begin(out);
    object.hex("traceId", &span.trace_id);
    object.hex("id", &span.span_id);
    if let Some(parent) = &span.parent_span_id {
        object.hex("parentId", parent);
    }
    object.string("name", &span.name);
    object.string("kind", kind(span.kind));
    object.integer("timestamp", span.start_unix_nanos / NANOS_PER_MICRO);
    // Zipkin takes 0 for a span that has not ended.
    let duration = (span.duration_nanos() / NANOS_PER_MICRO).max(1);
    object.integer("duration", duration);
    let service = find(&span.resource.attributes, "service.name");
    object.nested("localEndpoint", |out| {
        let mut object = Object::begin(out);
        object.string("serviceName", &service.map(plain_text).unwrap_or_default());
        object.end();
    });
    if let Some(remote) = remote(span) {
        object.nested("remoteEndpoint", |out| remote.write(out));
    }
    object.list("annotations", &span.events, write_event);
    object.nested("tags", |out| write_map(out, &tags(span)));
    object.end();
}

fn kind(kind: i32) -> &'static str {
    match kind {
        2 => "SERVER",
        3 => "CLIENT",
        4 => "PRODUCER",
        5 => "CONSUMER",
        _ => "",
    }
}

/// By name, so that what the span says wins over what its process says, and our own words over both.
fn tags(span: &SpanRecord) -> BTreeMap<Cow<'_, str>, String> {
    let resource = span.resource.attributes.iter();
    let resource = resource.filter(|(key, _)| key != "service.name");
    let mut tags: BTreeMap<Cow<'_, str>, String> = resource
        .chain(&span.attributes)
        .map(|(key, value)| (key.into(), plain_text(value)))
        .collect();
    // Any value of this tag, even `false`, is an error to Zipkin.
    tags.remove("error");
    for (index, each) in span.links.iter().enumerate() {
        tags.insert(format!("otlp.link.{index}").into(), link(each));
    }
    let mut add = |key: &'static str, value: &str| {
        if !value.is_empty() {
            tags.insert(key.into(), value.to_owned());
        }
    };
    add("otel.scope.name", &span.scope.name);
    add("otel.scope.version", &span.scope.version);
    add("otel.status_code", status(span.status_code));
    for (key, count) in [
        (
            "otel.dropped_attributes_count",
            span.dropped_attributes_count,
        ),
        ("otel.dropped_events_count", span.dropped_events_count),
        ("otel.dropped_links_count", span.dropped_links_count),
    ] {
        if count > 0 {
            add(key, &count.to_string());
        }
    }
    if span.status_code == ERROR {
        tags.insert("error".into(), span.status_message.clone());
    }
    tags
}

/// Trace, span, tracestate, attributes as JSON, and how many of these were dropped.
fn link(link: &LinkRecord) -> String {
    let attributes = link.attributes.iter();
    let attributes = attributes.map(|(key, value)| (key.as_str(), plain_text(value)));
    let mut json = String::new();
    write_map::<&str>(&mut json, &attributes.collect());
    [
        hex(&link.trace_id),
        hex(&link.span_id),
        link.trace_state.clone(),
        json,
        link.dropped_attributes_count.to_string(),
    ]
    .join("|")
}

fn status(code: i32) -> &'static str {
    match code {
        1 => "OK",
        ERROR => "ERROR",
        _ => "",
    }
}

/// An event with attributes is its name and they, as the specification writes it.
fn write_event(out: &mut String, event: &EventRecord) {
    let value = if event.attributes.is_empty() {
        event.name.clone()
    } else {
        let attributes = event.attributes.iter();
        let attributes = attributes.map(|(key, value)| (key.as_str(), plain_text(value)));
        let mut value = String::new();
        push_string(&mut value, &event.name);
        value.push(':');
        write_map::<&str>(&mut value, &attributes.collect());
        value
    };
    let mut object = Object::begin(out);
    object.integer("timestamp", event.time_unix_nanos / NANOS_PER_MICRO);
    object.nested("value", |out| push_string(out, &value));
    object.end();
}

fn write_map<K: AsRef<str>>(out: &mut String, map: &BTreeMap<K, String>) {
    out.push('{');
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(out, key.as_ref());
        out.push(':');
        push_string(out, value);
    }
    out.push('}');
}

fn find<'a>(attributes: &'a [(String, AnyValue)], key: &str) -> Option<&'a AnyValue> {
    let mut same = attributes.iter().rev().filter(|(known, _)| known == key);
    same.next().map(|(_, value)| value)
}

/// The other side of a call.
#[derive(Debug, Default, PartialEq, Eq)]
struct Remote {
    service: String,
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Remote {
    fn write(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.string("serviceName", &self.service);
        match self.address {
            Some(IpAddr::V4(address)) => object.string("ipv4", &address.to_string()),
            Some(IpAddr::V6(address)) => object.string("ipv6", &address.to_string()),
            None => {}
        }
        if let Some(port) = self.port {
            object.integer("port", port.into());
        }
        object.end();
    }
}

/// The first of the attributes that name it, most telling first; of spans that call somebody only.
fn remote(span: &SpanRecord) -> Option<Remote> {
    /// The attribute, and the one with the port that belongs to it.
    const RANKED: [(&str, &str); 11] = [
        ("peer.service", ""),
        ("server.address", "server.port"),
        ("net.peer.name", "net.peer.port"),
        ("network.peer.address", "network.peer.port"),
        ("server.socket.domain", ""),
        ("server.socket.address", "server.socket.port"),
        ("net.sock.peer.name", ""),
        ("net.sock.peer.addr", "net.sock.peer.port"),
        ("peer.hostname", ""),
        ("peer.address", ""),
        ("db.name", ""),
    ];
    if !matches!(span.kind, 3 | 4) {
        return None;
    }
    let value = |key| find(&span.attributes, key).map(plain_text);
    let (name, port_key) = RANKED
        .iter()
        .find_map(|(key, port)| Some((value(key).filter(|name| !name.is_empty())?, *port)))?;
    let port = value(port_key).and_then(|port| port.parse().ok());
    Some(match name.parse() {
        Ok(address) => Remote {
            address: Some(address),
            port,
            ..Remote::default()
        },
        Err(_) => Remote {
            service: name,
            port,
            ..Remote::default()
        },
    })
}
