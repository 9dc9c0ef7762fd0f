//! Where the spans themselves went, as metrics.
//!
//! Position: beside the metrics of the layers in each rendered text; also without those.
//!
//! Invariant: a counter never goes down: spans that the flight recorder gives back stay sampled out
//! here, and are counted as recovered.

use crate::Stats;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use std::fmt;

/// Counter, help, value.
pub(super) type Count = (&'static str, &'static str, Value);
type Value = fn(&Stats) -> u64;

/// The counters, without the ending `_total`.
pub(super) const COUNTERS: [Count; 6] = [
    (
        "continuum_sdk_spans_started",
        "spans started, sampled or not",
        |stats| stats.started,
    ),
    (
        "continuum_sdk_spans_sampled_out",
        "spans that a sampler left out at their start",
        Stats::ever_sampled_out,
    ),
    (
        "continuum_sdk_spans_sampled_out_at_tail",
        "spans of traces that were not kept when they had ended",
        Stats::ever_sampled_out_at_tail,
    ),
    (
        "continuum_sdk_spans_recovered",
        "spans that were written out of the flight recorder",
        |stats| stats.recovered,
    ),
    (
        "continuum_sdk_spans_exported",
        "spans that the exporter has delivered",
        |stats| stats.exported,
    ),
    (
        "continuum_sdk_traces_decided_early",
        "traces that were decided before their local root had ended",
        |stats| stats.decided_early,
    ),
];

/// Spans that were recorded and are lost, by reason; without the ending `_total`.
pub(super) const DROPPED: &str = "continuum_sdk_spans_dropped";
const REASONS: [(&str, Value); 4] = [
    ("budget_spent", |stats| stats.dropped_budget_spent),
    ("export_failed", |stats| stats.dropped_export_failed),
    ("rejected", |stats| stats.dropped_rejected),
    ("after_shutdown", |stats| stats.dropped_after_shutdown),
];

/// The numbers that go up and down.
pub(super) const GAUGES: [Count; 3] = [
    (
        "continuum_sdk_spans_pending",
        "spans that are open, or wait for the exporter or for the end of their trace",
        |stats| stats.pending,
    ),
    (
        "continuum_sdk_queue_bytes",
        "memory of finished spans that wait for the exporter or the end of their trace",
        |stats| stats.queued_bytes as u64,
    ),
    (
        "continuum_sdk_flight_recorder_bytes",
        "memory of the flight recorder that is in use",
        |stats| stats.flight_recorder_bytes as u64,
    ),
];

/// The counts at one moment.
#[derive(Debug)]
pub(super) struct SdkMetrics(pub(super) Stats);

impl Collector for SdkMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = &self.0;
        for (name, help, value) in COUNTERS {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value(stats)).encode(metric)?;
        }
        let help = "recorded spans that were lost";
        let mut dropped = encoder.encode_descriptor(DROPPED, help, None, MetricType::Counter)?;
        for (reason, value) in REASONS {
            let labels = [("reason", reason)];
            let metric: MetricEncoder<'_> = dropped.encode_family(&labels)?;
            ConstCounter::new(value(stats)).encode(metric)?;
        }
        for (name, help, value) in GAUGES {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value(stats)).unwrap_or(i64::MAX)).encode(metric)?;
        }
        Ok(())
    }
}
