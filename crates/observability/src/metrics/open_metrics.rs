//! The metrics in the text format of `OpenMetrics`, for a scrape by Prometheus.
//!
//! Position: the [`Sink`] that every meter has; read by
//! [`TelemetryHandle::render_metrics`](crate::TelemetryHandle::render_metrics).
//!
//! Invariant: a metric that nothing was counted of yet is left out.
//!
//! Source: `OpenMetrics` 1.0; OpenTelemetry specification, "Prometheus Exporter".

use super::{
    BUCKETS_SECONDS, Condition, Counter, Duration, Measurement, Operation, Sink, Tally, Values,
    catalogue::Label, sdk::SdkMetrics, target,
};
use crate::{
    context::{SpanId, TraceId},
    layers::report::Level,
    recorder::Recorder,
};
use prometheus_client::{
    encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder, text},
    metrics::{counter, exemplar::HistogramWithExemplars, family::Family, gauge, info::Info},
    registry::Registry,
};
use std::{collections::HashMap, fmt, sync::atomic::AtomicU64};

type Labels = Vec<(&'static str, String)>;
type Histogram = HistogramWithExemplars<Example>;

/// A span whose duration lies in a bucket.
#[derive(Debug, Clone)]
struct Example(TraceId, SpanId);

impl EncodeLabelSet for Example {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("trace_id", self.0.to_string()).encode(encoder.encode_label())?;
        ("span_id", self.1.to_string()).encode(encoder.encode_label())
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS_SECONDS.into_iter())
}

type Histograms = Family<Labels, Histogram, fn() -> Histogram>;
type Counters = Family<Labels, counter::Counter>;
type Gauges = Family<Labels, gauge::Gauge<f64, AtomicU64>>;

/// Every metric by its name.
pub(super) struct OpenMetrics {
    has_tenants: bool,
    registry: Registry,
    histograms: HashMap<&'static str, Histograms>,
    counters: HashMap<&'static str, Counters>,
    gauges: HashMap<&'static str, Gauges>,
}

impl OpenMetrics {
    pub(super) fn new(has_tenants: bool) -> Self {
        let mut metrics = Self {
            has_tenants,
            registry: Registry::default(),
            histograms: HashMap::new(),
            counters: HashMap::new(),
            gauges: HashMap::new(),
        };
        for operation in Operation::ALL {
            operation
                .durations()
                .iter()
                .for_each(|it| metrics.add_histogram(it));
            operation
                .counters()
                .iter()
                .for_each(|it| metrics.add_counter(it));
        }
        for level in Level::ALL {
            metrics.add_gauge(level);
        }
        metrics
    }

    fn add_histogram(&mut self, described: &Duration) {
        let registry = &mut self.registry;
        self.histograms.entry(described.name).or_insert_with(|| {
            let family = Histograms::new_with_constructor(histogram);
            registry.register(described.name, described.help, family.clone());
            family
        });
    }

    fn add_counter(&mut self, described: &Counter) {
        let registry = &mut self.registry;
        self.counters.entry(described.name).or_insert_with(|| {
            let family = Counters::default();
            // The format adds the ending itself.
            let name = described.name.trim_end_matches("_total");
            registry.register(name, described.help, family.clone());
            family
        });
    }

    fn add_gauge(&mut self, level: Level) {
        let (described, family) = (level.gauge(), Gauges::default());
        let registry = &mut self.registry;
        registry.register(described.name, described.help, family.clone());
        self.gauges.insert(described.name, family);
    }

    fn labels(&self, values: &Values, wanted: &[Label]) -> Labels {
        let picked = values.pick(wanted, self.has_tenants);
        picked
            .map(|(label, value)| (label.name(), value.to_owned()))
            .collect()
    }
}

impl Sink for OpenMetrics {
    fn open(&self, operation: Operation, values: &Values) -> Box<dyn Tally> {
        let histogram = |described: &Duration| {
            let family = self.histograms.get(described.name)?;
            Some(family.get_or_create_owned(&self.labels(values, described.labels)))
        };
        let counter = |described: &'static Counter| {
            let family = self.counters.get(described.name)?;
            let labels = self.labels(values, described.labels);
            Some((described.counts, family.get_or_create_owned(&labels)))
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
        let tenant = tenant.map(|tenant| (Label::Tenant.name(), tenant.to_owned()));
        if let Some(family) = self.gauges.get(level.gauge().name) {
            let labels: Labels = tenant.into_iter().collect();
            family.get_or_create_owned(&labels).set(value);
        }
    }
}

/// The numbers of one series.
struct Numbers {
    durations: Vec<Histogram>,
    counters: Vec<(Condition, counter::Counter)>,
}

impl Tally for Numbers {
    fn count(&self, measurement: &Measurement) {
        let example = measurement
            .example
            .map(|(trace, span)| Example(trace, span));
        for histogram in &self.durations {
            histogram.observe(measurement.seconds, example.clone(), None);
        }
        for (counts, counter) in &self.counters {
            if counts(measurement) {
                counter.inc();
            }
        }
    }
}

/// All metrics of a recorder as text; `None` is one that is switched off.
pub(crate) fn render(recorder: Option<&'static Recorder>) -> String {
    let mut text = String::new();
    let mut target = Registry::default();
    if let Some(labels) = recorder.map(|recorder| target::labels(&(recorder.config.resource)()))
        && !labels.is_empty()
    {
        target.register("target", "who is measured", Info::new(labels));
    }
    let mut sdk = Registry::default();
    let stats = recorder.map(Recorder::stats).unwrap_or_default();
    sdk.register_collector(Box::new(SdkMetrics(stats)));
    let hooks = recorder.and_then(|recorder| recorder.hooks.as_ref());
    let meter = hooks.and_then(|hooks| hooks.meter());
    let measured = meter.map(|meter| &meter.open_metrics.registry);
    let written = [Some(&target), measured, Some(&sdk)]
        .into_iter()
        .flatten()
        .try_for_each(|registry| text::encode_registry(&mut text, registry));
    // Writing to memory does not fail.
    written
        .and_then(|()| text::encode_eof(&mut text))
        .unwrap_or_default();
    text
}
