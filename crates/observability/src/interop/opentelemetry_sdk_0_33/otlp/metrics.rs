//! Metrics as OTLP.
//!
//! Position: reads what the recorder's meter and the recorder itself count; the `opentelemetry` SDK adds up and
//! sends it.
//!
//! Invariant: the meter provider is the global one, so that instruments of the program's own are sent as well.

use super::{OtlpError, client::Client, resource};
use crate::{
    TelemetryHandle,
    interop::opentelemetry_0_33::{register_self_metrics, register_span_metrics},
};
use opentelemetry::global;
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// Sends metrics as OTLP until it is dropped.
///
/// They are those of the layers, where the program asked for [`SpanMetrics`](crate::SpanMetrics), those about the SDK
/// itself, and what the program's own `opentelemetry` meters measure.
///
/// The variables are those of the specification: `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`,
/// their `…_HEADERS`, and `OTEL_METRIC_EXPORT_INTERVAL`. It is sent over HTTP, as protobuf, with the
/// certificates that spans are sent with. There are no exemplars in it, which the `opentelemetry` SDK does not have; [`render_metrics`](TelemetryHandle::render_metrics) has them.
///
/// ```no_run
/// use continuum_observability::{
///     SpanMetrics, Telemetry, interop::opentelemetry_sdk_0_33::OtlpMetrics,
/// };
///
/// let telemetry = Telemetry::builder().metrics(SpanMetrics::new()).init()?;
/// let metrics = OtlpMetrics::start(telemetry.handle())?;
/// // Both are kept until the end of `main`.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "metrics are sent as long as it is kept"]
pub struct OtlpMetrics {
    provider: SdkMeterProvider,
}

impl OtlpMetrics {
    /// Begins to send where the environment says, each minute unless that says otherwise.
    ///
    /// # Errors
    ///
    /// [`OtlpError`] when a setting cannot be used.
    pub fn start(telemetry: TelemetryHandle) -> Result<Self, OtlpError> {
        Self::begin(telemetry, None)
    }

    /// Begins to send to a URL, such as `http://localhost:4318/v1/metrics`, which is taken as it is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_at(telemetry: TelemetryHandle, url: &str) -> Result<Self, OtlpError> {
        Self::begin(telemetry, Some(url))
    }

    fn begin(telemetry: TelemetryHandle, url: Option<&str>) -> Result<Self, OtlpError> {
        let Some(resource) = resource(telemetry) else {
            let provider = SdkMeterProvider::builder().build();
            return Ok(Self { provider });
        };
        let mut exporter = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Client::new(telemetry)?);
        if let Some(url) = url {
            exporter = exporter.with_endpoint(url);
        }
        let provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(exporter.build()?)
            .build();
        global::set_meter_provider(provider.clone());
        register_self_metrics(telemetry);
        register_span_metrics(telemetry);
        Ok(Self { provider })
    }

    /// Sends what is counted so far, and waits for it.
    ///
    /// # Errors
    ///
    /// [`OtlpError::Delivery`] when it was not delivered.
    pub fn force_flush(&self) -> Result<(), OtlpError> {
        Ok(self.provider.force_flush()?)
    }
}

impl Drop for OtlpMetrics {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _failed = self.provider.shutdown().is_err();
    }
}
