//! The reader against `opentelemetry-proto`: whatever that writes must be read back the same.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue as ProtoValue, ArrayValue, KeyValue, KeyValueList, any_value::Value},
    trace::v1::{
        Span, Status,
        span::{Event, Link},
    },
};
use proptest::{collection::vec, prelude::*};
use prost::Message as _;

use super::{super::sample, *};

fn to_proto(value: &AnyValue) -> ProtoValue {
    let value = match value {
        AnyValue::Empty => None,
        AnyValue::String(text) => Some(Value::StringValue(text.clone())),
        AnyValue::Bool(flag) => Some(Value::BoolValue(*flag)),
        AnyValue::Int(int) => Some(Value::IntValue(*int)),
        AnyValue::Double(double) => Some(Value::DoubleValue(*double)),
        AnyValue::Bytes(bytes) => Some(Value::BytesValue(bytes.clone())),
        AnyValue::Array(items) => Some(Value::ArrayValue(ArrayValue {
            values: items.iter().map(to_proto).collect(),
        })),
        AnyValue::Map(entries) => Some(Value::KvlistValue(KeyValueList {
            values: to_entries(entries),
        })),
    };
    ProtoValue { value }
}

fn to_entries(entries: &[(String, AnyValue)]) -> Vec<KeyValue> {
    let entry = |(key, value): &(String, AnyValue)| KeyValue {
        key: key.clone(),
        value: (*value != AnyValue::Empty).then(|| to_proto(value)),
        ..KeyValue::default()
    };
    entries.iter().map(entry).collect()
}

