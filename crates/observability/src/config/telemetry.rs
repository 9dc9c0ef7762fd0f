//! [`Telemetry`], the guard over what records and exports, and the handle to it.
//!
//! Position: the entrance of the SDK for programs; libraries only make spans.
//!
//! Invariants: at most one guard of a process is active; nothing is installed when an error is
//! returned, when `OTEL_SDK_DISABLED=true`, and on wasm32.

#[cfg(feature = "_otlp_sdk")]
use super::OtlpConfig;
use super::{
    ConfigError, FlushError, TelemetryBuilder,
    flush::{Flush, Shutdown, Snapshot},
    forgotten, panic,
};
#[cfg(feature = "_otlp_sdk")]
use crate::export::TlsFiles;
#[cfg(feature = "metrics")]
use crate::metrics;
#[cfg(all(feature = "metrics", feature = "opentelemetry_0_33"))]
use crate::metrics::Meter;
#[cfg(feature = "opentelemetry_0_33")]
use crate::recorder::{Backlog, ExporterComponent};
use crate::{
    recorder::{Recorder, Stats},
    sampling::Sampler,
};
use std::{
    fmt,
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// How long a dropped guard waits for the last spans to be delivered.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// Sets telemetry up from the environment.
///
/// Keep the result for the life of the program, in a variable such as `_telemetry`: with `_` alone it is
/// dropped at once, and nothing is recorded; the first span after that says so in the log. When it is
/// dropped, the spans recorded so far are delivered, for at most 5 seconds. A signal that ends the program
/// drops nothing: handle it, as servers do, or the last spans are lost.
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
    handle: TelemetryHandle,
    stopped: AtomicBool,
}

