//! Properties of all formats together: no bytes panic or yield an invalid parent, and what was written is read.
//!
//! The carriers are those of programs: HTTP headers, JSON messages, variables of a child process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{
    Carrier, PropagationFormat, Propagators, carrier::Variables, extract_context_from_dict,
    inject_context, propagate_context_to_dict,
};
use crate::context::{Baggage, Context, SpanContext, TraceFlags, TraceState, with_context};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use std::process::Command;

/// What the formats read.
const HEADERS: [&str; 12] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "uberctx-tenant",
    "x-amzn-trace-id",
    "x-other",
];

const SOUND: [&str; 7] = [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "a=1,b@c=2",
    "tenant=acme;p=1,plan=a%20b",
    "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1",
    "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1",
    "b7ad6b7169203331",
];

fn all_formats() -> Propagators {
    use PropagationFormat::{B3, B3Multi, Baggage, Jaeger, TraceContext, XRay};
    Propagators::new([TraceContext, Baggage, B3, B3Multi, Jaeger, XRay])
}

/// A sound value with some of its bytes replaced, or any bytes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let damaged = (
        select(&SOUND[..]),
        vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    );
    let damaged = damaged.prop_map(|(sound, changes)| {
        let mut bytes = sound.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![damaged, vec(any::<u8>(), 0..80)]
}

fn is_sound(context: &Context) -> bool {
    let parent = context.span_context();
    let (trace, span) = (parent.trace_id().is_valid(), parent.span_id().is_valid());
    trace == span && (!trace || parent.is_remote())
}

fn json_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![select(&SOUND[..]).prop_map(str::to_owned), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop_oneof![
        select(&["_trace_context", "trace_context", "Traceparent"][..]).prop_map(str::to_owned),
        select(&HEADERS[..]).prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let members = vec((key.clone(), inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::from),
            members.prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// What the child finds that a command would start.
fn variables(command: &Command) -> Variables {
    let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
    let set = command
        .get_envs()
        .filter_map(|(name, value)| Some((text(name), text(value?))));
    Variables::new(set)
}

/// A context with everything that W3C's formats carry.
fn context() -> impl Strategy<Value = Context> {
    let state = vec(("[a-z][a-z0-9]{0,8}", "[!-+.-<>-~]{1,8}"), 0..4);
    // Letters could make the name of a secret, which stays at home.
    let baggage = vec(("k[0-9]{1,8}", any::<String>()), 0..4);
    let ids = (1_u128.., 1_u64.., any::<[bool; 2]>());
    (ids, state, baggage).prop_map(|((trace, span, [sampled, random]), state, baggage)| {
        let flags = TraceFlags::default()
            .with_sampled(sampled)
            .with_random(random);
        let members: Vec<_> = state.iter().map(|(k, v)| format!("{k}={v}")).collect();
        // A name that is there twice makes a state invalid, which is then an empty one.
        let state: TraceState = members.join(",").parse().unwrap_or_default();
        let mut kept = Baggage::new();
        for (key, value) in &baggage {
            kept.insert(key, value).unwrap();
        }
        let parent = SpanContext::new(trace.into(), span.into(), flags, true, state);
        Context::root()
            .with_remote_span_context(parent)
            .with_baggage(kept)
    })
}

fn assert_same(found: &Context, sent: &Context) {
    assert_eq!(found.span_context(), sent.span_context());
    let entries = |context: &Context| {
        let entries = context.baggage().iter();
        let mut entries: Vec<_> = entries
            .map(|entry| (entry.key.to_owned(), entry.value.to_owned()))
            .collect();
        entries.sort_unstable();
        entries
    };
    assert_eq!(entries(found), entries(sent));
}

proptest! {
    #[test]
    fn headers_of_any_bytes_give_a_sound_parent_or_none(
        headers in vec((select(&HEADERS[..]), value()), 0..8),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(HeaderName::from_static(name), value);
            }
        }
        let propagators = all_formats();
        let context = propagators.extract(&map);
        prop_assert!(is_sound(&context), "{:?} of {map:?}", context.span_context());
        // What came in can go out again.
        propagators.inject(&context, &mut map);
    }

    #[test]
    fn messages_of_any_shape_give_a_sound_parent_or_none(message in json_value()) {
        let whole = json!({ "_trace_context": &message });
        for message in [&message, &whole] {
            prop_assert!(is_sound(&extract_context_from_dict(message)), "{message}");
        }
        if let Ok(carrier) = serde_json::from_value::<Carrier>(message) {
            prop_assert!(is_sound(&all_formats().extract(&carrier)), "{carrier:?}");
        }
    }

    #[test]
    fn what_a_message_carries_is_read_as_it_was(sent in context()) {
        let mut message = json!({});
        with_context(&sent, || propagate_context_to_dict(&mut message));
        let read: Value = serde_json::from_str(&message.to_string()).unwrap();
        assert_same(&extract_context_from_dict(&read), &sent);
    }

    #[test]
    fn what_a_child_process_is_given_is_read_as_it_was(sent in context()) {
        let mut command = Command::new("child");
        inject_context(&sent, &mut command);
        assert_same(&Propagators::default().extract(&variables(&command)), &sent);
    }

    #[test]
    fn what_a_child_process_is_given_by_jaeger_is_read_as_it_was(sent in context()) {
        let jaeger = Propagators::new([PropagationFormat::Jaeger]);
        let mut command = Command::new("child");
        jaeger.inject(&sent, &mut command);
        let found = jaeger.extract(&variables(&command));
        // The format has neither `tracestate` nor the random flag.
        let flags = TraceFlags::NONE.with_sampled(sent.span_context().is_sampled());
        let (trace, span) = (sent.span_context().trace_id(), sent.span_context().span_id());
        let plain = SpanContext::new(trace, span, flags, true, TraceState::EMPTY);
        assert_same(&found, &sent.with_remote_span_context(plain));
    }

    #[test]
    fn what_http_headers_carry_is_read_as_it_was(sent in context()) {
        let mut headers = HeaderMap::new();
        inject_context(&sent, &mut headers);
        assert_same(&Propagators::default().extract(&headers), &sent);
    }
}
