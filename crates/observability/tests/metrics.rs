//! Metrics of the layers through the `opentelemetry` meter, into the SDK that a program has installed. A
//! process of its own: the meter provider is global.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use continuum_observability::{
    ExporterConfig, Sampler, SpanMetrics, Telemetry,
    interop::opentelemetry_0_33::register_span_metrics,
    layers::{cache::trace_cache_operation, memory::trace_recall},
};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData, ScopeMetrics},
};
use std::time::Duration;

fn shown<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut shown: Vec<_> = attributes
        .map(|attribute| format!(" {}={}", attribute.key, attribute.value))
        .collect();
    shown.sort();
    shown.concat()
}

/// A line for each value; of a histogram the number of values, and the bounds once.
fn read(provider: &SdkMeterProvider, metrics: &InMemoryMetricExporter) -> String {
    provider.force_flush().unwrap();
    let mut lines = Vec::new();
    for resource in metrics.get_finished_metrics().unwrap() {
        for metric in resource.scope_metrics().flat_map(ScopeMetrics::metrics) {
            let name = metric.name();
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    assert!(sum.is_monotonic());
                    for point in sum.data_points() {
                        lines.push(format!(
                            "{name}{} = {}",
                            shown(point.attributes()),
                            point.value()
                        ));
                    }
                }
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    assert_eq!(metric.unit(), "s");
                    for point in histogram.data_points() {
                        assert_eq!(point.bounds().next(), Some(0.005));
                        assert_eq!(point.bounds().last(), Some(10.0));
                        lines.push(format!(
                            "{name}{}: {}",
                            shown(point.attributes()),
                            point.count()
                        ));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    lines.sort();
    lines.join("\n")
}

#[test]
fn the_meter_of_the_program_is_told_what_a_scrape_reads() {
    let metrics = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(metrics.clone())
        .with_interval(Duration::from_hours(1))
        .build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    global::set_meter_provider(provider.clone());
    let telemetry = Telemetry::builder()
        .service_name("memory")
        .resource_attribute("host.id", "a\"b")
        .exporter(ExporterConfig::None)
        .sampler(Sampler::AlwaysOff)
        .metrics(SpanMetrics::new().tenants(1))
        .init()
        .unwrap();
    trace_recall("?").tenant_id("acme").in_scope(|_| ());
    register_span_metrics(telemetry.handle());
    for tenant in ["acme", "late"] {
        trace_recall("?").tenant_id(tenant).in_scope(|_| ());
    }
    let _failed = trace_cache_operation("GET", "k").run_sync(|span| {
        span.cache_miss("k");
        Err::<(), _>("gone")
    });
    assert_eq!(
        read(&provider, &metrics),
        "continuum_cache_errors_total operation=get = 1
continuum_cache_misses_total = 1
continuum_cache_operation_duration_seconds operation=get success=false: 1
continuum_cache_operations_total operation=get = 1
continuum_memory_operation_duration_seconds operation=recall success=true tenant.id=acme: 1
continuum_memory_operation_duration_seconds operation=recall success=true tenant.id=other: 1
continuum_memory_operations_total operation=recall success=true tenant.id=acme = 1
continuum_memory_operations_total operation=recall success=true tenant.id=other = 1
continuum_memory_recall_duration_seconds success=true tenant.id=acme: 1
continuum_memory_recall_duration_seconds success=true tenant.id=other: 1
continuum_memory_recalls_total tenant.id=acme = 1
continuum_memory_recalls_total tenant.id=other = 1"
    );
    // What was counted before the meter was there is not lost for a scrape.
    let text = telemetry.render_metrics();
    assert!(
        text.contains("\ncontinuum_memory_recalls_total{tenant_id=\"acme\"} 2\n"),
        "{text}"
    );
    // And whose metrics they are.
    let (target, _) = text.split_once("} 1\n").unwrap();
    let labels =
        target.strip_prefix("# HELP target who is measured.\n# TYPE target info\ntarget_info{");
    let labels = labels.unwrap();
    assert!(labels.contains("host_id=\"a\\\"b\""), "{labels}");
    assert!(labels.contains(",service_name=\"memory\","), "{labels}");
    assert!(labels.contains("service_instance_id="), "{labels}");
    assert_eq!(text.matches("target_info").count(), 1);
    assert_eq!(telemetry.stats().exported, 0);
}
