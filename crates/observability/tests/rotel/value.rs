//! Values of every type, each with what it must be on the wire.
//!
//! Used for attributes of the resource, of spans, of events and of links alike.

use continuum_observability::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value as Wire,
};

const UNICODE: &str = "naïve 東京 🦀 e\u{301} \u{0}\n\"\\";

/// A key, the value to record under it, and the value to be received.
pub(crate) type Row = (&'static str, Value<'static>, AnyValue);

pub(crate) fn all() -> Vec<Row> {
    let mut all = vec![
        ("text", "plain".into(), text("plain")),
        ("text.unicode", UNICODE.into(), text(UNICODE)),
        ("text.empty", "".into(), text("")),
        ("schlüssel.鍵", "key".into(), text("key")),
        ("bool.true", true.into(), any(Wire::BoolValue(true))),
        ("bool.false", false.into(), any(Wire::BoolValue(false))),
        ("empty", Value::Empty, AnyValue::default()),
    ];
    all.extend(numbers());
    all.extend(bytes());
    all.extend(nested());
    all
}

/// All values as they must be received.
pub(crate) fn all_sent() -> Vec<KeyValue> {
    let sent = |(key, _, value): Row| attribute(key, value);
    all().into_iter().map(sent).collect()
}

/// All values as they are recorded.
pub(crate) fn all_recorded() -> Vec<(&'static str, Value<'static>)> {
    let recorded = |(key, value, _): Row| (key, value);
    all().into_iter().map(recorded).collect()
}

pub(crate) fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

pub(crate) fn text(text: &str) -> AnyValue {
    any(Wire::StringValue(text.to_owned()))
}

pub(crate) fn integer(value: i64) -> AnyValue {
    any(Wire::IntValue(value))
}

fn numbers() -> Vec<Row> {
    let integers = [
        ("i64.min", i64::MIN),
        ("i64.max", i64::MAX),
        ("i64.zero", 0),
        ("i64.negative", -1),
    ];
    let floats = [
        ("f64.fraction", 0.1),
        ("f64.zero", 0.0),
        ("f64.negative_zero", -0.0),
        ("f64.min", f64::MIN),
        ("f64.smallest", f64::from_bits(1)),
        ("f64.infinity", f64::INFINITY),
    ];
    let integers = integers.map(|(key, value)| (key, value.into(), integer(value)));
    let floats = floats.map(|(key, value)| (key, value.into(), any(Wire::DoubleValue(value))));
    integers.into_iter().chain(floats).collect()
}

fn bytes() -> [Row; 2] {
    const BYTES: &[u8] = &[0, 0xff, 0xc3, 0x28, 0x80];
    [("bytes", BYTES), ("bytes.empty", &[])]
        .map(|(key, value)| (key, value.into(), any(Wire::BytesValue(value.to_vec()))))
}

fn nested() -> Vec<Row> {
    let mixed = Value::Array(vec![
        Value::Empty,
        UNICODE.into(),
        false.into(),
        i64::MIN.into(),
        0.5.into(),
        Value::Bytes(vec![0, 0xff].into()),
        Value::Array(Vec::new()),
        Value::Map(vec![("inner".into(), 1.into())]),
    ]);
    let mixed_sent = vec![
        AnyValue::default(),
        text(UNICODE),
        any(Wire::BoolValue(false)),
        integer(i64::MIN),
        any(Wire::DoubleValue(0.5)),
        any(Wire::BytesValue(vec![0, 0xff])),
        array(Vec::new()),
        map(vec![attribute("inner", integer(1))]),
    ];
    let deep = Value::Map(vec![
        ("mixed".into(), mixed.clone()),
        ("map".into(), Value::Map(vec![("".into(), Value::Empty)])),
        ("empty".into(), Value::Map(Vec::new())),
    ]);
    let deep_sent = vec![
        attribute("mixed", array(mixed_sent.clone())),
        attribute("map", map(vec![attribute("", AnyValue::default())])),
        attribute("empty", map(Vec::new())),
    ];
    vec![
        ("array.mixed", mixed, array(mixed_sent)),
        ("array.empty", Value::Array(Vec::new()), array(Vec::new())),
        ("map.nested", deep, map(deep_sent)),
        ("map.empty", Value::Map(Vec::new()), map(Vec::new())),
    ]
}

fn any(value: Wire) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn array(values: Vec<AnyValue>) -> AnyValue {
    any(Wire::ArrayValue(ArrayValue { values }))
}

fn map(values: Vec<KeyValue>) -> AnyValue {
    any(Wire::KvlistValue(KeyValueList { values }))
}
