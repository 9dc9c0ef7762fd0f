//! The telemetry of the demo: every span is kept for the report, beside the exporter that was asked
//! for.
//!
//! Position: installed before the service starts, finished after it has stopped.
//!
//! Invariants:
//! - everything is sampled: the report is about all spans;
//! - a span counts as exported only when both the report and the chosen exporter have it.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use continuum_observability::{
    ConsoleExporter, EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, FileExporter,
    InMemoryExporter, OtlpHttpExporter, Palette, Sampler, SpanRecord, Stats, Telemetry, TreeStyle,
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
    /// OTLP over HTTP to this URL; `/v1/traces` is added when it has no path.
    Otlp(String),
    /// OTLP as JSON lines, appended to this file.
    File(PathBuf),
}

impl Destination {
    fn open(&self) -> Result<Box<dyn Exporter>, ExportError> {
        Ok(match self {
            Self::Console(palette) => {
                Box::new(ConsoleExporter::stderr(TreeStyle::terminal(*palette)))
            }
            Self::Otlp(url) => {
                Box::new(OtlpHttpExporter::new(EndpointConfig::new(with_path(url)))?)
            }
            Self::File(path) => Box::new(FileExporter::append_to(path)?),
        })
    }
}

/// The URL for traces: the path of the protocol is added to a URL that has none.
fn with_path(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    match host.split_once('/') {
        Some((_, path)) if !path.is_empty() => url.to_owned(),
        _ => format!("{}/v1/traces", url.trim_end_matches('/')),
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
        let chosen = destination.map(Destination::open).transpose()?;
        let both = Both {
            kept: kept.clone(),
            chosen: Arc::new(Mutex::new(chosen)),
        };
        let telemetry = Telemetry::builder()
            .service_name("continuum-demo")
            .service_version(env!("CARGO_PKG_VERSION"))
            .sampler(Sampler::AlwaysOn)
            .exporter_with("demo", move || Box::new(both.clone()))
            .init()
            .context("telemetry cannot be set up")?;
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

/// Keeps spans and passes them on.
#[derive(Clone)]
struct Both {
    kept: InMemoryExporter,
    chosen: Arc<Mutex<Option<Box<dyn Exporter>>>>,
}

impl Both {
    fn with_chosen<T>(&self, work: impl FnOnce(&mut dyn Exporter) -> T) -> Option<T> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        Some(work(chosen.as_mut()?.as_mut()))
    }
}

impl Exporter for Both {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let kept = self.kept.export(request, deadline)?;
        match self.with_chosen(|chosen| chosen.export(request, deadline)) {
            Some(outcome) if kept.rejected == 0 => outcome,
            _ => Ok(kept),
        }
    }

    fn shutdown(&mut self, deadline: Instant) {
        self.with_chosen(|chosen| chosen.shutdown(deadline));
    }

    fn name(&self) -> &'static str {
        "demo"
    }
}

impl fmt::Debug for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Both")
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_protocol_is_added_where_there_is_none() {
        assert_eq!(
            with_path("http://localhost:4318"),
            "http://localhost:4318/v1/traces"
        );
        assert_eq!(
            with_path("http://localhost:4318/"),
            "http://localhost:4318/v1/traces"
        );
        assert_eq!(
            with_path("https://otlp.example/in/traces"),
            "https://otlp.example/in/traces"
        );
    }
}