impl Telemetry {
    /// Begins with nothing said.
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder::default()
    }

    pub(super) fn of(recorder: &'static Recorder) -> Self {
        Self {
            handle: TelemetryHandle {
                recorder: Some(recorder),
            },
            stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn inactive() -> Self {
        Self {
            handle: TelemetryHandle { recorder: None },
            stopped: AtomicBool::new(true),
        }
    }

    /// What can be done with telemetry from anywhere in the program, except stopping it.
    pub fn handle(&self) -> TelemetryHandle {
        self.handle
    }

    /// Whether spans are recorded: neither disabled by `OTEL_SDK_DISABLED`, nor on wasm32, nor shut
    /// down.
    pub fn is_active(&self) -> bool {
        !self.stopped.load(Ordering::Acquire)
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

    fn stop(&self, timeout: Duration) -> Shutdown {
        let first = !self.stopped.swap(true, Ordering::AcqRel);
        Shutdown::of(self.handle.recorder.filter(|_| first), timeout)
    }
}

impl Deref for Telemetry {
    type Target = TelemetryHandle;

    fn deref(&self) -> &TelemetryHandle {
        &self.handle
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let was_active = self.is_active();
        // What was lost is counted, and has been said.
        let _lost = self.shutdown(DROP_TIMEOUT).is_err();
        if was_active && self.stats().started == 0 {
            forgotten::look_out();
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

/// Reaches running telemetry from anywhere: a signal handler's thread, an admin route.
///
/// Made by [`Telemetry::handle`]; cheap to copy, and without effect after the shutdown.
///
/// # Examples
///
/// ```
/// use continuum_observability::{ExporterConfig, Sampler, Telemetry, get_tracer};
/// use std::time::Duration;
///
/// let telemetry = Telemetry::builder()
///     .exporter(ExporterConfig::None)
///     .sampler(Sampler::AlwaysOff)
///     .init()?;
/// let is_recorded = || get_tracer("docs").in_scope("work", |span| span.is_recording());
/// assert!(!is_recorded());
///
/// let handle = telemetry.handle();
/// handle.force_sampling(Duration::from_secs(60));
/// assert!(is_recorded());
/// # Ok::<(), continuum_observability::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct TelemetryHandle {
    recorder: Option<&'static Recorder>,
}

impl TelemetryHandle {
    /// Replaces the sampler for spans that start from now on, also below spans that are open.
    ///
    /// Spans that a parent-based sampler finds under an open one go on as that one does. A ratio
    /// outside of 0 to 1 counts as the nearer of the two. Of traces that start from now on none is
    /// decided at its end, so that the new sampler has the last word. The former one is dropped
    /// when no span asks it any more.
    pub fn set_sampler(&self, sampler: Sampler) {
        if let Some(recorder) = self.recorder {
            recorder.sampler.set(sampler);
        }
    }

    /// Keeps this share of the traces that begin from now on, 0.0 to 1.0, and those that the
    /// [`TailPolicy`](crate::TailPolicy) in use keeps besides: without one, those in which a span fails.
    ///
    /// Takes the place of the sampler. A ratio outside of 0 to 1 counts as the nearer of the two. Of
    /// traces that are open either ratio may decide.
    ///
    /// ```
    /// use continuum_observability::{
    ///     InMemoryExporter, Sampler, Status, Telemetry, get_tracer,
    /// };
    /// use std::time::Duration;
    ///
    /// let spans = InMemoryExporter::new(1_000);
    /// let exporter = spans.clone();
    /// let telemetry = Telemetry::builder()
    ///     .exporter_with("memory", move || Box::new(exporter.clone()))
    ///     .sampler(Sampler::AlwaysOff)
    ///     .init()?;
    /// telemetry.set_tail_ratio(0.0);
    /// let tracer = get_tracer("docs");
    /// tracer.in_scope("usual", |_| ());
    /// tracer.in_scope("broken", |span| span.set_status(Status::error("timeout")));
    /// telemetry.force_flush(Duration::from_secs(10))?;
    /// let names: Vec<_> = spans.take().into_iter().map(|span| span.name).collect();
    /// assert_eq!(names, ["broken"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_tail_ratio(&self, ratio: f64) {
        if let Some(recorder) = self.recorder {
            let ratio = if ratio.is_nan() {
                0.0
            } else {
                ratio.clamp(0.0, 1.0)
            };
            recorder.sampler.set_tail_ratio(ratio);
        }
    }

    /// Records every span that starts within `duration` from now, whatever sampler and parent say.
    ///
    /// A trace with such a span is also kept when it ends. Forcing ends by itself, and the sampler
    /// decides again. Called again meanwhile, the later end counts.
    pub fn force_sampling(&self, duration: Duration) {
        if let Some(recorder) = self.recorder {
            recorder.sampler.force(duration);
        }
    }

    /// Delivers what was recorded so far, blocking until it is done or `timeout` has passed.
    ///
    /// The exporter keeps its own time: what it does not deliver before `timeout` may still be
    /// delivered after.
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

    /// Writes out everything that the [flight recorder](crate::FlightRecorder) holds, and what was
    /// recorded so far, blocking until it is delivered or `timeout` has passed. Returns how many spans
    /// came out of the flight recorder: 0 where there is none.
    ///
    /// # Errors
    ///
    /// [`FlushError`] when not everything was delivered.
    pub fn snapshot(&self, timeout: Duration) -> Result<u64, FlushError> {
        Snapshot::of(self.recorder, timeout).wait()
    }

    /// Writes out everything that the flight recorder holds without blocking the thread.
    pub fn snapshot_async(&self, timeout: Duration) -> Snapshot {
        Snapshot::of(self.recorder, timeout)
    }

    /// Delivers what was recorded so far whenever the program panics, waiting at most `timeout`.
    ///
    /// For programs that end at a panic, above all those built with `panic = "abort"`, whose guards
    /// are never dropped. Spans that are open at that moment end during unwinding, or never. The
    /// hook that is set now runs first. Panics that are caught wait as well: leave it off where
    /// they are frequent. A later call changes the time, and a time of zero switches it off.
    pub fn flush_on_panic(&self, timeout: Duration) {
        if self.recorder.is_some() {
            panic::flush_on_panic(timeout);
        }
    }

    /// What the exporter is called; `None` where telemetry is switched off.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn exporter_component(self) -> Option<&'static ExporterComponent> {
        self.recorder?.config.exporter_component.as_ref()
    }

    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn backlog(self) -> Option<Backlog> {
        Some(self.recorder?.core()?.backlog())
    }

    /// A number for the recorder in this process; 0 where telemetry is switched off.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn recorder_number(self) -> u64 {
        let core = self.recorder.and_then(Recorder::core);
        core.map_or(0, |core| core.id)
    }

    /// The OTLP `Resource` message of what this process sends; `None` where telemetry is switched off.
    #[cfg(feature = "_otlp_sdk")]
    pub(crate) fn encoded_resource(self) -> Option<Vec<u8>> {
        Some((self.recorder?.config.resource)())
    }

    /// The certificates with which OTLP is sent: those of the spans, or else of the environment.
    #[cfg(feature = "_otlp_sdk")]
    pub(crate) fn otlp_tls(self) -> TlsFiles {
        let of_spans = self.recorder.and_then(|it| it.config.otlp_tls.clone());
        of_spans.unwrap_or_else(|| OtlpConfig::default().resolve().endpoint.tls)
    }

    /// The metrics so far, with those about the SDK itself, as `OpenMetrics` text: what a scrape by
    /// Prometheus is answered with, as [`SpanMetrics::CONTENT_TYPE`](crate::SpanMetrics::CONTENT_TYPE).
    ///
    /// Histograms of durations have the latest exported span of each bucket as its exemplar. Also after
    /// a shutdown.
    ///
    /// ```
    /// use continuum_observability::{
    ///     ExporterConfig, SpanMetrics, Telemetry, layers::cache::trace_cache_operation,
    /// };
    ///
    /// let metrics = SpanMetrics::new().tenants(100);
    /// let telemetry = Telemetry::builder().exporter(ExporterConfig::None).metrics(metrics).init()?;
    /// trace_cache_operation("GET", "search:1").tenant_id("acme").in_scope(|_| ());
    /// let text = telemetry.render_metrics();
    /// let sample = r#"continuum_cache_operations_total{operation="get",tenant_id="acme"} 1"#;
    /// assert!(text.contains(sample));
    /// assert!(text.contains("\ncontinuum_sdk_spans_started_total 1\n"));
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    #[cfg(feature = "metrics")]
    pub fn render_metrics(&self) -> String {
        metrics::render(self.recorder)
    }

    #[cfg(all(feature = "metrics", feature = "opentelemetry_0_33"))]
    pub(crate) fn meter(self) -> Option<&'static Meter> {
        self.recorder?.hooks.as_ref()?.meter()
    }

    /// Where every span went, also after a shutdown.
    pub fn stats(&self) -> Stats {
        self.recorder.map(Recorder::stats).unwrap_or_default()
    }
}

impl fmt::Debug for TelemetryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryHandle")
            .field("stats", &self.stats())
            .finish()
    }
}
