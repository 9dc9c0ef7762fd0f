//! The metrics that come of each operation: names, labels, what is counted.
//!
//! Position: the table behind every sink, and behind `docs/semantic-conventions.md`.
//!
//! Source: the tracing guide, "Metrics"; OpenTelemetry semantic conventions, "HTTP metrics", for the
//! bounds of the buckets.

mod counter;
mod duration;
mod gauge;

#[cfg(feature = "opentelemetry_0_33")]
pub(crate) use gauge::Gauge;

use super::Measurement;

/// Upper bounds of the buckets of durations.
pub(crate) const BUCKETS_SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A distinction between measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Method,
    Route,
    Status,
    ErrorType,
    Operation,
    Success,
    Tenant,
}

/// A histogram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Duration {
    pub(crate) name: &'static str,
    pub(crate) labels: &'static [Label],
    pub(crate) help: &'static str,
}

/// Whether a measurement is counted.
pub(crate) type Condition = fn(&Measurement) -> bool;

/// A number that only grows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter {
    pub(crate) name: &'static str,
    pub(crate) labels: &'static [Label],
    pub(crate) help: &'static str,
    pub(crate) counts: Condition,
}

impl Label {
    /// The name as OpenTelemetry writes it.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Tenant => "tenant.id",
            other => other.name(),
        }
    }

    /// The name as Prometheus writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Route => "route",
            Self::Status => "status",
            Self::ErrorType => "error_type",
            Self::Operation => "operation",
            Self::Success => "success",
            Self::Tenant => "tenant_id",
        }
    }
}
