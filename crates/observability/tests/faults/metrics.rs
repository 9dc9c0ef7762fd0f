//! What the recorder reports of itself through the `opentelemetry` meter.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{builder, over_http, prompt},
    record,
};
use continuum_observability::{
    get_tracer, interop::opentelemetry_0_33::register_self_metrics, with_telemetry_disabled,
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
            assert_eq!(metric.unit(), "{span}");
            let mut line = |attributes: Vec<String>, value: i128| {
                let mut line = metric.name().to_owned();
                for attribute in attributes {
                    write!(line, " {attribute}").unwrap();
                }
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

fn shown<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> Vec<String> {
    attributes
        .filter(|attribute| attribute.key.as_str() != "otel.component.name")
        .map(|attribute| attribute.value.to_string())
        .collect()
}

#[test]
fn the_counts_of_the_recorder_are_read_by_the_global_meter() {
    let _alone = alone();
    let metrics = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(metrics.clone())
        .with_interval(PLENTY)
        .build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    global::set_meter_provider(provider.clone());

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
otel.sdk.exporter.span.exported = 0
otel.sdk.exporter.span.exported export_failed = 0
otel.sdk.exporter.span.exported rejected = 0
otel.sdk.exporter.span.inflight = 2
otel.sdk.processor.span.processed = 0
otel.sdk.processor.span.processed already_shutdown = 0
otel.sdk.processor.span.processed queue_full = 0
otel.sdk.processor.span.queue.capacity = 100
otel.sdk.processor.span.queue.size = 3
otel.sdk.span.live = 1
otel.sdk.span.started DROP = 0
otel.sdk.span.started RECORD_AND_SAMPLE = 6";
    assert_eq!(read(&provider, &metrics), while_the_backend_is_silent);

    backend.set(Fault::None);
    drop(open);
    telemetry.shutdown(PLENTY).unwrap();
    let after_the_shutdown = "\
otel.sdk.exporter.span.exported = 6
otel.sdk.exporter.span.exported export_failed = 0
otel.sdk.exporter.span.exported rejected = 0
otel.sdk.exporter.span.inflight = 0
otel.sdk.processor.span.processed = 6
otel.sdk.processor.span.processed already_shutdown = 0
otel.sdk.processor.span.processed queue_full = 0
otel.sdk.processor.span.queue.capacity = 100
otel.sdk.processor.span.queue.size = 0
otel.sdk.span.live = 0
otel.sdk.span.started DROP = 0
otel.sdk.span.started RECORD_AND_SAMPLE = 6";
    assert_eq!(read(&provider, &metrics), after_the_shutdown);
}
