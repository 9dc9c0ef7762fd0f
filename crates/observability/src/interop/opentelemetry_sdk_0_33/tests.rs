//! The SDK's own exporter, and ones that misbehave, behind the adapter.

use super::*;
use crate::export::sample;
use opentelemetry::{
    Array, Value as ApiValue,
    trace::{SpanKind, Status},
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue as ProtoValue, ArrayValue, any_value::Value},
    trace::v1::{Span, span::Link},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{InMemorySpanExporter, SpanData},
};
use std::time::{Duration, UNIX_EPOCH};

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn export(exporter: &mut impl Exporter, spans: Vec<Span>) -> Result<Exported, ExportError> {
    let bytes = sample::request(spans);
    exporter.export(&EncodedRequest::new(&bytes, 1), deadline())
}

#[test]
fn the_exporter_receives_every_field() {
    let theirs = InMemorySpanExporter::default();
    let list = |values: Vec<Value>| {
        let values = values.into_iter();
        let values = values
            .map(|value| ProtoValue { value: Some(value) })
            .collect();
        Value::ArrayValue(ArrayValue { values })
    };
    let link = Link {
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        flags: 0x300,
        dropped_attributes_count: 1,
        ..Link::default()
    };
    let span = Span {
        kind: 3,
        trace_state: "vendor=1".into(),
        flags: 0x301,
        attributes: vec![
            sample::string("text", "value"),
            sample::entry("ints", list(vec![Value::IntValue(1), Value::IntValue(2)])),
            sample::entry(
                "mixed",
                list(vec![Value::IntValue(1), Value::BoolValue(true)]),
            ),
            sample::entry("bytes", Value::BytesValue(vec![1, 2])),
        ],
        dropped_attributes_count: 1,
        events: vec![sample::event("miss", 5, vec![sample::string("key", "k")])],
        dropped_events_count: 2,
        links: vec![link],
        dropped_links_count: 3,
        status: Some(sample::failed("it broke")),
        ..sample::span("db.select", 2, Some(1))
    };
    assert!(export(&mut SdkExporter::new(theirs.clone()), vec![span]).is_ok());

    let found = theirs.get_finished_spans().unwrap().remove(0);
    assert_eq!(found.name, "db.select");
    assert_eq!(found.span_kind, SpanKind::Client);
    assert_eq!(found.span_context.trace_id().to_bytes(), [0xab; 16]);
    assert_eq!(found.span_context.trace_state().header(), "vendor=1");
    assert_eq!(found.parent_span_id.to_bytes(), [1; 8]);
    assert!(found.parent_span_is_remote && found.span_context.is_sampled());
    assert_eq!(found.start_time, UNIX_EPOCH + Duration::from_millis(2));
    assert_eq!(found.end_time, UNIX_EPOCH + Duration::from_millis(12));
    let values: Vec<_> = found
        .attributes
        .iter()
        .map(|one| one.value.clone())
        .collect();
    let expected = [
        ApiValue::from("value"),
        ApiValue::Array(Array::I64(vec![1, 2])),
        ApiValue::from("[1,true]"),
        ApiValue::from("\"AQI=\""),
    ];
    assert_eq!(values, expected);
    assert_eq!(found.dropped_attributes_count, 1);
    assert_eq!(found.events.events[0].name, "miss");
    assert_eq!(found.events.dropped_count, 2);
    let link = &found.links.links[0];
    assert_eq!(link.span_context.span_id().to_bytes(), [8; 8]);
    assert!(link.span_context.is_remote());
    assert_eq!(found.links.dropped_count, 3);
    assert_eq!(found.status, Status::error("it broke"));
    assert_eq!(found.instrumentation_scope.name(), "sample");
}

/// Notes the resource that it is told of.
#[derive(Debug, Default)]
struct Resources(Arc<std::sync::Mutex<Vec<String>>>);

impl SpanExporter for Resources {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        let name = resource.get(&"service.name".into()).unwrap();
        self.0.lock().unwrap().push(name.to_string());
    }
}

#[test]
fn the_exporter_is_told_of_the_resource_once() {
    let theirs = Resources::default();
    let told = Arc::clone(&theirs.0);
    let mut exporter = SdkExporter::new(theirs);
    for _ in 0..2 {
        assert!(export(&mut exporter, vec![sample::span("s", 1, None)]).is_ok());
    }
    assert_eq!(*told.lock().unwrap(), ["tests"]);
}

/// Ends as told, after another thread has woken it.
#[derive(Debug)]
struct Woken(fn() -> OTelSdkResult);

impl SpanExporter for Woken {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let mut is_first = true;
        std::future::poll_fn(|context| {
            if !std::mem::take(&mut is_first) {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            thread::Builder::new().spawn(|| waker.wake()).unwrap();
            Poll::Pending
        })
        .await;
        (self.0)()
    }
}

#[test]
fn a_future_is_driven_to_its_end_and_its_error_is_told() {
    let span = || vec![sample::span("s", 1, None)];
    assert!(export(&mut SdkExporter::new(Woken(|| Ok(()))), span()).is_ok());
    let fail = || Err(OTelSdkError::InternalFailure("no disk".into()));
    let error = export(&mut SdkExporter::new(Woken(fail)), span()).unwrap_err();
    assert_eq!(error.to_string(), "Operation failed: no disk");
}

#[derive(Debug)]
struct Stuck;

impl SpanExporter for Stuck {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        std::future::pending().await
    }
}

#[test]
fn a_future_that_never_ends_is_left_at_the_deadline() {
    let bytes = sample::request([sample::span("s", 1, None)]);
    let request = EncodedRequest::new(&bytes, 1);
    let error = SdkExporter::new(Stuck)
        .export(&request, Instant::now() + Duration::from_millis(20))
        .unwrap_err();
    assert!(matches!(error, ExportError::Deadline { .. }), "{error:?}");
}

#[cfg(feature = "tokio")]
#[test]
fn an_exporter_on_tokio_is_called_within_its_runtime() {
    #[derive(Debug)]
    struct Sleeping;

    impl SpanExporter for Sleeping {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        }
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut exporter = SdkExporter::new(Sleeping).in_runtime(runtime.handle().clone());
    assert!(export(&mut exporter, vec![sample::span("s", 1, None)]).is_ok());
}
