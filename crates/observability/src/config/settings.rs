//! The settings of a recorder: builder over environment over default.
//!
//! Position: [`TelemetryBuilder`] and [`Environment`] → **settings** → `RecorderConfig`.
//!
//! Invariant: resolving never fails by itself; what was wrong is kept by the environment, which is
//! asked at the end.

use super::{
    env::{self, Environment},
    exporter::{Destination, ExporterChoice},
    resource::Resource,
    sampler,
};
use crate::{
    recorder::RecorderConfig,
    sampling::Sampler,
    span::{SpanLimits, Value},
};
use std::time::Duration;

/// Bytes of finished spans that may wait for the exporter: some 60,000 spans of usual size.
const DEFAULT_MEMORY_BUDGET_BYTES: usize = 16 << 20;
/// Two of a thread's large chunks: less, and busy threads lose spans however quick the exporter is.
const MIN_MEMORY_BUDGET_BYTES: usize = 128 << 10;

/// What the program asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    pub(super) exporters: Vec<ExporterChoice>,
    pub(super) sampler: Option<Sampler>,
    pub(super) limits: Option<SpanLimits>,
    pub(super) resource: Vec<(String, Value<'static>)>,
    pub(super) memory_budget_bytes: Option<usize>,
    pub(super) schedule_delay: Option<Duration>,
    pub(super) export_timeout: Option<Duration>,
}

/// Every setting with the value that counts.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) destination: Destination,
    pub(super) sampler: Sampler,
    pub(super) limits: SpanLimits,
    pub(super) resource: Resource,
    pub(super) memory_budget_bytes: usize,
    pub(super) schedule_delay: Duration,
    pub(super) export_timeout: Duration,
}

impl Settings {
    pub(super) fn resolve(overrides: Overrides, env: &Environment<'_>) -> Self {
        check(&overrides, env);
        let destination = Destination::resolve(overrides.exporters, env);
        let delay = overrides
            .schedule_delay
            .or_else(|| env.first_millis(&[env::SCHEDULE_DELAY]));
        let timeout = overrides
            .export_timeout
            .or_else(|| env.first_millis(&[env::EXPORT_TIMEOUT]));
        let budget = overrides.memory_budget_bytes;
        Self {
            schedule_delay: delay.unwrap_or_else(|| destination.schedule_delay()),
            export_timeout: destination.export_timeout(timeout),
            destination,
            sampler: sampler::sampler(overrides.sampler, env),
            limits: sampler::limits(overrides.limits, env),
            resource: Resource::resolve(overrides.resource, env),
            memory_budget_bytes: budget.unwrap_or(DEFAULT_MEMORY_BUDGET_BYTES),
        }
    }

    pub(super) fn into_recorder_config(self) -> RecorderConfig {
        RecorderConfig {
            sampler: self.sampler,
            limits: self.limits,
            resource: self.resource.encode(),
            budget_bytes: self.memory_budget_bytes,
            interval: self.schedule_delay,
            export_timeout: self.export_timeout,
            exporter: Some(self.destination.factory()),
        }
    }
}

fn check(overrides: &Overrides, env: &Environment<'_>) {
    if let Some(bytes) = overrides
        .memory_budget_bytes
        .filter(|b| *b < MIN_MEMORY_BUDGET_BYTES)
    {
        let reason = format!("expected at least {MIN_MEMORY_BUDGET_BYTES} bytes, not {bytes}");
        env.refuse_builder("memory_budget_bytes", reason);
    }
    let times = [
        ("schedule_delay", overrides.schedule_delay),
        ("export_timeout", overrides.export_timeout),
    ];
    for (method, _) in times
        .into_iter()
        .filter(|(_, time)| *time == Some(Duration::ZERO))
    {
        env.refuse_builder(method, "expected a time above zero");
    }
}
