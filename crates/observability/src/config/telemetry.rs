//! [`Telemetry`], the guard over what records and exports, and the builder that makes it.
//!
//! Position: the entrance of the SDK for programs; libraries only make spans.
//!
//! Invariants: at most one guard of a process is active; nothing is installed when an error is
//! returned, when `OTEL_SDK_DISABLED=true`, and on wasm32.

use super::{
    ConfigError, ExporterConfig, FlushError,
    env::{self, Environment},
    exporter::{CustomExporter, ExporterChoice},
    flush::{self, Flush, Shutdown},
    settings::{Overrides, Settings},
};
use crate::{
    diagnostics,
    export::Exporter,
    recorder::{Recorder, Stats},
    sampling::Sampler,
    span::{SpanLimits, Value},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long a dropped guard waits for the last spans to be delivered.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// Sets telemetry up from the environment.
///
/// Keep the result for the life of the program: when it is dropped, the spans recorded so far are
/// delivered, for at most 5 seconds.
///
/// # Errors
///
/// [`ConfigError`] when telemetry is already active, or when a variable cannot be used while
/// `CONTINUUM_STRICT_CONFIG=true`; without that, such a variable warns and is ignored.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), continuum_observability::ConfigError> {
///     let _telemetry = continuum_observability::init_telemetry()?;
///     // The rest of the program.
///     Ok(())
/// }
/// ```
pub fn init_telemetry() -> Result<Telemetry, ConfigError> {
    Telemetry::builder().init()
}

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
    overrides: Overrides,
    strict: bool,
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
        self.overrides
            .exporters
            .push(ExporterChoice::Custom(custom));
        self
    }

    /// Says which spans are recorded.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.overrides.sampler = Some(sampler);
        self
    }

    /// Says how much a span may hold, in place of all limits of the environment.
    pub fn span_limits(mut self, limits: SpanLimits) -> Self {
        self.overrides.limits = Some(limits);
        self
    }

    /// Bounds the memory for finished spans that wait for the exporter; 16 MiB by default.
    ///
    /// Spans beyond it are dropped and counted. At least 128 KiB.
    pub fn memory_budget_bytes(mut self, bytes: usize) -> Self {
        self.overrides.memory_budget_bytes = Some(bytes);
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
    pub fn init(self) -> Result<Telemetry, ConfigError> {
        self.init_from(Environment::of_process())
    }

    pub(super) fn init_from(self, env: Environment<'_>) -> Result<Telemetry, ConfigError> {
        let disabled = env.flag(env::SDK_DISABLED) || cfg!(target_arch = "wasm32");
        let settings = (!disabled).then(|| Settings::resolve(self.overrides, &env));
        env.settle(self.strict)?;
        let Some(settings) = settings else {
            return Ok(Telemetry::inactive());
        };
        if !flush::claim() {
            return Err(ConfigError::AlreadyActive);
        }
        let recorder = Recorder::leak(settings.into_recorder_config());
        recorder.install();
        Ok(Telemetry {
            recorder: Some(recorder),
            stopped: AtomicBool::new(false),
        })
    }
}

/// Keeps telemetry running; when dropped, shuts it down with a deadline of 5 seconds.
///
/// After a shutdown telemetry can be set up anew, and spans then go to the new guard's exporter.
///
/// # Examples
///
/// ```
/// use continuum_observability::{ExporterConfig, Telemetry, get_tracer};
/// use std::time::Duration;
///
/// let telemetry = Telemetry::builder().exporter(ExporterConfig::None).init()?;
/// get_tracer("assistant").in_scope("answer", |_span| {});
/// telemetry.shutdown(Duration::from_secs(10))?;
/// assert_eq!(telemetry.stats().exported, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the guard shuts telemetry down: keep it in a variable such as `_telemetry`"]
pub struct Telemetry {
    recorder: Option<&'static Recorder>,
    stopped: AtomicBool,
}

impl Telemetry {
    /// Begins with nothing said.
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder::default()
    }

    fn inactive() -> Self {
        Self {
            recorder: None,
            stopped: AtomicBool::new(true),
        }
    }

    /// Whether spans are recorded: neither disabled by `OTEL_SDK_DISABLED`, nor on wasm32, nor shut
    /// down.
    pub fn is_active(&self) -> bool {
        !self.stopped.load(Ordering::Acquire)
    }

    /// Delivers what was recorded so far, blocking until it is done or `timeout` has passed.
    ///
    /// # Errors
    ///
    /// [`FlushError`] when not everything was delivered.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        Flush::of(self.recorder, timeout).wait()
    }

    /// Delivers what was recorded so far without blocking the thread.
    pub fn force_flush_async(&self, timeout: Duration) -> Flush {
        Flush::of(self.recorder, timeout)
    }

    /// Delivers what was recorded and stops, blocking until it is done or `timeout` has passed.
    ///
    /// Spans that end later are counted as dropped. A second call does nothing.
    ///
    /// # Errors
    ///
    /// [`FlushError`] when not everything was delivered; telemetry is stopped all the same.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.stop(timeout).wait()
    }

    /// Delivers what was recorded and stops without blocking the thread.
    pub fn shutdown_async(&self, timeout: Duration) -> Shutdown {
        self.stop(timeout)
    }

    /// Where every span went, also after a shutdown.
    pub fn stats(&self) -> Stats {
        self.recorder.map(Recorder::stats).unwrap_or_default()
    }

    fn stop(&self, timeout: Duration) -> Shutdown {
        let first = !self.stopped.swap(true, Ordering::AcqRel);
        Shutdown::of(self.recorder.filter(|_| first), timeout)
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.shutdown(DROP_TIMEOUT) {
            diagnostics::warn(format_args!("{error}"));
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active = self.is_active();
        f.debug_struct("Telemetry")
            .field("active", &active)
            .finish_non_exhaustive()
    }
}
