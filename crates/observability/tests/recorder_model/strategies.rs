//! How operations are drawn at random.

use crate::operations::{Actor, Attributes, End, Link, Operation, Start, Step, keys};
use continuum_observability::{SpanKind, SpanLimits, Status, TraceState, Value};
use proptest::prelude::*;
use std::borrow::Cow;

pub(crate) fn limits() -> impl Strategy<Value = SpanLimits> {
    let lengths = prop_oneof![Just(usize::MAX), 0..6_usize];
    (0..6_u32, 0..4_u32, 0..4_u32, 0..4_u32, 0..4_u32, lengths).prop_map(|drawn| {
        let mut limits = SpanLimits::default();
        (limits.attributes, limits.events, limits.links, ..) = drawn;
        (
            ..,
            limits.attributes_per_event,
            limits.attributes_per_link,
            limits.value_length,
        ) = drawn;
        limits
    })
}

pub(crate) fn start() -> impl Strategy<Value = Start> {
    let kind = prop::sample::select(vec![
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ]);
    let parent = prop::option::of(trace_state());
    let links = prop::collection::vec(link(), 0..3);
    let drawn = (
        text(),
        kind,
        parent,
        attributes(),
        links,
        prop::option::of(time()),
    );
    drawn.prop_map(
        |(name, kind, parent, attributes, links, unix_nanos)| Start {
            name,
            kind,
            parent,
            attributes,
            links,
            unix_nanos,
        },
    )
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let actors = vec![
        Actor::Owner,
        Actor::Owner,
        Actor::Reference,
        Actor::OtherThread,
        Actor::Beside,
    ];
    let drawn = (any::<usize>(), prop::sample::select(actors), operation());
    drawn.prop_map(|(span, by, operation)| Step {
        span,
        by,
        operation,
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let event = (text(), prop::option::of(time()), attributes());
    prop_oneof![
        10 => (key(), value()).prop_map(|(key, value)| Operation::SetAttribute(key, value)),
        4 => event.prop_map(|(name, unix_nanos, attributes)| Operation::AddEvent { name, unix_nanos, attributes }),
        3 => link().prop_map(Operation::AddLink),
        2 => status().prop_map(Operation::SetStatus),
        2 => text().prop_map(Operation::UpdateName),
        1 => prop_oneof![Just(End::Now), time().prop_map(End::At)].prop_map(Operation::End),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let drawn = (any::<(u128, u64, u8, bool)>(), trace_state(), attributes());
    drawn.prop_map(|(target, state, attributes)| Link {
        target,
        state,
        attributes,
    })
}

fn status() -> impl Strategy<Value = Status<'static>> {
    prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        text().prop_map(Status::error)
    ]
}

fn trace_state() -> impl Strategy<Value = TraceState> {
    let with_member =
        "[a-z]{1,8}".prop_map(|value| TraceState::EMPTY.insert("vendor", &value).unwrap());
    prop_oneof![Just(TraceState::EMPTY), with_member]
}

/// Up to the year 2262, where nanoseconds still fit 63 bits.
fn time() -> impl Strategy<Value = u64> {
    0..=i64::MAX.cast_unsigned()
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec((key(), value()), 0..5)
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(keys())
}

/// Text of one to four bytes per character, sometimes long enough for a length of two bytes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[aZ9 äßж€中😀\u{301}]{0,9}", 1 => "[aä€😀]{60,200}"]
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let nested = leaf().prop_recursive(3, 12, 4, |inner| {
        let entries = prop::collection::vec((key(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            entries.prop_map(map),
        ]
    });
    let deep = (leaf(), prop::collection::vec(any::<bool>(), 5..12)).prop_map(|(leaf, levels)| {
        levels.into_iter().fold(leaf, |inner, is_map| {
            if is_map {
                map(vec![("inner".to_owned(), inner)])
            } else {
                Value::Array(vec![inner, Value::I64(1)])
            }
        })
    });
    prop_oneof![3 => leaf(), 2 => nested, 1 => deep]
}

fn map(entries: Attributes) -> Value<'static> {
    Value::Map(
        entries
            .into_iter()
            .map(|(key, value)| (Cow::Owned(key), value))
            .collect(),
    )
}

fn leaf() -> impl Strategy<Value = Value<'static>> {
    // Not-a-number is left out only because it does not equal itself.
    let number = any::<f64>().prop_filter("equal to itself", |number| !number.is_nan());
    let bytes = prop::collection::vec(any::<u8>(), 0..10);
    prop_oneof![
        Just(Value::Empty),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        number.prop_map(Value::F64),
        text().prop_map(|text| Value::Str(text.into())),
        bytes.prop_map(|bytes| Value::Bytes(bytes.into())),
    ]
}
