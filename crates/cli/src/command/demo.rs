//! `continuum demo`: what can be asked of the demo.

use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use continuum_observability::Palette;

use super::{output::unless_closed, palette::palette};
use crate::{
    demo::{Demo, Destination},
    trace_file::DEFAULT_FILE,
};

/// Either of these sends the spans of any program to a receiver, those of the demo too.
const RECEIVER: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// The exit status for a command line that makes no sense, as clap has it.
const NOT_UNDERSTOOD: u8 = 2;

/// Learn conversations, ask questions, break something, and explain it all by traces
///
/// Runs the real service over loopback HTTP in a temporary directory. Succeeds only if every span
/// that was started is accounted for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DemoArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "Conversations in the LoCoMo layout, instead of those that come along"
    )]
    dataset: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Where spans go besides the report
    #[arg(long, value_enum)]
    exporter: Option<Exporter>,
    /// OTLP receiver, or the file of `--exporter file`; alone it means `--exporter otlp`, as
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` does
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Keep the data directory and say where it is
    #[arg(long)]
    keep: bool,
}

const EXAMPLES: &str = "\
Examples:
  continuum demo
  continuum demo --exporter otlp --endpoint http://localhost:4318
  continuum demo --dataset locomo.json --json | jq .recalled.quality";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Exporter {
    /// Trees on standard error
    Console,
    #[value(
        help = "OTLP, by the variables of OTEL_EXPORTER_OTLP_*; without any, to http://localhost:4318"
    )]
    Otlp,
    /// OTLP as JSON lines, in continuum-traces.jsonl unless --endpoint says otherwise
    File,
}

impl DemoArgs {
    pub(super) fn run(self) -> Result<ExitCode> {
        if self.exporter == Some(Exporter::Console) && self.endpoint.is_some() {
            let words = "error: --endpoint says where --exporter otlp or file sends spans, console has no place";
            // Nothing is left to do when standard error is closed.
            writeln!(io::stderr(), "{words}").unwrap_or_default();
            return Ok(ExitCode::from(NOT_UNDERSTOOD));
        }
        let destination = self.destination(is_receiver_named());
        let Self {
            dataset,
            json,
            keep,
            ..
        } = self;
        let palette = if json {
            Palette::Plain
        } else {
            palette(&io::stdout())
        };
        let demo = Demo {
            dataset,
            json,
            destination,
            keep,
            palette,
        };
        unless_closed(demo.run(&mut io::stdout().lock())?)?;
        Ok(ExitCode::SUCCESS)
    }

    fn destination(&self, is_receiver_named: bool) -> Option<Destination> {
        let given = self.endpoint.clone();
        let otlp = (given.is_some() || is_receiver_named).then_some(Exporter::Otlp);
        Some(match self.exporter.or(otlp)? {
            Exporter::Console => Destination::Console(palette(&io::stderr())),
            Exporter::Otlp => Destination::Otlp(given),
            Exporter::File => {
                Destination::File(given.unwrap_or_else(|| DEFAULT_FILE.into()).into())
            }
        })
    }
}

/// Whether the environment names a receiver.
#[expect(
    clippy::disallowed_methods,
    reason = "whether to send spans at all; where to and how is read by telemetry"
)]
fn is_receiver_named() -> bool {
    let mut values = RECEIVER.into_iter().filter_map(env::var_os);
    values.any(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(exporter: Option<Exporter>, endpoint: Option<&str>) -> Option<Destination> {
        with_receiver(false, exporter, endpoint)
    }

    fn with_receiver(
        is_named: bool,
        exporter: Option<Exporter>,
        endpoint: Option<&str>,
    ) -> Option<Destination> {
        let endpoint = endpoint.map(str::to_owned);
        DemoArgs {
            dataset: None,
            json: false,
            exporter,
            endpoint,
            keep: false,
        }
        .destination(is_named)
    }

    #[test]
    fn an_endpoint_alone_means_otlp() {
        assert_eq!(
            destination(None, Some("http://h")),
            Some(Destination::Otlp(Some("http://h".into())))
        );
        assert_eq!(destination(None, None), None);
    }

    #[test]
    fn a_receiver_in_the_environment_means_otlp_unless_another_exporter_is_named() {
        let otlp = Destination::Otlp(None);
        assert_eq!(with_receiver(true, None, None), Some(otlp));
        let file = Destination::File("spans.jsonl".into());
        let named = with_receiver(true, Some(Exporter::File), Some("spans.jsonl"));
        assert_eq!(named, Some(file));
    }

    #[test]
    fn each_exporter_has_a_default_place() {
        let otlp = Destination::Otlp(None);
        assert_eq!(destination(Some(Exporter::Otlp), None), Some(otlp));
        let file = Destination::File("continuum-traces.jsonl".into());
        assert_eq!(destination(Some(Exporter::File), None), Some(file));
        let console = destination(Some(Exporter::Console), None);
        assert!(matches!(console, Some(Destination::Console(_))));
    }
}
