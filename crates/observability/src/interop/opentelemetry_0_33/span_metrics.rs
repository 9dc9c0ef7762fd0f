//! The metrics of requests and of the layers, through a meter of the `opentelemetry` API.
//!
//! Position: a further sink of the recorder's meter; told of each measured span as it ends.
//!
//! Invariant: the instruments are made once, and the attributes of a series once.
//!
//! Source: the names are those of `docs/semantic-conventions.md`.

use crate::{
    TelemetryHandle,
    layers::report::Level,
    metrics::{
        BUCKETS_SECONDS, Condition, Counter, Duration, Gauge, Measurement, Operation, Sink, Tally,
        Values,
    },
    semconv::attribute,
};
use opentelemetry::{KeyValue, global, metrics};
use std::collections::HashMap;

/// Reports the metrics that `telemetry` works out of spans through the global `opentelemetry` meter as
/// well, from now on; where it works out none, this does nothing.
///
/// Set the meter provider before, and call it once for each set-up. The labels are attributes, that of
/// the tenant as `tenant.id`. A child of a fork reports nothing there until it calls this for itself,
/// with a provider of its own.
///
/// ```
/// use continuum_observability::{
///     ExporterConfig, SpanMetrics, Telemetry, interop::opentelemetry_0_33,
/// };
///
/// let telemetry = Telemetry::builder()
///     .exporter(ExporterConfig::None)
///     .metrics(SpanMetrics::new())
///     .init()?;
/// opentelemetry_0_33::register_span_metrics(telemetry.handle());
/// # Ok::<(), continuum_observability::ConfigError>(())
/// ```
pub fn register_span_metrics(telemetry: TelemetryHandle) {
    if let Some(meter) = telemetry.meter() {
        meter.add_sink(Box::new(Instruments::new(meter.has_tenants())));
    }
}

/// Every instrument by its name.
struct Instruments {
    has_tenants: bool,
    histograms: HashMap<&'static str, metrics::Histogram<f64>>,
    counters: HashMap<&'static str, metrics::Counter<u64>>,
    gauges: HashMap<&'static str, metrics::Gauge<f64>>,
}

impl Instruments {
    fn new(has_tenants: bool) -> Self {
        let meter = global::meter("continuum-observability");
        let durations = Operation::ALL.iter().flat_map(|it| it.durations());
        let counters = Operation::ALL.iter().flat_map(|it| it.counters());
        Self {
            has_tenants,
            histograms: durations
                .map(|it| (it.name, histogram(&meter, it)))
                .collect(),
            counters: counters.map(|it| (it.name, counter(&meter, it))).collect(),
            gauges: Level::ALL
                .map(Level::gauge)
                .map(|it| (it.name, gauge(&meter, it)))
                .into(),
        }
    }
}

fn histogram(meter: &metrics::Meter, described: &Duration) -> metrics::Histogram<f64> {
    let builder = meter.f64_histogram(described.name).with_unit("s");
    builder
        .with_description(described.help)
        .with_boundaries(BUCKETS_SECONDS.to_vec())
        .build()
}

fn counter(meter: &metrics::Meter, described: &Counter) -> metrics::Counter<u64> {
    let builder = meter.u64_counter(described.name);
    builder.with_description(described.help).build()
}

fn gauge(meter: &metrics::Meter, described: Gauge) -> metrics::Gauge<f64> {
    let builder = meter.f64_gauge(described.name);
    builder.with_description(described.help).build()
}

impl Sink for Instruments {
    fn open(&self, operation: Operation, values: &Values) -> Box<dyn Tally> {
        let attributes = |wanted| {
            let picked = values.pick(wanted, self.has_tenants);
            let said = picked.filter(|(_, value)| !value.is_empty());
            said.map(|(label, value)| KeyValue::new(label.key(), value.to_owned()))
                .collect()
        };
        let histogram = |described: &Duration| {
            let instrument = self.histograms.get(described.name)?.clone();
            Some((instrument, attributes(described.labels)))
        };
        let counter = |described: &'static Counter| {
            let instrument = self.counters.get(described.name)?.clone();
            Some((described.counts, instrument, attributes(described.labels)))
        };
        Box::new(Numbers {
            durations: operation.durations().iter().filter_map(histogram).collect(),
            counters: (operation.counters().iter())
                .filter(|it| values.concern(it))
                .filter_map(counter)
                .collect(),
        })
    }

    fn set(&self, level: Level, tenant: Option<&str>, value: f64) {
        let tenant = tenant.filter(|tenant| !tenant.is_empty());
        let tenant = tenant.map(|tenant| KeyValue::new(attribute::TENANT_ID, tenant.to_owned()));
        if let Some(gauge) = self.gauges.get(level.gauge().name) {
            gauge.record(value, tenant.as_slice());
        }
    }
}

type Counted = (Condition, metrics::Counter<u64>, Vec<KeyValue>);

/// The numbers of one series, which the SDK behind the meter keeps.
struct Numbers {
    durations: Vec<(metrics::Histogram<f64>, Vec<KeyValue>)>,
    counters: Vec<Counted>,
}

impl Tally for Numbers {
    fn count(&self, measurement: &Measurement) {
        for (histogram, attributes) in &self.durations {
            histogram.record(measurement.seconds, attributes);
        }
        for (counts, counter, attributes) in &self.counters {
            if counts(measurement) {
                counter.add(1, attributes);
            }
        }
    }
}