fn to_span(span: &SpanRecord) -> Span {
    let event = |event: &EventRecord| Event {
        time_unix_nano: event.time_unix_nanos,
        name: event.name.clone(),
        attributes: to_entries(&event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    };
    let link = |link: &LinkRecord| Link {
        trace_id: link.trace_id.to_vec(),
        span_id: link.span_id.to_vec(),
        trace_state: link.trace_state.clone(),
        attributes: to_entries(&link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
        flags: link.flags,
    };
    Span {
        trace_id: span.trace_id.to_vec(),
        span_id: span.span_id.to_vec(),
        trace_state: span.trace_state.clone(),
        parent_span_id: span.parent_span_id.map(Vec::from).unwrap_or_default(),
        flags: span.flags,
        name: span.name.clone(),
        kind: span.kind,
        start_time_unix_nano: span.start_unix_nanos,
        end_time_unix_nano: span.end_unix_nanos,
        attributes: to_entries(&span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.dropped_links_count,
        status: Some(Status {
            message: span.status_message.clone(),
            code: span.status_code,
        }),
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(AnyValue::Empty),
        ".{0,8}".prop_map(AnyValue::String),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<i64>().prop_map(AnyValue::Int),
        any::<f64>().prop_map(AnyValue::Double),
        vec(any::<u8>(), 0..8).prop_map(AnyValue::Bytes),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AnyValue::Array),
            vec((".{0,4}", inner), 0..4).prop_map(AnyValue::Map),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<(String, AnyValue)>> {
    vec((".{0,8}", any_value()), 0..4)
}

fn event() -> impl Strategy<Value = EventRecord> {
    (any::<u64>(), ".{0,8}", attributes(), any::<u32>()).prop_map(
        |(time_unix_nanos, name, attributes, dropped_attributes_count)| EventRecord {
            time_unix_nanos,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link() -> impl Strategy<Value = LinkRecord> {
    (
        any::<[u8; 16]>(),
        any::<[u8; 8]>(),
        ".{0,8}",
        any::<[u32; 2]>(),
        attributes(),
    )
        .prop_map(
            |(trace_id, span_id, trace_state, [flags, dropped_attributes_count], attributes)| {
                LinkRecord {
                    trace_id,
                    span_id,
                    trace_state,
                    flags,
                    attributes,
                    dropped_attributes_count,
                }
            },
        )
}

fn span() -> impl Strategy<Value = SpanRecord> {
    let ids = (
        any::<[u8; 16]>(),
        any::<[u8; 8]>(),
        proptest::option::of(any::<[u8; 8]>()),
    );
    let texts = (".{0,8}", ".{0,8}", ".{0,8}");
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3));
    let numbers = (any::<[i32; 2]>(), any::<[u64; 2]>(), any::<[u32; 4]>());
    (ids, texts, lists, numbers).prop_map(|(ids, texts, lists, (enums, times, counts))| {
        SpanRecord {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2.filter(|id| *id != [0; 8]),
            trace_state: texts.0,
            name: texts.1,
            status_message: texts.2,
            attributes: lists.0,
            events: lists.1,
            links: lists.2,
            kind: enums[0],
            status_code: enums[1],
            start_unix_nanos: times[0],
            end_unix_nanos: times[1],
            flags: counts[0],
            dropped_attributes_count: counts[1],
            dropped_events_count: counts[2],
            dropped_links_count: counts[3],
            ..SpanRecord::default()
        }
    })
}

proptest! {
    #[test]
    fn reads_back_what_the_reference_encoder_writes(spans in vec(span(), 0..3)) {
        let bytes = sample::request(spans.iter().map(to_span));
        let mut decoded = decode_request(&bytes).unwrap();
        for span in &mut decoded {
            prop_assert_eq!(&span.scope.name, "sample");
            prop_assert_eq!(&span.resource.attributes[0].0, "service.name");
            span.scope = Arc::default();
            span.resource = Arc::default();
        }
        // Compared as text: NaN is not equal to itself.
        prop_assert_eq!(format!("{decoded:?}"), format!("{spans:?}"));
    }

    #[test]
    fn takes_any_bytes_without_a_panic(bytes in vec(any::<u8>(), 0..512)) {
        let _either = decode_request(&bytes);
    }

    #[test]
    fn agrees_with_the_reference_decoder_on_damaged_requests(
        spans in vec(span(), 1..3),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = sample::request(spans.iter().map(to_span));
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let reference = ExportTraceServiceRequest::decode(bytes.as_slice());
        if let (Ok(reference), Ok(ours)) = (reference, decode_request(&bytes)) {
            let scopes = reference.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            let expected = scopes.flat_map(|scope| &scope.spans);
            let names: Vec<_> = expected.map(|span| (&span.name, span.flags)).collect();
            let found: Vec<_> = ours.iter().map(|span| (&span.name, span.flags)).collect();
            prop_assert_eq!(found, names);
        }
    }
}

#[test]
fn takes_fields_in_any_order_and_skips_unknown_ones() {
    let span = to_span(&SpanRecord {
        name: "first".into(),
        ..identified()
    });
    let request = sample::message([span]);
    let resource_spans = &request.resource_spans[0];
    let mut body = vec![0xfa, 0x3f, 1, 9]; // field 1023, one byte
    for scope_spans in &resource_spans.scope_spans {
        let mut inner = Vec::new();
        prost::encoding::message::encode(2, &scope_spans.spans[0], &mut inner);
        prost::encoding::message::encode(1, scope_spans.scope.as_ref().unwrap(), &mut inner);
        prost::encoding::bytes::encode(2, &inner, &mut body);
    }
    prost::encoding::message::encode(1, resource_spans.resource.as_ref().unwrap(), &mut body);
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(1, &body, &mut bytes);

    let spans = decode_request(&bytes).unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "first");
    assert_eq!(spans[0].scope.name, "sample");
    assert_eq!(
        spans[0].resource.attributes[0].1,
        AnyValue::String("tests".into())
    );
}

#[test]
fn refuses_values_nested_without_end() {
    let nested = |levels: usize| {
        let inner = (0..levels).fold(AnyValue::Int(1), |inner, _| AnyValue::Array(vec![inner]));
        let attributes = vec![("deep".into(), inner)];
        let span = SpanRecord {
            attributes,
            ..identified()
        };
        decode_request(&sample::request([to_span(&span)]))
    };
    assert!(nested(MAX_VALUE_DEPTH).is_ok());
    assert_eq!(nested(MAX_VALUE_DEPTH + 1), Err(DecodeError::TooDeep));
}

/// A span that could be received.
fn identified() -> SpanRecord {
    SpanRecord {
        trace_id: [1; 16],
        span_id: [2; 8],
        ..SpanRecord::default()
    }
}

#[test]
fn refuses_spans_without_ids_at_the_first_one() {
    let without = |trace_id: Vec<u8>, span_id: Vec<u8>| Span {
        trace_id,
        span_id,
        ..Span::default()
    };
    for span in [
        Span::default(),
        without(vec![1; 16], Vec::new()),
        without(Vec::new(), vec![1; 8]),
        without(vec![0; 16], vec![1; 8]),
    ] {
        let request = sample::request([span]);
        assert_eq!(decode_request(&request), Err(DecodeError::InvalidId));
    }
}

#[test]
fn refuses_ids_of_the_wrong_length() {
    let short = Span {
        trace_id: vec![1; 15],
        ..sample::span("short", 1, None)
    };
    assert_eq!(
        decode_request(&sample::request([short])),
        Err(DecodeError::InvalidId)
    );
    let long = Span {
        parent_span_id: vec![1; 9],
        ..sample::span("long", 1, None)
    };
    assert_eq!(
        decode_request(&sample::request([long])),
        Err(DecodeError::InvalidId)
    );
}
