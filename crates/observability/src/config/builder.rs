//! [`TelemetryBuilder`]: what the program says about telemetry.
//!
//! Position: makes [`Telemetry`], or a recorder for a test.
//!
//! Invariant: a value given here that cannot be used is an error of `init`, never ignored.

use super::{
    ConfigError, ExporterConfig, Telemetry,
    env::{self, Environment, Given},
    exporter::{CustomExporter, ExporterChoice},
    flush, propagation, secret,
    settings::{Overrides, Settings},
};
#[cfg(feature = "metrics")]
use crate::SpanMetrics;
use crate::{
    diagnostics::{self, DiagnosticLevel, Topic},
    export::Exporter,
    recorder::{Recorder, RecorderConfig},
    sampling::{FlightRecorder, Sampler, TailPolicy},
    semconv::Conventions,
    span::{IdGenerator, SpanEnd, SpanLimits, SpanRef, SpanStart, Value},
};
use std::{fmt, sync::Arc, time::Duration};

/// What the program says about telemetry; what it leaves open, the environment decides.
///
/// # Examples
///
/// ```
/// use continuum_observability::{ExporterConfig, Sampler, Telemetry};
///
/// let telemetry = Telemetry::builder()
///     .service_name("assistant")
///     .resource_attribute("host.name", "worker-7")
///     .exporter(ExporterConfig::None)
///     .sampler(Sampler::AlwaysOn)
///     .init()?;
/// # Ok::<(), continuum_observability::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is set up until init is called"]
pub struct TelemetryBuilder {
    pub(super) overrides: Overrides,
    given: Given,
    strict: bool,
}

/// Where the program wants to have messages about telemetry.
#[derive(Clone)]
pub(super) struct Receiver(pub(super) diagnostics::Receiver);

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}

