//! `continuum demo`: what can be asked of the demo.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use continuum_observability::Palette;

use super::{output::Output, palette::palette};
use crate::{
    demo::{Demo, Destination},
    trace_file::DEFAULT_FILE,
};

/// Where OTLP receivers listen on a developer's machine.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

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
    /// OTLP receiver, or the file of `--exporter file`; alone it means `--exporter otlp`
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
    #[value(help = "OTLP over HTTP, to http://localhost:4318 unless --endpoint says otherwise")]
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
        let destination = self.destination();
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
        let mut out = Output::new(io::stdout().lock());
        match demo.run(&mut out) {
            // Who has read enough is not told that there was more.
            Err(_) if out.is_closed() => Ok(ExitCode::SUCCESS),
            result => result.map(|()| ExitCode::SUCCESS),
        }
    }

    fn destination(&self) -> Option<Destination> {
        let given = self.endpoint.clone();
        let otlp_if_given = given.as_ref().map(|_| Exporter::Otlp);
        Some(match self.exporter.or(otlp_if_given)? {
            Exporter::Console => Destination::Console(palette(&io::stderr())),
            Exporter::Otlp => Destination::Otlp(given.unwrap_or_else(|| DEFAULT_ENDPOINT.into())),
            Exporter::File => {
                Destination::File(given.unwrap_or_else(|| DEFAULT_FILE.into()).into())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(exporter: Option<Exporter>, endpoint: Option<&str>) -> Option<Destination> {
        let endpoint = endpoint.map(str::to_owned);
        DemoArgs {
            dataset: None,
            json: false,
            exporter,
            endpoint,
            keep: false,
        }
        .destination()
    }

    #[test]
    fn an_endpoint_alone_means_otlp() {
        assert_eq!(
            destination(None, Some("http://h")),
            Some(Destination::Otlp("http://h".into()))
        );
        assert_eq!(destination(None, None), None);
    }

    #[test]
    fn each_exporter_has_a_default_place() {
        let otlp = Destination::Otlp("http://localhost:4318".into());
        assert_eq!(destination(Some(Exporter::Otlp), None), Some(otlp));
        let file = Destination::File("continuum-traces.jsonl".into());
        assert_eq!(destination(Some(Exporter::File), None), Some(file));
        let console = destination(Some(Exporter::Console), None);
        assert!(matches!(console, Some(Destination::Console(_))));
    }
}
