//! The settings of a recorder: builder over environment over default.
//!
//! Position: [`TelemetryBuilder`] and [`Environment`] → **settings** → `RecorderConfig`.
//!
//! Invariant: resolving never fails by itself; what was wrong is kept by the environment, which is
//! asked at the end.

use super::{
    builder::Receiver,
    detect::{self, ResourceDetector},
    env::{self, Environment},
    exporter::{Destination, ExporterChoice},
    naming,
    propagation::PropagationOverrides,
    resource::Resource,
    sampler::{self, Sampling},
    secret::SecretOverrides,
    signal,
};
use crate::{
    diagnostics::DiagnosticLevel,
    recorder::{RecorderConfig, SpanCaps},
    sampling::{FlightRecorder, Sampler, TailPolicy},
    semconv::{Conventions, Naming},
    span::{Hooks, SpanLimits, Value},
};
use std::{fmt, num::NonZeroU64, time::Duration};

/// Bytes of finished spans that may wait for the exporter: some 60,000 spans of usual size.
const DEFAULT_MEMORY_BUDGET_BYTES: usize = 16 << 20;
/// Nothing takes spans away from a test's recorder in the background.
const TEST_BUDGET_BYTES: usize = 256 << 20;
/// Two of a thread's large chunks: less, and busy threads lose spans however quick the exporter is.
const MIN_MEMORY_BUDGET_BYTES: usize = 128 << 10;

/// What the program asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    pub(super) exporters: Vec<ExporterChoice>,
    pub(super) sampler: Option<Sampler>,
    pub(super) sampling_rate: Option<f64>,
    pub(super) tail: Option<TailPolicy>,
    pub(super) flight_recorder: Option<FlightRecorder>,
    pub(super) limits: Option<SpanLimits>,
    pub(super) conventions: Option<Conventions>,
    pub(super) previews: Option<bool>,
    pub(super) resource: Vec<(String, Value<'static>)>,
    pub(super) detectors: Option<Vec<ResourceDetector>>,
    pub(super) memory_budget_bytes: Option<usize>,
    pub(super) wait_when_full: Option<Duration>,
    pub(super) schedule_delay: Option<Duration>,
    pub(super) export_timeout: Option<Duration>,
    pub(super) propagation: PropagationOverrides,
    pub(super) secrets: SecretOverrides,
    pub(super) hooks: Hooks,
    pub(super) baggage_attributes: Option<Vec<String>>,
    pub(super) receiver: Option<Receiver>,
    pub(super) max_queue_size: Option<u64>,
    pub(super) max_export_batch_size: Option<u64>,
}

/// Every setting with the value that counts.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) destination: Destination,
    pub(super) sampling: Sampling,
    pub(super) flight_recorder: Option<FlightRecorder>,
    pub(super) limits: SpanLimits,
    pub(super) naming: Naming,
    pub(super) previews: bool,
    pub(super) resource: Resource,
    pub(super) memory_budget_bytes: usize,
    pub(super) wait_when_full: Option<Duration>,
    pub(super) schedule_delay: Duration,
    pub(super) export_timeout: Duration,
    pub(super) hooks: Hooks,
    pub(super) caps: SpanCaps,
    /// `None`: nothing is said.
    pub(super) log_level: Option<DiagnosticLevel>,
    #[cfg(any(feature = "log_0_4", feature = "tracing"))]
    pub(super) log_correlation: bool,
    pub(super) receiver: Option<Receiver>,
}

impl Settings {
    pub(super) fn resolve(mut overrides: Overrides, env: &Environment<'_>) -> Self {
        check(&overrides, env);
        #[cfg(feature = "metrics")]
        signal::settle_metrics(&mut overrides.hooks.metrics, env);
        let hooks = overrides.take_hooks(|| {
            let list = env.text(env::BAGGAGE_ATTRIBUTES)?;
            Some(list.split(',').map(|key| key.trim().to_owned()).collect())
        });
        let mut destination = Destination::resolve(overrides.exporters, env);
        let wait_when_full = overrides
            .wait_when_full
            .or_else(|| env.first_millis(&[env::WAIT_WHEN_FULL]));
        if wait_when_full.is_some() {
            // Who waits must lose nothing while there is time.
            destination.persist();
        }
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
            sampling: Sampling::resolve(
                overrides.sampler,
                overrides.sampling_rate,
                overrides.tail,
                env,
            ),
            flight_recorder: sampler::flight_recorder(overrides.flight_recorder, env),
            limits: sampler::limits(overrides.limits, env),
            naming: naming::naming(overrides.conventions, env),
            previews: naming::previews(overrides.previews, env),
            resource: Resource::resolve(
                overrides.resource,
                detect::detectors(overrides.detectors, env),
                env,
            ),
            memory_budget_bytes: budget.unwrap_or(DEFAULT_MEMORY_BUDGET_BYTES),
            wait_when_full,
            hooks,
            caps: caps(
                overrides.max_queue_size,
                overrides.max_export_batch_size,
                env,
            ),
            log_level: signal::log_level(env),
            #[cfg(any(feature = "log_0_4", feature = "tracing"))]
            log_correlation: env.flag_or(env::LOG_CORRELATION, true),
            receiver: overrides.receiver,
        }
    }

    pub(super) fn into_recorder_config(self) -> RecorderConfig {
        RecorderConfig {
            sampler: self.sampling.sampler,
            tail: self.sampling.tail,
            flight_recorder: self.flight_recorder,
            limits: self.limits,
            naming: self.naming,
            previews: self.previews,
            #[cfg(any(feature = "log_0_4", feature = "tracing"))]
            log_correlation: self.log_correlation,
            hooks: self.hooks,
            resource: Box::new(self.resource.into_encoder()),
            caps: self.caps,
            budget_bytes: self.memory_budget_bytes,
            wait_when_full: self.wait_when_full,
            interval: self.schedule_delay,
            export_timeout: self.export_timeout,
            #[cfg(feature = "opentelemetry_0_33")]
            exporter_component: Some(self.destination.component()),
            #[cfg(feature = "_otlp_sdk")]
            otlp_tls: self.destination.otlp_tls(),
            exporter: Some(self.destination.factory()),
        }
    }
}

