//! What a program says about where its spans go.
//!
//! Position: given to [`TelemetryBuilder`](super::TelemetryBuilder), completed from the environment
//! by [`super::exporter`].
//!
//! Invariant: no debug text holds the value of a header or an endpoint.

use crate::export::{Compression, OtlpProtocol, TlsFiles};
use std::{fmt, path::PathBuf, time::Duration};

/// Where finished spans go, as chosen in the program.
///
/// ```
/// use continuum_observability::{ExporterConfig, Telemetry};
///
/// let telemetry = Telemetry::builder()
///     .exporter(ExporterConfig::otlp("http://localhost:4318"))
///     .exporter(ExporterConfig::File(std::env::temp_dir().join("continuum-doc-traces.jsonl")));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum ExporterConfig {
    /// OTLP over HTTP or gRPC (cargo features `otlp-http`, `otlp-grpc`).
    Otlp(OtlpConfig),
    /// Zipkin JSON, posted to this URL (cargo feature `zipkin`). Without one, the environment is
    /// asked.
    Zipkin(Option<String>),
    /// A tree per trace on standard error (cargo feature `console`).
    Console,
    /// OTLP as JSON, one request a line, appended to this file.
    File(PathBuf),
    /// Nowhere. Spans are still made, so that ids and context are passed on.
    None,
}

impl ExporterConfig {
    /// OTLP to `endpoint`, to which `/v1/traces` is added over HTTP when it has no path.
    pub fn otlp(endpoint: impl Into<String>) -> Self {
        Self::Otlp(OtlpConfig::new(endpoint))
    }
}

/// Leaves out endpoints, which may carry a password.
impl fmt::Debug for ExporterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Otlp(otlp) => f.debug_tuple("Otlp").field(otlp).finish(),
            Self::Zipkin(_) => f.debug_tuple("Zipkin").finish_non_exhaustive(),
            Self::Console => f.write_str("Console"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::None => f.write_str("None"),
        }
    }
}

impl From<OtlpConfig> for ExporterConfig {
    fn from(otlp: OtlpConfig) -> Self {
        Self::Otlp(otlp)
    }
}

/// How spans are sent as OTLP; what is not given here is taken from the environment.
///
/// ```
/// use continuum_observability::{OtlpConfig, OtlpProtocol, Telemetry};
///
/// let mut otlp = OtlpConfig::new("https://collector.example:4317");
/// otlp.protocol = Some(OtlpProtocol::Grpc);
/// otlp.headers.push(("x-tenant".into(), "user_123".into()));
/// let telemetry = Telemetry::builder().exporter(otlp);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The URL of the receiver; over HTTP `/v1/traces` is added when it has no path.
    pub endpoint: Option<String>,
    /// How it is spoken to; over HTTP when neither this nor the environment says.
    pub protocol: Option<OtlpProtocol>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// How requests are compressed; not at all when neither this nor the environment says.
    pub compression: Option<Compression>,
    /// Certificates, for `https`. A file given here is used in place of that of the environment.
    pub tls: TlsFiles,
    /// The longest that one export may take, repetitions included.
    pub timeout: Option<Duration>,
}

impl OtlpConfig {
    /// To `endpoint`; the rest is up to the environment.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: Some(endpoint.into()),
            ..Self::default()
        }
    }
}

/// Leaves out the values of headers, and an endpoint that may carry a password.
impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OtlpConfig")
            .field("protocol", &self.protocol)
            .field("headers", &names)
            .field("compression", &self.compression)
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
