//! Rates, errors and durations of requests and of the layers, worked out from spans as they end.
//!
//! Position: called by the hooks of a recorder at the end of a span, whoever made it. `operation` says
//! which spans are measured and what is counted of them, `measurement` reads a span, `series` finds
//! the numbers, [`Sink`]s keep them: `open_metrics` for a scrape, behind what `target` says of the resource, and
//! the `opentelemetry` meter. What the layers tell
//! without a span goes the same way, by `occasion`.
//!
//! Invariants:
//! - spans that are sampled out are measured like all others: they are recorded, and given up at their end;
//! - the number of series is bounded, and what is beyond it is counted as `other`;
//! - a child of a fork has a meter of its own, which begins with no counts and no sinks;
//! - a recorder without metrics has none of this: it costs nothing.

mod catalogue;
mod measurement;
mod occasion;
mod open_metrics;
mod operation;
mod sdk;
mod series;
mod target;
mod tenants;
#[cfg(test)]
mod tests;

#[cfg(feature = "opentelemetry_0_33")]
pub(crate) use catalogue::Gauge;
pub(crate) use {
    catalogue::{BUCKETS_SECONDS, Condition, Counter, Duration},
    measurement::Measurement,
    open_metrics::render,
    operation::Operation,
    series::Values,
};

use crate::{
    layers::report::Level,
    span::{SpanRef, SpanTime},
};
use open_metrics::OpenMetrics;
use series::Series;
use std::{
    cell::Cell,
    fmt,
    sync::{PoisonError, RwLock},
};
use tenants::Tenants;

/// What metrics are worked out of spans.
///
/// | of | what |
/// |---|---|
/// | requests | spans of kind server with a method: `continuum_requests_total`, `continuum_request_duration_seconds`, … |
/// | memory, database, cache, federation | spans with the names of [`layers`](crate::layers) |
///
/// `docs/semantic-conventions.md` lists them all. They also count what is sampled out: such a span is
/// recorded then, and given up at its end. `OTEL_METRICS_ENABLED=false` switches them off. A child of a
/// fork counts from zero.
///
/// ```
/// use continuum_observability::{
///     ExporterConfig, Sampler, SpanMetrics, Telemetry, layers::memory::trace_recall,
/// };
///
/// let telemetry = Telemetry::builder()
///     .exporter(ExporterConfig::None)
///     .sampler(Sampler::AlwaysOff)
///     .metrics(SpanMetrics::new())
///     .init()?;
/// trace_recall("what did we decide?").in_scope(|_| ());
/// assert!(telemetry.render_metrics().contains("\ncontinuum_memory_recalls_total 1\n"));
/// # Ok::<(), continuum_observability::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SpanMetrics {
    pub(crate) tenants: Option<usize>,
}

impl SpanMetrics {
    /// The media type of [`TelemetryHandle::render_metrics`](crate::TelemetryHandle::render_metrics).
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Metrics of all tenants together, unless `CONTINUUM_METRICS_TENANTS` says otherwise.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells so many tenants apart, by the label `tenant_id`; those that come later are `other`.
    ///
    /// Whoever reads the metrics then learns the names of tenants.
    #[must_use]
    pub fn tenants(mut self, most: usize) -> Self {
        self.tenants = Some(most);
        self
    }
}

/// Keeps what is measured.
pub(crate) trait Sink: Send + Sync {
    /// The numbers of an operation with these labels.
    fn open(&self, operation: Operation, values: &Values) -> Box<dyn Tally>;

    /// Sets a level, that of a tenant where tenants are told apart.
    fn set(&self, level: Level, tenant: Option<&str>, value: f64);
}

/// Numbers of one operation with one set of labels.
pub(crate) trait Tally: Send + Sync {
    fn count(&self, measurement: &Measurement);
}

thread_local! {
    /// Where the labels of a span are gathered.
    static KEY: Cell<String> = const { Cell::new(String::new()) };
}

/// Measures the spans of one recorder.
pub(crate) struct Meter {
    tenants: Option<Tenants>,
    series: Series,
    open_metrics: OpenMetrics,
    sinks: RwLock<Vec<Box<dyn Sink>>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Meter {
    pub(crate) fn new(wanted: &SpanMetrics) -> Self {
        let tenants = wanted.tenants.filter(|most| *most > 0);
        Self {
            tenants: tenants.map(Tenants::new),
            series: Series::new(),
            open_metrics: OpenMetrics::new(tenants.is_some()),
            sinks: RwLock::default(),
        }
    }

    /// Has everything that is measured from now on counted by `sink` as well.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn add_sink(&self, sink: Box<dyn Sink>) {
        let mut sinks = self.sinks.write().unwrap_or_else(PoisonError::into_inner);
        sinks.push(sink);
        drop(sinks);
        // They are opened anew, with it among them; what is counted so far stays where it is.
        self.series.clear();
    }

    /// Whether labels tell tenants apart.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn has_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// Counts a span that is about to end.
    pub(crate) fn measure(&self, span: &SpanRef, end: SpanTime) {
        // A span may end after its thread's destructors ran.
        let mut key = KEY.try_with(Cell::take).unwrap_or_default();
        key.clear();
        let ended = (span.context(), end);
        let read = |body: &mut _| Measurement::of(body, ended, self.tenants.as_ref(), &mut key);
        if let Some(measurement) = span.with(read).flatten() {
            self.count(&key, &measurement);
        }
        KEY.try_with(|kept| kept.set(key)).unwrap_or_default();
    }

    /// Counts one run of an operation, with the labels of `key`.
    fn count(&self, key: &str, measurement: &Measurement) {
        let tallies = self.series.find(measurement.operation, key, |values| {
            self.open(measurement.operation, values)
        });
        for tally in &*tallies {
            tally.count(measurement);
        }
    }

    fn open(&self, operation: Operation, values: &Values) -> Vec<Box<dyn Tally>> {
        let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
        let mut tallies = vec![self.open_metrics.open(operation, values)];
        tallies.extend(sinks.iter().map(|sink| sink.open(operation, values)));
        tallies
    }
}
