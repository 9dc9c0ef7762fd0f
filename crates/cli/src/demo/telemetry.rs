//! The telemetry of the demo: every span is kept for the report, beside the exporter that was asked
//! for.
//!
//! Position: installed before the service starts, finished after it has stopped.
//!
//! Invariants:
//! - everything is sampled: the report is about all spans;
//! - a span counts as exported only when both the report and the chosen exporter have it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use continuum_observability::{
    ConsoleExporter, ExporterConfig, InMemoryExporter, OtlpConfig, Palette, Sampler, SpanRecord,
    Stats, Telemetry, TelemetryBuilder, TreeStyle,
};

/// More than any data set makes; a bound all the same.
const MAX_SPANS: usize = 4_000_000;

/// How long the last spans may take to arrive.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Where spans go besides the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Trees on standard error.
    Console(Palette),
    /// OTLP to this URL, or to where the environment says; how, with what headers and certificates, is
    /// what the environment says.
    Otlp(Option<String>),
    /// OTLP as JSON lines, appended to this file.
    File(PathBuf),
}

impl Destination {
    fn add_to(&self, telemetry: TelemetryBuilder) -> TelemetryBuilder {
        match self {
            Self::Console(palette) => {
                let style = TreeStyle::terminal(*palette);
                telemetry.exporter_with("console", move || {
                    Box::new(ConsoleExporter::stderr(style.clone()))
                })
            }
            Self::Otlp(url) => {
                let mut otlp = OtlpConfig::default();
                otlp.endpoint.clone_from(url);
                telemetry.exporter(otlp)
            }
            Self::File(path) => telemetry.exporter(ExporterConfig::File(path.clone())),
        }
    }
}

/// Telemetry that is running.
pub(super) struct Recording {
    telemetry: Telemetry,
    kept: InMemoryExporter,
}

impl Recording {
    pub(super) fn start(destination: Option<&Destination>) -> Result<Self> {
        let kept = InMemoryExporter::new(MAX_SPANS);
        let report = kept.clone();
        let builder = Telemetry::builder()
            .service_name("continuum-demo")
            .service_version(env!("CARGO_PKG_VERSION"))
            .sampler(Sampler::AlwaysOn)
            .exporter_with("report", move || Box::new(report.clone()));
        let builder = match destination {
            Some(destination) => destination.add_to(builder),
            None => builder,
        };
        let telemetry = builder.init().context("telemetry cannot be set up")?;
        ensure!(
            telemetry.is_active(),
            "telemetry is off: unset OTEL_SDK_DISABLED for the demo"
        );
        Ok(Self { telemetry, kept })
    }

    /// Stops, and returns all spans with the account of them.
    pub(super) fn finish(self) -> (Vec<SpanRecord>, Stats) {
        // What was not delivered is in the account, and telemetry has said why.
        drop(self.telemetry.shutdown(SHUTDOWN_TIMEOUT));
        (self.kept.take(), self.telemetry.stats())
    }
}
