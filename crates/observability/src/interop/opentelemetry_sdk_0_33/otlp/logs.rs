//! Log records as OTLP.
//!
//! Position: takes the records of `tracing` and of `log`; the `opentelemetry` SDK batches and sends them.
//!
//! Invariant: a record has the ids of the span that was current, native or not.

use super::{OtlpError, client::Client, resource};
use crate::{TelemetryHandle, interop::opentelemetry_0_33::install};
use opentelemetry_appender_log::OpenTelemetryLogBridge;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// Sends log records as OTLP until it is dropped.
///
/// The variables are those of the specification: `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`,
/// their `…_HEADERS`, and `OTEL_BLRP_*`. It is sent over HTTP, as protobuf, with
/// the certificates that spans are sent with.
///
/// ```no_run
/// use continuum_observability::{init_telemetry, interop::opentelemetry_sdk_0_33::OtlpLogs};
/// use tracing_subscriber::{layer::SubscriberExt as _, registry};
///
/// let telemetry = init_telemetry()?;
/// let logs = OtlpLogs::start(telemetry.handle())?;
/// tracing::subscriber::set_global_default(registry().with(logs.layer()))?;
/// tracing::warn!("nothing was found");
/// // Both are kept until the end of `main`.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "records are sent as long as it is kept"]
pub struct OtlpLogs {
    provider: SdkLoggerProvider,
}

impl OtlpLogs {
    /// Begins to send where the environment says. The bridge of the `opentelemetry` API is
    /// [installed](install), so that records find their span.
    ///
    /// # Errors
    ///
    /// [`OtlpError`] when a setting cannot be used, or another observer of `opentelemetry` contexts is there.
    pub fn start(telemetry: TelemetryHandle) -> Result<Self, OtlpError> {
        Self::begin(telemetry, None)
    }

    /// Begins to send to a URL, such as `http://localhost:4318/v1/logs`, which is taken as it is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_at(telemetry: TelemetryHandle, url: &str) -> Result<Self, OtlpError> {
        Self::begin(telemetry, Some(url))
    }

    fn begin(telemetry: TelemetryHandle, url: Option<&str>) -> Result<Self, OtlpError> {
        let mut provider = SdkLoggerProvider::builder();
        if let Some(resource) = resource(telemetry) {
            install().map_err(|source| OtlpError::Bridge { source })?;
            let mut exporter = LogExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_http_client(Client::new(telemetry)?);
            if let Some(url) = url {
                exporter = exporter.with_endpoint(url);
            }
            provider = provider
                .with_resource(resource)
                .with_batch_exporter(exporter.build()?);
        }
        Ok(Self {
            provider: provider.build(),
        })
    }

    /// A layer that makes a log record of each event of `tracing`; give it a filter to have fewer.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        OpenTelemetryTracingBridge::new(&self.provider)
    }

    /// A logger for the `log` crate.
    pub fn logger(&self) -> impl log::Log + use<> {
        OpenTelemetryLogBridge::new(&self.provider)
    }

    /// Sends what is there, and waits for it.
    ///
    /// # Errors
    ///
    /// [`OtlpError::Delivery`] when not everything was delivered.
    pub fn force_flush(&self) -> Result<(), OtlpError> {
        Ok(self.provider.force_flush()?)
    }
}

impl Drop for OtlpLogs {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _failed = self.provider.shutdown().is_err();
    }
}
