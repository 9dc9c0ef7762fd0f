//! Five spans, one of each kind, and what each of them must be on the wire.
//!
//! Four of them continue a trace of another process:
//!
//! ```text
//! (remote parent)
//!   answer      server    attributes of every type, OK
//!     embed     client    events, an error with a text
//!     publish   producer  links, another name, no status
//!     consume   consumer  what a builder sets, an error without a text
//! tidy          internal  more than the limits allow, another scope
//! ```
//!
//! Invariant: what is expected is written down from the specification, and taken from the span only
//! where it is random: its own id, and the trace id of a root.

use crate::value;
use continuum_observability::{
    Context, Span, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState, Tracer,
    extract_trace_context, get_tracer,
};
use opentelemetry_proto::tonic::{
    common::v1::InstrumentationScope,
    trace::v1::{
        Span as WireSpan, Status as WireStatus,
        span::{Event, Link, SpanKind as WireKind},
        status::StatusCode,
    },
};
use std::collections::HashMap;

pub(crate) const MAX_EVENTS: u32 = 4;
pub(crate) const MAX_LINKS: u32 = 3;

const TRACE_ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const REMOTE_ID: u64 = 0x00f0_67aa_0ba9_02b7;
const TRACE_STATE: &str = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";

const SAMPLED: u32 = 0x01;
const RANDOM: u32 = 0x02;
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

const START: u64 = 1_700_000_000_000_000_001;
const END: u64 = START + 1_234_567_891;

/// A span as it must be received, with its scope.
pub(crate) type Sent = (InstrumentationScope, WireSpan);

/// Records all spans.
pub(crate) fn record() -> Vec<Sent> {
    let tracer = Tracer::with_version("assistant.memory", "1.2.3-β");
    let remote = extract_trace_context(&HashMap::from([
        (
            "traceparent".to_owned(),
            format!("00-{TRACE_ID:032x}-{REMOTE_ID:016x}-01"),
        ),
        ("tracestate".to_owned(), TRACE_STATE.to_owned()),
    ]));
    let mut root = start(tracer, "answer", SpanKind::Server, &remote);
    let parent = root.as_context();
    let children = [
        embed(tracer, &parent),
        publish(tracer, &parent),
        consume(tracer, &parent),
    ];
    let mut spans = vec![answer(&mut root)];
    spans.extend(children);
    let scope = |name: &str, version: &str| InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    };
    let mut sent: Vec<_> = spans
        .into_iter()
        .map(|span| (scope("assistant.memory", "1.2.3-β"), span))
        .collect();
    sent.push((scope("assistant.housekeeping", ""), tidy()));
    sent
}

fn answer(span: &mut Span) -> WireSpan {
    span.set_attribute("text", "replaced by the value that follows");
    span.set_attributes(value::all_recorded());
    span.set_status(Status::Ok);
    span.end_with_timestamp(END);
    WireSpan {
        parent_span_id: REMOTE_ID.to_be_bytes().to_vec(),
        flags: SAMPLED | HAS_IS_REMOTE | IS_REMOTE,
        name: "answer".into(),
        kind: WireKind::Server.into(),
        attributes: value::all_sent(),
        status: Some(status(StatusCode::Ok, "")),
        ..in_trace(span)
    }
}

fn embed(tracer: Tracer, parent: &Context) -> WireSpan {
    let span = start(tracer, "embed", SpanKind::Client, parent);
    let mut too_many = value::all_recorded();
    too_many.push(("one.too.many", 1.into()));
    span.add_event_at("every type", START + 5, &value::all_recorded());
    span.add_event_at("nothing", START + 3, &[]);
    span.add_event_at("", u64::MAX, &too_many);
    span.set_status(Status::error("timed out: 時間切れ"));
    span.end_with_timestamp(END);
    WireSpan {
        name: "embed".into(),
        kind: WireKind::Client.into(),
        events: vec![
            Event {
                attributes: value::all_sent(),
                ..event("every type", START + 5)
            },
            event("nothing", START + 3),
            Event {
                attributes: value::all_sent(),
                dropped_attributes_count: 1,
                ..event("", u64::MAX)
            },
        ],
        status: Some(status(StatusCode::Error, "timed out: 時間切れ")),
        ..under(parent, &span)
    }
}

