//! `continuum lint`: does a file of spans keep to the tracing guide's best practices?
//!
//! Position: `trace_file` → the SDK's `lint` → a report for a person, or JSON for a script.
//!
//! Invariants: exit status 0 without findings, 3 with findings, also where nobody reads them to their end; 1
//! where the file cannot be read or the report cannot be written. What a person reads holds no control character
//! of somebody else's.

use std::{
    fmt::{self, Write},
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;
use continuum_observability::{
    Palette,
    lint::{Finding, Linter, Rule},
    safe_line,
};
use serde_json::json;

use super::{output::unless_closed, palette::palette};
use crate::trace_file;

/// Of a longer name the beginning is shown.
const MAX_NAME_COLUMNS: usize = 48;

/// Exit status where there are findings.
pub(super) const FOUND: u8 = 3;

/// Check spans against the tracing guide's best practices.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Lint {
    /// File of OTLP JSON lines, as the exporter `file` writes it; `-` reads standard input.
    file: PathBuf,
    /// Rule to leave out, by name; may be repeated.
    #[arg(long, value_name = "RULE")]
    without: Vec<Rule>,
    /// Print one JSON object with all findings.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Rules:
  generic-name      a name that fits any span: operation, process, query
  dynamic-name      a name with an id, a timestamp or a number in it
  key-format        a key that is not dotted and in lower case with underscores
  vague-key         a key that could mean anything: size, value
  secret-value      a value that looks like a password, a key, a token, a card number or an e-mail address
  high-cardinality  values that hardly ever repeat
  too-coarse        a long span without a child
  too-fine          many spans that last next to nothing
  never-ended       a parent in the same process that never ended, or was dropped
  missing-parent    a parent that nobody exported, in a trace that began among the spans
  unjoined-server   a request whose server started a trace of its own
  missing-tenant    memory, database and cache spans without tenant.id, unless directly under auth.*

Examples:
  OTEL_TRACES_EXPORTER=file CONTINUUM_TRACES_FILE=spans.jsonl my-service
  continuum lint spans.jsonl
  continuum lint spans.jsonl --without too-fine --json

Exit status: 0 no findings, 3 findings, 1 failed, 2 not understood.";

impl Lint {
    pub(super) fn run(self) -> Result<ExitCode> {
        let spans = trace_file::read(&self.file)?;
        let linter = self
            .without
            .iter()
            .fold(Linter::new(), |linter, rule| linter.without(*rule));
        let findings = linter.lint(&spans);
        let mut out = io::stdout().lock();
        unless_closed(if self.json {
            writeln!(out, "{}", findings_as_json(&findings, spans.len()))
        } else {
            let words = findings_in_words(&findings, spans.len(), palette(&out));
            out.write_all(words.as_bytes())
        })?;
        Ok(if findings.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FOUND)
        })
    }
}

/// The findings in groups of one rule, each with its remedy.
pub(super) fn findings_in_words(findings: &[Finding], spans: usize, palette: Palette) -> String {
    let mut out = String::new();
    let _infallible = write_words(&mut out, findings, spans, palette);
    out
}

fn write_words(
    out: &mut impl Write,
    findings: &[Finding],
    spans: usize,
    palette: Palette,
) -> fmt::Result {
    for group in findings.chunk_by(|a, b| a.rule == b.rule) {
        let rule = group[0].rule;
        writeln!(
            out,
            "{}  guide: {}",
            bold(rule.name(), palette),
            rule.section()
        )?;
        let name = |finding: &Finding| safe_line(&finding.span_name, MAX_NAME_COLUMNS);
        let widths = group.iter().map(|finding| name(finding).chars().count());
        let width = widths.max().unwrap_or_default();
        for finding in group {
            let (name, detail) = (name(finding), safe_line(&finding.detail, usize::MAX));
            writeln!(out, "  {name:width$}  {detail}  trace {}", finding.trace_id)?;
        }
        writeln!(out, "  → {}\n", rule.remedy())?;
    }
    let count = match findings.len() {
        0 => "no findings".to_owned(),
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    writeln!(out, "{count} in {spans} spans")
}

/// The findings as one object.
pub(super) fn findings_as_json(findings: &[Finding], spans: usize) -> serde_json::Value {
    let findings: Vec<_> = findings.iter().map(to_json).collect();
    json!({ "spans": spans, "findings": findings })
}

fn bold(text: &str, palette: Palette) -> String {
    match palette {
        Palette::Ansi => format!("\x1b[1m{text}\x1b[0m"),
        Palette::Plain => text.to_owned(),
    }
}

fn to_json(finding: &Finding) -> serde_json::Value {
    json!({
        "rule": finding.rule.name(),
        "span": finding.span_name,
        "trace_id": finding.trace_id.to_string(),
        "span_id": finding.span_id.to_string(),
        "detail": finding.detail,
        "remedy": finding.rule.remedy(),
        "section": finding.rule.section(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_explains_every_rule() {
        for rule in Rule::ALL {
            assert!(EXAMPLES.contains(&format!("\n  {rule} ")), "{rule}");
        }
    }
}