impl TelemetryBuilder {
    /// Names the service: `service.name`.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.resource_attribute("service.name", name.into())
    }

    /// States the version of the service: `service.version`.
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource_attribute("service.version", version.into())
    }

    /// Adds an attribute of the process, which goes with all its spans.
    pub fn resource_attribute(
        mut self,
        key: impl Into<String>,
        value: impl Into<Value<'static>>,
    ) -> Self {
        self.overrides.resource.push((key.into(), value.into()));
        self
    }

    /// Says where finished spans go. Called again, it adds a further place.
    ///
    /// With several, a span counts as exported when all have taken it, and as lost when one has not;
    /// each gets every span, whatever becomes of it elsewhere.
    pub fn exporter(mut self, exporter: impl Into<ExporterConfig>) -> Self {
        let exporter = ExporterChoice::Config(exporter.into());
        self.overrides.exporters.push(exporter);
        self
    }

    /// Says where finished spans go by names, as `OTEL_TRACES_EXPORTER` does: `otlp,console`.
    ///
    /// For names that come from elsewhere, such as an argument of the program. Unlike a variable, a name
    /// that nobody knows is an error of [`init`](Self::init).
    ///
    /// ```
    /// use continuum_observability::Telemetry;
    ///
    /// let pigeon = Telemetry::builder().exporter_type("pigeon").init();
    /// assert!(pigeon.unwrap_err().to_string().starts_with("exporter_type: expected one of otlp, "));
    /// ```
    pub fn exporter_type(mut self, names: impl Into<String>) -> Self {
        let choice = ExporterChoice::Named(names.into());
        self.overrides.exporters.push(choice);
        self
    }

    /// Sends finished spans to an exporter of your own, beside others that were asked for.
    ///
    /// `make` is called on the export thread, and again in each forked process that makes spans.
    ///
    /// ```
    /// use continuum_observability::{InMemoryExporter, Telemetry};
    ///
    /// let spans = InMemoryExporter::new(1_000);
    /// let exporter = spans.clone();
    /// let telemetry = Telemetry::builder()
    ///     .exporter_with("memory", move || Box::new(exporter.clone()))
    ///     .init()?;
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    pub fn exporter_with(
        mut self,
        name: impl Into<String>,
        make: impl Fn() -> Box<dyn Exporter> + Send + Sync + 'static,
    ) -> Self {
        let custom = CustomExporter {
            name: name.into(),
            make: Arc::new(make),
        };
        let custom = ExporterChoice::Custom(custom);
        self.overrides.exporters.push(custom);
        self
    }

    /// Says which spans are recorded.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.overrides.sampler = Some(sampler);
        self
    }

    /// Keeps this share of the traces that begin here, 0.0 to 1.0, like `OTEL_SAMPLING_RATE`, and those
    /// in which a span fails unless `OTEL_SAMPLE_ERRORS_ALWAYS=false`. A [`sampler`](Self::sampler) or
    /// a [`tail`](Self::tail) policy wins.
    ///
    /// ```
    /// use continuum_observability::{ExporterConfig, Telemetry};
    ///
    /// let telemetry =
    ///     Telemetry::builder().exporter(ExporterConfig::None).sampling_rate(0.1).init()?;
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    pub fn sampling_rate(mut self, ratio: f64) -> Self {
        self.overrides.sampling_rate = Some(ratio);
        self
    }

    /// Says which traces are kept once they have ended, of those that the sampler records.
    ///
    /// Without [`sampler`](Self::sampler), all traces that begin here are recorded, whatever the
    /// environment says. [`TelemetryHandle::set_sampler`](super::TelemetryHandle::set_sampler) takes
    /// the place of both.
    pub fn tail(mut self, policy: TailPolicy) -> Self {
        self.overrides.tail = Some(policy);
        self
    }

    /// Keeps the latest spans that are sampled out in memory, and writes them out when a trace with an
    /// error is exported, or on demand: [`snapshot`](super::TelemetryHandle::snapshot).
    ///
    /// A number of bytes will do, as in `CONTINUUM_FLIGHT_RECORDER`; [`FlightRecorder`] says more. Off
    /// by default, since spans that are sampled out then cost as much as others.
    ///
    /// ```
    /// use continuum_observability::{InMemoryExporter, Sampler, Telemetry, get_tracer};
    /// use std::time::Duration;
    ///
    /// let spans = InMemoryExporter::new(1_000);
    /// let exporter = spans.clone();
    /// let telemetry = Telemetry::builder()
    ///     .exporter_with("memory", move || Box::new(exporter.clone()))
    ///     .sampler(Sampler::AlwaysOff)
    ///     .flight_recorder(16 << 20)
    ///     .init()?;
    /// get_tracer("docs").in_scope("unseen", |span| assert!(span.is_recording()));
    /// assert_eq!(telemetry.snapshot(Duration::from_secs(10))?, 1);
    /// assert_eq!(spans.take()[0].name, "unseen");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flight_recorder(mut self, recorder: impl Into<FlightRecorder>) -> Self {
        self.overrides.flight_recorder = Some(recorder.into());
        self
    }

    /// Says how much a span may hold, in place of all limits of the environment.
    pub fn span_limits(mut self, limits: SpanLimits) -> Self {
        self.overrides.limits = Some(limits);
        self
    }

    /// Calls `hook` when a recorded span has started, on the thread that started it.
    ///
    /// What the hook does is not traced; when it panics, the span goes on without it. Hooks are
    /// called in the order in which they were added.
    ///
    /// ```
    /// use continuum_observability::{Telemetry, get_tracer, testing::TestRecorder};
    ///
    /// let builder = Telemetry::builder()
    ///     .on_start(|span, start| span.set_attribute("tracer.name", start.tracer))
    ///     .on_end(|span, end| span.set_attribute("slow", end.duration.as_secs() > 1));
    /// let recorder = TestRecorder::of(builder);
    /// recorder.run(|| get_tracer("docs").in_scope("work", |_| ()));
    /// assert_eq!(recorder.tree(), "work tracer.name=docs slow=false\n");
    /// ```
    pub fn on_start(
        mut self,
        hook: impl Fn(&SpanRef, &SpanStart<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.overrides.hooks.on_start.push(Arc::new(hook));
        self
    }

    /// Calls `hook` when a recorded span is about to end and can still be changed.
    ///
    /// Otherwise like [`on_start`](Self::on_start).
    pub fn on_end(mut self, hook: impl Fn(&SpanRef, &SpanEnd<'_>) + Send + Sync + 'static) -> Self {
        self.overrides.hooks.on_end.push(Arc::new(hook));
        self
    }

    /// Copies these baggage entries to each span that starts with them, as attributes, in place of
    /// those of `CONTINUUM_BAGGAGE_ATTRIBUTES`.
    ///
    /// ```
    /// use continuum_observability::{
    ///     Telemetry, get_tracer, set_baggage, testing::TestRecorder,
    /// };
    ///
    /// let recorder = TestRecorder::of(Telemetry::builder().baggage_attributes(["tenant_id"]));
    /// recorder.run(|| {
    ///     set_baggage("tenant_id", "user_123");
    ///     get_tracer("docs").in_scope("recall", |_| ());
    /// });
    /// assert_eq!(recorder.tree(), "recall tenant_id=user_123\n");
    /// ```
    pub fn baggage_attributes<K: Into<String>>(
        mut self,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        self.overrides.baggage_attributes = Some(keys);
        self
    }

    /// Leaves out the spans of tracers for whose name `keep` answers `false`.
    ///
    /// Their children become children of the span around them. Each tracer is asked about once.
    ///
    /// ```
    /// use continuum_observability::{Telemetry, get_tracer, testing::TestRecorder};
    ///
    /// let builder = Telemetry::builder().filter_tracers(|name| !name.starts_with("pool"));
    /// let recorder = TestRecorder::of(builder);
    /// recorder.run(|| {
    ///     get_tracer("app").in_scope("query", |_| {
    ///         get_tracer("pool.sql").in_scope("acquire", |_| {
    ///             get_tracer("app").in_scope("connect", |_| ());
    ///         });
    ///     });
    /// });
    /// assert_eq!(recorder.tree(), "query\n  connect\n");
    /// ```
    pub fn filter_tracers(mut self, keep: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.overrides.hooks.filter = Some(Arc::new(keep));
        self
    }

    /// Makes ids in place of the random ones.
    pub fn id_generator(mut self, generator: impl IdGenerator + 'static) -> Self {
        self.overrides.hooks.id_generator = Some(Arc::new(generator));
        self
    }

    /// Works metrics out of spans, also of those that are sampled out, unless `OTEL_METRICS_ENABLED=false`.
    ///
    /// [`TelemetryHandle::render_metrics`](super::TelemetryHandle::render_metrics) has them for Prometheus.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, metrics: SpanMetrics) -> Self {
        self.overrides.hooks.metrics = Some(metrics);
        self
    }

    /// Sends what the SDK says about itself to `receiver` instead of standard error.
    ///
    /// `OTEL_LOG_LEVEL` decides how much that is. Called from any thread; what it does is not
    /// traced.
    pub fn diagnostics(
        mut self,
        receiver: impl Fn(DiagnosticLevel, &str) + Send + Sync + 'static,
    ) -> Self {
        self.overrides.receiver = Some(Receiver(Arc::new(receiver)));
        self
    }

    /// Bounds the number of finished spans that wait for the exporter, besides the memory; unbounded
    /// by default.
    ///
    /// What each thread is still collecting, at most 64 KiB, is not counted.
    pub fn max_queue_size(mut self, spans: u64) -> Self {
        self.overrides.max_queue_size = Some(spans);
        self
    }

    /// Bounds the number of spans of one export, besides its size; unbounded by default.
    pub fn max_export_batch_size(mut self, spans: u64) -> Self {
        self.overrides.max_export_batch_size = Some(spans);
        self
    }

    /// Says which names the ready-made spans of [`layers`](crate::layers) give to their attributes,
    /// in place of `CONTINUUM_SEMCONV` and `OTEL_SEMCONV_STABILITY_OPT_IN`.
    pub fn conventions(mut self, conventions: Conventions) -> Self {
        self.overrides.conventions = Some(conventions);
        self
    }

    /// Lets the ready-made spans show the beginning of texts of users, at most 200 characters.
    ///
    /// Off by default: then only the lengths of questions and messages leave the process.
    pub fn previews(mut self, enabled: bool) -> Self {
        self.overrides.previews = Some(enabled);
        self
    }

    /// Bounds the memory for finished spans that wait for the exporter; 16 MiB by default.
    ///
    /// Spans beyond it are dropped and counted. At least 128 KiB.
    pub fn memory_budget_bytes(mut self, bytes: usize) -> Self {
        self.overrides.memory_budget_bytes = Some(bytes);
        self
    }

    /// Lets a thread that ends a span wait, at most this long, when the memory for finished spans is
    /// spent, in place of dropping spans at once. Off by default.
    ///
    /// For batch jobs that must lose nothing, and never for a service: while the exporter is slow,
    /// the traced program is as slow. What does not find room in time is dropped and counted. A
    /// bound on the number of waiting spans may be exceeded by one chunk, of at most 64 KiB, for
    /// each thread. An export is tried again as long as it has time, so that to outlast a receiver
    /// that is down it needs enough: [`export_timeout`](Self::export_timeout).
    ///
    /// ```
    /// use continuum_observability::{ExporterConfig, Telemetry};
    /// use std::time::Duration;
    ///
    /// let telemetry = Telemetry::builder()
    ///     .exporter(ExporterConfig::None)
    ///     .wait_when_full(Duration::from_secs(60))
    ///     .init()?;
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    pub fn wait_when_full(mut self, longest: Duration) -> Self {
        self.overrides.wait_when_full = Some(longest);
        self
    }

    /// How long finished spans wait for company before they are exported: by default 1 second, and
    /// 100 milliseconds for the console.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.overrides.schedule_delay = Some(delay);
        self
    }

    /// The longest that one export may take: by default 10 seconds for OTLP, else 30.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.overrides.export_timeout = Some(timeout);
        self
    }

    /// Sets a variable of `docs/configuration.md` for this set-up, in place of the process's.
    ///
    /// For settings that come from elsewhere, such as a file.
    ///
    /// ```
    /// use continuum_observability::Telemetry;
    ///
    /// let telemetry = Telemetry::builder()
    ///     .variable("OTEL_TRACES_EXPORTER", "none")
    ///     .default_variable("CONTINUUM_SEMCONV", "dup")
    ///     .init()?;
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.over.push((name.into(), value.into()));
        self
    }

    /// Sets a variable for this set-up where the process has none by that name.
    pub fn default_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.under.push((name.into(), value.into()));
        self
    }

    /// Makes each variable that cannot be used an error, like `CONTINUUM_STRICT_CONFIG=true`.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets telemetry up for the whole process.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when something given to the builder cannot be used, or with strict
    /// checks something in the environment; [`ConfigError::AlreadyActive`] while another guard is
    /// active. Nothing is installed then.
    pub fn init(mut self) -> Result<Telemetry, ConfigError> {
        let given = std::mem::take(&mut self.given);
        self.init_from(Environment::of_process(given))
    }

    pub(super) fn init_from(mut self, env: Environment<'_>) -> Result<Telemetry, ConfigError> {
        let env = self.completed_by_file(env);
        let rules = secret::rules(std::mem::take(&mut self.overrides.secrets), &env);
        let propagators = propagation::propagators(&self.overrides.propagation, &env);
        let disabled = env.flag(env::SDK_DISABLED) || cfg!(target_arch = "wasm32");
        let settings = (!disabled).then(|| Settings::resolve(self.overrides, &env));
        if let Some(settings) = settings.as_ref().filter(|_| !flush::is_active()) {
            // Before what was wrong is said.
            let receiver = settings.receiver.clone().map(|Receiver(receiver)| receiver);
            diagnostics::configure(settings.log_level, receiver);
        }
        env.settle(self.strict)?;
        let Some(settings) = settings else {
            propagators.install();
            rules.install();
            return Ok(Telemetry::inactive());
        };
        if !flush::claim() {
            return Err(ConfigError::AlreadyActive);
        }
        propagators.install();
        rules.install();
        diagnostics::debug(Topic::SetUp, format_args!("set up with {settings}"));
        let recorder = Recorder::leak(settings.into_recorder_config());
        recorder.install();
        flush::run();
        Ok(Telemetry::of(recorder))
    }

    #[cfg(feature = "config-file")]
    fn completed_by_file<'a>(&mut self, mut env: Environment<'a>) -> Environment<'a> {
        super::file::apply(&mut self.overrides, &mut env);
        env
    }

    #[cfg(not(feature = "config-file"))]
    #[expect(
        clippy::unused_self,
        reason = "another build has a file to complete it by"
    )]
    fn completed_by_file<'a>(&self, env: Environment<'a>) -> Environment<'a> {
        if env.text(env::CONFIG_FILE).is_some() {
            let reason = "files are not read by this build: enable the cargo feature config-file";
            env.refuse(env::CONFIG_FILE, reason);
        }
        env
    }

    /// What a recorder is made from that exports nothing: sampler, limits and hooks of the builder, nothing
    /// of the environment.
    pub(crate) fn into_config_without_exporter(self) -> RecorderConfig {
        self.overrides.into_config_without_exporter()
    }
}
