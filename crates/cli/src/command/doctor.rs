//! `continuum doctor`: why do spans not arrive?
//!
//! Position: the command line → `doctor` → a report for a person, or JSON for a script.
//!
//! Invariant: exit status 0 when a test span arrived, 3 when something is wrong.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use continuum_observability::{OtlpConfig, OtlpProtocol, Palette};
use serde_json::json;

use super::{output::unless_closed, palette::palette};
use crate::doctor::{self, Check, Finding, Outcome, Report};

/// Exit status where something is wrong.
const FOUND: u8 = 3;

/// Find out why spans do not arrive at a trace backend.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// URL of the receiver, in place of that of the environment.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// How it is spoken to, in place of what the environment says.
    #[arg(long)]
    protocol: Option<Protocol>,
    /// Print one JSON object with all findings.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    #[value(name = "http/protobuf")]
    HttpProtobuf,
    Grpc,
}

const EXAMPLES: &str = "\
Looks at what a program in this environment would use (OTEL_EXPORTER_OTLP_ENDPOINT and the other
variables of docs/configuration.md): the settings, the address, the connection, the protocol, TLS,
the authorization. Then sends one real span, of the service continuum-doctor.

Examples:
  continuum doctor
  continuum doctor --endpoint http://localhost:4318
  continuum doctor --endpoint https://collector.example:4317 --protocol grpc
  OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20abc continuum doctor --json

Exit status: 0 the span arrived, 3 something is wrong, 1 failed, 2 not understood.";

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut config = OtlpConfig::default();
        config.endpoint = self.endpoint;
        config.protocol = self.protocol.map(|protocol| match protocol {
            Protocol::HttpProtobuf => OtlpProtocol::HttpProtobuf,
            Protocol::Grpc => OtlpProtocol::Grpc,
        });
        let report = doctor::examine(config);
        let mut out = io::stdout().lock();
        unless_closed(if self.json {
            writeln!(out, "{}", to_json(&report))
        } else {
            let palette = palette(&out);
            print(&mut out, &report, palette)
        })?;
        Ok(if report.is_healthy() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FOUND)
        })
    }
}

fn print(out: &mut impl Write, report: &Report, palette: Palette) -> io::Result<()> {
    let widths = Check::ALL.iter().map(|check| check.name().len());
    let width = widths.max().unwrap_or_default();
    for finding in &report.findings {
        let Finding {
            check,
            outcome,
            detail,
            remedy,
        } = finding;
        writeln!(out, "{} {check:width$}  {detail}", sign(*outcome, palette))?;
        if let Some(remedy) = remedy {
            writeln!(out, "  {:width$}  → {remedy}", "")?;
        }
    }
    let (endpoint, protocol) = (&report.endpoint, report.protocol);
    let verdict = if report.is_healthy() {
        "spans arrive"
    } else {
        "spans do not arrive"
    };
    writeln!(out, "\n{verdict} at {endpoint} over {protocol}")
}

fn sign(outcome: Outcome, palette: Palette) -> String {
    let (sign, color) = match outcome {
        Outcome::Fine => ("✓", 32),
        Outcome::Warning => ("!", 33),
        Outcome::Failed => ("✗", 31),
        Outcome::Skipped => ("-", 2),
    };
    match palette {
        Palette::Ansi => format!("\x1b[{color}m{sign}\x1b[0m"),
        Palette::Plain => sign.to_owned(),
    }
}

fn to_json(report: &Report) -> serde_json::Value {
    let finding = |finding: &Finding| {
        json!({
            "check": finding.check.name(),
            "outcome": finding.outcome.name(),
            "detail": finding.detail,
            "remedy": finding.remedy,
        })
    };
    json!({
        "healthy": report.is_healthy(),
        "endpoint": report.endpoint,
        "protocol": report.protocol,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_colours_where_they_are_wanted() {
        let finding = |outcome, remedy: Option<&str>| Finding {
            check: Check::Tls,
            outcome,
            detail: "seen".to_owned(),
            remedy: remedy.map(str::to_owned),
        };
        let report = Report {
            endpoint: "http://collector.example".to_owned(),
            protocol: "grpc",
            findings: vec![
                finding(Outcome::Fine, None),
                finding(Outcome::Failed, Some("do")),
            ],
        };
        let printed = |palette| {
            let mut out = Vec::new();
            print(&mut out, &report, palette).unwrap();
            String::from_utf8(out).unwrap()
        };
        let plain = "\
✓ tls            seen
✗ tls            seen
                 → do

spans do not arrive at http://collector.example over grpc
";
        assert_eq!(printed(Palette::Plain), plain);
        let ansi = printed(Palette::Ansi);
        assert!(ansi.starts_with("\x1b[32m✓\x1b[0m tls"), "{ansi}");
    }
}
