//! Log records and metrics as OTLP over HTTP, through the `opentelemetry` SDK for these signals.
//!
//! Position: beside the export of spans, which needs none of it; `logs` and `metrics` set up one signal each,
//! `client` sends for both.
//!
//! Invariants:
//! - both signals have the resource of the spans, the same instance of the service included;
//! - where telemetry is switched off, nothing is sent and no thread is started.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter", whose variables the SDK reads.

mod client;
#[cfg(feature = "otlp-logs")]
mod logs;
#[cfg(feature = "otlp-metrics")]
mod metrics;

#[cfg(feature = "otlp-logs")]
pub use logs::OtlpLogs;
#[cfg(feature = "otlp-metrics")]
pub use metrics::OtlpMetrics;

use super::convert;
#[cfg(feature = "otlp-logs")]
use crate::interop::opentelemetry_0_33::InstallError;
use crate::{ExportError, TelemetryHandle, export::decode_resource};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{Resource, error::OTelSdkError};
use std::{error::Error, fmt};

/// Why log records or metrics are not sent as OTLP.
#[derive(Debug)]
#[non_exhaustive]
pub enum OtlpError {
    /// The bridge of the `opentelemetry` API, by which records find their span, cannot be installed.
    #[cfg(feature = "otlp-logs")]
    Bridge {
        /// The reason.
        source: InstallError,
    },
    /// There is no HTTP client, such as for want of certificates.
    Client {
        /// The reason.
        source: ExportError,
    },
    /// A setting cannot be used: correct the endpoint or the variable that it names.
    Setting {
        /// The reason.
        source: ExporterBuildError,
    },
    /// Not everything was delivered; what was not may be lost.
    Delivery {
        /// The reason.
        source: OTelSdkError,
    },
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(feature = "otlp-logs")]
            Self::Bridge { .. } => "the bridge of the opentelemetry API cannot be installed",
            Self::Client { .. } => "there is no HTTP client for OTLP",
            Self::Setting { .. } => "a setting of OTLP cannot be used",
            Self::Delivery { .. } => "not everything was delivered as OTLP",
        })
    }
}

impl Error for OtlpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            #[cfg(feature = "otlp-logs")]
            Self::Bridge { source } => Some(source),
            Self::Client { source } => Some(source),
            Self::Setting { source } => Some(source),
            Self::Delivery { source } => Some(source),
        }
    }
}

impl From<ExporterBuildError> for OtlpError {
    fn from(source: ExporterBuildError) -> Self {
        Self::Setting { source }
    }
}

impl From<OTelSdkError> for OtlpError {
    fn from(source: OTelSdkError) -> Self {
        Self::Delivery { source }
    }
}

/// The resource of the spans; `None` where telemetry is switched off.
fn resource(telemetry: TelemetryHandle) -> Option<Resource> {
    let bytes = telemetry.encoded_resource()?;
    let ours = decode_resource(&bytes).unwrap_or_default();
    Some(convert::resource(&ours))
}