/// What the set-up is, for whoever looks for a fault in it.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "exporter {}, sampler {}, schedule delay {:?}, export timeout {:?}",
            self.destination.name(),
            self.sampling,
            self.schedule_delay,
            self.export_timeout,
        )
    }
}

impl Overrides {
    /// Takes from a file what the program left open.
    #[cfg(feature = "config-file")]
    pub(super) fn complete(&mut self, mut of_file: Self) {
        if self.exporters.is_empty() {
            self.exporters = of_file.exporters;
        }
        if self.sampler.is_none() && self.sampling_rate.is_none() && self.tail.is_none() {
            self.sampler = of_file.sampler;
        }
        self.limits = self.limits.take().or(of_file.limits);
        self.detectors = self.detectors.take().or(of_file.detectors);
        of_file.resource.append(&mut self.resource);
        self.resource = of_file.resource;
        self.schedule_delay = self.schedule_delay.or(of_file.schedule_delay);
        self.export_timeout = self.export_timeout.or(of_file.export_timeout);
        self.max_queue_size = self.max_queue_size.or(of_file.max_queue_size);
        self.max_export_batch_size = self.max_export_batch_size.or(of_file.max_export_batch_size);
        self.propagation.complete(of_file.propagation);
    }

    /// The hooks, with the baggage entries of the builder or else of `otherwise`.
    fn take_hooks(&mut self, otherwise: impl FnOnce() -> Option<Vec<String>>) -> Hooks {
        let mut hooks = std::mem::take(&mut self.hooks);
        let mut keys = self
            .baggage_attributes
            .take()
            .or_else(otherwise)
            .unwrap_or_default();
        keys.retain(|key| !key.is_empty());
        if !keys.is_empty() {
            hooks.add_baggage_attributes(keys);
        }
        hooks
    }

    pub(super) fn into_config_without_exporter(mut self) -> RecorderConfig {
        let sampling = match (self.sampler.take(), self.tail.take(), self.sampling_rate) {
            (None, None, Some(rate)) => Sampling::of_rate(rate, true),
            (sampler, tail, _) => Sampling {
                sampler: sampler.unwrap_or_default(),
                tail,
            },
        };
        RecorderConfig {
            hooks: self.take_hooks(|| None),
            sampler: sampling.sampler,
            tail: sampling.tail,
            flight_recorder: self.flight_recorder,
            limits: self.limits.unwrap_or_default(),
            naming: self.conventions.map(Naming::all).unwrap_or_default(),
            previews: self.previews.unwrap_or_default(),
            #[cfg(any(feature = "log_0_4", feature = "tracing"))]
            log_correlation: true,
            resource: Box::new(Vec::new),
            budget_bytes: TEST_BUDGET_BYTES,
            wait_when_full: None,
            caps: SpanCaps::default(),
            interval: Duration::from_hours(1),
            export_timeout: Duration::ZERO,
            #[cfg(feature = "opentelemetry_0_33")]
            exporter_component: None,
            #[cfg(feature = "_otlp_sdk")]
            otlp_tls: None,
            exporter: None,
        }
    }
}

/// What is wrong with variables, where spans go to an OTLP receiver. Nothing is opened or set up.
#[cfg(feature = "_fuzzing")]
pub(crate) fn problems_of(variables: &[(String, String)]) -> Vec<super::Problem> {
    let env = Environment::new(|name| {
        let found = variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    });
    let otlp = crate::ExporterConfig::Otlp(crate::OtlpConfig::default());
    let overrides = Overrides {
        exporters: vec![ExporterChoice::Config(otlp)],
        ..Overrides::default()
    };
    let _propagators = super::propagation::propagators(&overrides.propagation, &env);
    let _settings = Settings::resolve(overrides, &env);
    env.into_problems()
}

/// How many spans may wait, and be sent at once, as far as somebody said so.
fn caps(queue: Option<u64>, batch: Option<u64>, env: &Environment<'_>) -> SpanCaps {
    let cap = |of_builder: Option<u64>, variable, method| {
        if of_builder == Some(0) {
            env.refuse_builder(method, "expected at least 1");
        }
        of_builder
            .or_else(|| env.number(variable, "a whole number, at least 1", |spans| *spans > 0))
            .and_then(NonZeroU64::new)
    };
    SpanCaps {
        queue: cap(queue, env::MAX_QUEUE_SIZE, "max_queue_size"),
        request: cap(batch, env::MAX_EXPORT_BATCH_SIZE, "max_export_batch_size"),
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
        ("wait_when_full", overrides.wait_when_full),
    ];
    for (method, _) in times
        .into_iter()
        .filter(|(_, time)| *time == Some(Duration::ZERO))
    {
        env.refuse_builder(method, "expected a time above zero");
    }
}