fn publish(tracer: Tracer, parent: &Context) -> WireSpan {
    let span = start(tracer, "before it is renamed", SpanKind::Producer, parent);
    let flags = TraceFlags::SAMPLED;
    let remote = linked(7, 8, flags, true).with_trace_state(TRACE_STATE.parse().unwrap());
    let mut too_many = value::all_recorded();
    too_many.extend([("one.too.many", 1.into()), ("two.too.many", 2.into())]);
    span.add_link(&remote, &value::all_recorded());
    span.add_link(&linked(9, 10, TraceFlags::NONE, false), &[]);
    span.add_link(&linked(11, 12, TraceFlags::RANDOM, true), &too_many);
    span.update_name("publish 出版");
    span.end_with_timestamp(END);
    WireSpan {
        name: "publish 出版".into(),
        kind: WireKind::Producer.into(),
        links: vec![
            Link {
                trace_state: TRACE_STATE.into(),
                attributes: value::all_sent(),
                flags: SAMPLED | HAS_IS_REMOTE | IS_REMOTE,
                ..link(7, 8)
            },
            link(9, 10),
            Link {
                attributes: value::all_sent(),
                dropped_attributes_count: 2,
                flags: RANDOM | HAS_IS_REMOTE | IS_REMOTE,
                ..link(11, 12)
            },
        ],
        ..under(parent, &span)
    }
}

fn consume(tracer: Tracer, parent: &Context) -> WireSpan {
    let span = tracer
        .span_builder("consume")
        .kind(SpanKind::Consumer)
        .parent(parent)
        .start_time_unix_nanos(START)
        .attribute("messages", 2)
        .link_with(
            linked(13, 14, TraceFlags::NONE, false),
            vec![("position", 1.into())],
        )
        .start();
    span.set_status(Status::error("forgotten when the next one is set"));
    span.set_status(Status::error(""));
    span.end_with_timestamp(END);
    WireSpan {
        name: "consume".into(),
        kind: WireKind::Consumer.into(),
        attributes: vec![value::attribute("messages", value::integer(2))],
        links: vec![Link {
            attributes: vec![value::attribute("position", value::integer(1))],
            ..link(13, 14)
        }],
        status: Some(status(StatusCode::Error, "")),
        ..under(parent, &span)
    }
}

fn tidy() -> WireSpan {
    let tracer = get_tracer("assistant.housekeeping");
    let span = start(tracer, "tidy", SpanKind::Internal, &Context::default());
    span.set_attributes(value::all_recorded());
    span.set_attributes([("too.many", 1), ("way.too.many", 2), ("far.too.many", 3)]);
    for _ in 0..MAX_EVENTS + 2 {
        span.add_event_at("again", START, &[]);
    }
    for _ in 0..=MAX_LINKS {
        span.add_link(&linked(15, 16, TraceFlags::NONE, false), &[]);
    }
    span.end_with_timestamp(END);
    let context = span.span_context();
    assert!(context.is_valid() && context.trace_id() != TRACE_ID.into());
    WireSpan {
        trace_id: context.trace_id().to_bytes().to_vec(),
        trace_state: String::new(),
        flags: SAMPLED | RANDOM | HAS_IS_REMOTE,
        name: "tidy".into(),
        kind: WireKind::Internal.into(),
        attributes: value::all_sent(),
        dropped_attributes_count: 3,
        events: vec![event("again", START); MAX_EVENTS as usize],
        dropped_events_count: 2,
        links: vec![link(15, 16); MAX_LINKS as usize],
        dropped_links_count: 1,
        ..in_trace(&span)
    }
}

fn start(tracer: Tracer, name: &str, kind: SpanKind, parent: &Context) -> Span {
    let builder = tracer.span_builder(name).kind(kind).parent(parent);
    builder.start_time_unix_nanos(START).start()
}

/// What all spans of the trace have in common.
fn in_trace(span: &Span) -> WireSpan {
    WireSpan {
        trace_id: TRACE_ID.to_be_bytes().to_vec(),
        span_id: span.span_context().span_id().to_bytes().to_vec(),
        trace_state: TRACE_STATE.into(),
        start_time_unix_nano: START,
        end_time_unix_nano: END,
        ..WireSpan::default()
    }
}

/// What all children of `answer` have in common.
fn under(parent: &Context, span: &Span) -> WireSpan {
    let parent = parent.span_context();
    WireSpan {
        parent_span_id: parent.span_id().to_bytes().to_vec(),
        flags: SAMPLED | HAS_IS_REMOTE,
        ..in_trace(span)
    }
}

fn status(code: StatusCode, message: &str) -> WireStatus {
    WireStatus {
        code: code.into(),
        message: message.into(),
    }
}

fn event(name: &str, time_unix_nano: u64) -> Event {
    Event {
        name: name.into(),
        time_unix_nano,
        ..Event::default()
    }
}

fn linked(trace_id: u128, span_id: u64, flags: TraceFlags, is_remote: bool) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
    SpanContext::new(trace_id, span_id, flags, is_remote, TraceState::EMPTY)
}

/// A link to a span of this process that is not sampled.
fn link(trace_id: u128, span_id: u64) -> Link {
    Link {
        trace_id: trace_id.to_be_bytes().to_vec(),
        span_id: span_id.to_be_bytes().to_vec(),
        flags: HAS_IS_REMOTE,
        ..Link::default()
    }
}
