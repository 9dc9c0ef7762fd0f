//! What the recorder reports of itself through the `opentelemetry` meter.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{builder, over_http, prompt},
    record,
};
use continuum_observability::{
    Context, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState, get_tracer,
    interop::opentelemetry_0_33::register_self_metrics, with_context, with_telemetry_disabled,
};
use opentelemetry::global;
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData, ScopeMetrics},
};
use std::fmt::Write as _;

/// Reads all instruments: a line for each value, without the attributes that are always the same.
fn read(provider: &SdkMeterProvider, metrics: &InMemoryMetricExporter) -> String {
    metrics.reset();
    provider.force_flush().unwrap();
    let mut lines = Vec::new();
    for resource in metrics.get_finished_metrics().unwrap() {
        let scopes = resource.scope_metrics();
        for metric in scopes.flat_map(ScopeMetrics::metrics) {
            let unit = match metric.name() {
                name if name.contains("usage") => "By",
                name if name.contains(".trace.") => "{trace}",
                _ => "{span}",
            };
            assert_eq!(metric.unit(), unit);
            let mut line = |attributes: Vec<String>, value: i128| {
                let mut line = metric.name().to_owned();
                for attribute in attributes {
                    write!(line, " {attribute}").unwrap();
                }
                // How large a chunk is, is no concern of these tests.
                let is_some = value > 0 && metric.unit() == "By";
                let value = if is_some {
                    "some".to_owned()
                } else {
                    value.to_string()
                };
                lines.push(format!("{line} = {value}"));
            };
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    assert!(sum.is_monotonic());
                    for point in sum.data_points() {
                        line(shown(point.attributes()), point.value().into());
                    }
                }
                AggregatedMetrics::I64(MetricData::Sum(sum)) => {
                    assert!(!sum.is_monotonic());
                    for point in sum.data_points() {
                        line(shown(point.attributes()), point.value().into());
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    lines.sort();
    lines.join("\n")
}

/// The values in the order of their keys, without the component's name, which begins with its type, and the port.
fn shown<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> Vec<String> {
    let mut attributes: Vec<_> = attributes
        .map(|attribute| (attribute.key.as_str(), attribute.value.to_string()))
        .collect();
    attributes.sort();
    let find = |key| attributes.iter().find(|(known, _)| *known == key);
    if let Some((_, kind)) = find("otel.component.type") {
        let (_, name) = find("otel.component.name").unwrap();
        let number = name
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix('/'));
        assert!(
            number.is_some_and(|number| number.parse::<u64>().is_ok()),
            "{name}"
        );
    }
    let left_out = ["otel.component.name", "server.port"];
    attributes.retain(|(key, _)| !left_out.contains(key));
    attributes.into_iter().map(|(_, value)| value).collect()
}

/// A meter that is read when a test asks.
fn meter() -> (SdkMeterProvider, InMemoryMetricExporter) {
    let metrics = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(metrics.clone())
        .with_interval(PLENTY)
        .build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    global::set_meter_provider(provider.clone());
    (provider, metrics)
}

#[test]
fn the_counts_of_the_recorder_are_read_by_the_global_meter() {
    let _alone = alone();
    let (provider, metrics) = meter();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, _lines) = builder(over_http(&backend));
    let telemetry = prompt(builder).max_queue_size(100).init().unwrap();
    register_self_metrics(telemetry.handle());
    record(2);
    backend.wait_for_request();
    record(3);
    let open = get_tracer("faults").start_span("open");
    with_telemetry_disabled(|| record(1));
    let while_the_backend_is_silent = "\
continuum.sdk.flight_recorder.span.recovered batching_span_processor = 0
continuum.sdk.flight_recorder.usage batching_span_processor = 0
continuum.sdk.queue.usage batching_span_processor = some
continuum.sdk.tail.span.sampled_out batching_span_processor = 0
continuum.sdk.tail.trace.decided_early batching_span_processor = 0
otel.sdk.exporter.span.exported export_failed otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.exported otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.exported rejected otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.inflight otlp_http_span_exporter 127.0.0.1 = 2
otel.sdk.processor.span.processed already_shutdown batching_span_processor = 0
otel.sdk.processor.span.processed batching_span_processor = 0
otel.sdk.processor.span.processed queue_full batching_span_processor = 0
otel.sdk.processor.span.queue.capacity batching_span_processor = 100
otel.sdk.processor.span.queue.size batching_span_processor = 3
otel.sdk.span.live batching_span_processor RECORD_AND_SAMPLE = 1
otel.sdk.span.started batching_span_processor none RECORD_AND_SAMPLE = 6";
    assert_eq!(read(&provider, &metrics), while_the_backend_is_silent);

    backend.set(Fault::None);
    drop(open);
    telemetry.shutdown(PLENTY).unwrap();
    let after_the_shutdown = "\
continuum.sdk.flight_recorder.span.recovered batching_span_processor = 0
continuum.sdk.flight_recorder.usage batching_span_processor = 0
continuum.sdk.queue.usage batching_span_processor = 0
continuum.sdk.tail.span.sampled_out batching_span_processor = 0
continuum.sdk.tail.trace.decided_early batching_span_processor = 0
otel.sdk.exporter.span.exported export_failed otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.exported otlp_http_span_exporter 127.0.0.1 = 6
otel.sdk.exporter.span.exported rejected otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.inflight otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.processor.span.processed already_shutdown batching_span_processor = 0
otel.sdk.processor.span.processed batching_span_processor = 6
otel.sdk.processor.span.processed queue_full batching_span_processor = 0
otel.sdk.processor.span.queue.capacity batching_span_processor = 100
otel.sdk.processor.span.queue.size batching_span_processor = 0
otel.sdk.span.live batching_span_processor RECORD_AND_SAMPLE = 0
otel.sdk.span.started batching_span_processor none RECORD_AND_SAMPLE = 6";
    assert_eq!(read(&provider, &metrics), after_the_shutdown);
}

#[test]
fn what_waits_at_the_tail_and_what_the_flight_recorder_holds_are_read_too() {
    let _alone = alone();
    let (provider, metrics) = meter();
    let backend = Backend::start(Protocol::Http, Fault::None);
    let (builder, _lines) = builder(over_http(&backend));
    let builder = builder.sampling_rate(0.0).flight_recorder(128 << 10);
    let telemetry = builder.init().unwrap();
    register_self_metrics(telemetry.handle());
    // Three are thrown away at the tail, and two below a caller who is not sampled.
    record(3);
    let (trace, span) = (TraceId::from(7_u128), SpanId::from(9_u64));
    let caller = SpanContext::new(trace, span, TraceFlags::NONE, true, TraceState::EMPTY);
    let below = Context::current().with_remote_span_context(caller);
    with_context(&below, || record(2));
    // One waits for its root.
    let root = get_tracer("faults").start_span("root");
    with_context(&root.as_context(), || record(1));
    telemetry.force_flush(PLENTY).unwrap();
    let before_an_error = "\
continuum.sdk.flight_recorder.span.recovered batching_span_processor = 0
continuum.sdk.flight_recorder.usage batching_span_processor = some
continuum.sdk.queue.usage batching_span_processor = some
continuum.sdk.tail.span.sampled_out batching_span_processor = 3
continuum.sdk.tail.trace.decided_early batching_span_processor = 0
otel.sdk.exporter.span.exported export_failed otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.exported otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.exported rejected otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.inflight otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.processor.span.processed already_shutdown batching_span_processor = 0
otel.sdk.processor.span.processed batching_span_processor = 0
otel.sdk.processor.span.processed queue_full batching_span_processor = 0
otel.sdk.processor.span.queue.size batching_span_processor = 1
otel.sdk.span.live batching_span_processor RECORD_AND_SAMPLE = 1
otel.sdk.span.started batching_span_processor local RECORD_AND_SAMPLE = 1
otel.sdk.span.started batching_span_processor none RECORD_AND_SAMPLE = 4
otel.sdk.span.started batching_span_processor remote RECORD_ONLY = 2";
    assert_eq!(read(&provider, &metrics), before_an_error);

    get_tracer("faults").in_scope("broken", |span| span.set_status(Status::error("no")));
    telemetry.shutdown(PLENTY).unwrap();
    drop(root);
    let after_the_shutdown = "\
continuum.sdk.flight_recorder.span.recovered batching_span_processor = 6
continuum.sdk.flight_recorder.usage batching_span_processor = 0
continuum.sdk.queue.usage batching_span_processor = 0
continuum.sdk.tail.span.sampled_out batching_span_processor = 4
continuum.sdk.tail.trace.decided_early batching_span_processor = 1
otel.sdk.exporter.span.exported export_failed otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.exported otlp_http_span_exporter 127.0.0.1 = 7
otel.sdk.exporter.span.exported rejected otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.exporter.span.inflight otlp_http_span_exporter 127.0.0.1 = 0
otel.sdk.processor.span.processed already_shutdown batching_span_processor = 1
otel.sdk.processor.span.processed batching_span_processor = 7
otel.sdk.processor.span.processed queue_full batching_span_processor = 0
otel.sdk.processor.span.queue.size batching_span_processor = 0
otel.sdk.span.live batching_span_processor RECORD_AND_SAMPLE = 0
otel.sdk.span.started batching_span_processor local RECORD_AND_SAMPLE = 1
otel.sdk.span.started batching_span_processor none RECORD_AND_SAMPLE = 5
otel.sdk.span.started batching_span_processor remote RECORD_ONLY = 2";
    assert_eq!(read(&provider, &metrics), after_the_shutdown);
}

#[test]
fn a_recorder_that_was_set_up_anew_is_told_from_the_one_before() {
    let _alone = alone();
    let (provider, metrics) = meter();
    let backend = Backend::start(Protocol::Http, Fault::None);
    for spans in [2, 3] {
        let (builder, _lines) = builder(over_http(&backend));
        let telemetry = builder.init().unwrap();
        register_self_metrics(telemetry.handle());
        record(spans);
        telemetry.shutdown(PLENTY).unwrap();
    }
    let read = read(&provider, &metrics);
    for counter in [
        "otel.sdk.exporter.span.exported otlp_http_span_exporter 127.0.0.1",
        "otel.sdk.span.started batching_span_processor none RECORD_AND_SAMPLE",
    ] {
        let values = read.lines().filter_map(|line| line.strip_prefix(counter));
        let values: Vec<_> = values.filter(|rest| rest.starts_with(" = ")).collect();
        assert_eq!(values, [" = 2", " = 3"], "{read}");
    }
    provider.shutdown().unwrap();
}
