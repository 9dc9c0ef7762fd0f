//! `continuum trace`: the traces of a file of spans, as trees for a person or as JSON for a script.
//!
//! Position: `trace_file` → **here** → the SDK's `render_tree`, or [`json`].
//!
//! Invariant: what was asked for by id and is not there is an error, exit status 1.

pub(super) mod json;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use clap::Args;
use continuum_observability::{SpanRecord, TraceId, render_tree};

use super::{output::unless_closed, terminal::tree_style};
use crate::trace_file::{self, DEFAULT_FILE};

/// The digits of a whole trace id.
const ID_DIGITS: usize = 32;

/// Show traces as trees
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trace {
    /// File of OTLP JSON lines, as the exporter `file` writes it; `-` reads standard input; a trace id is
    /// looked for in continuum-traces.jsonl
    #[arg(value_name = "FILE|-|ID")]
    source: String,
    /// Show this trace alone; the beginning of an id will do; may be repeated
    #[arg(long = "trace-id", value_name = "ID", value_parser = beginning_of_id)]
    wanted: Vec<String>,
    /// Print one JSON object with the spans of each trace
    #[arg(long)]
    json: bool,
    /// Print every attribute in full, as where the output is no terminal
    #[arg(long)]
    wide: bool,
}

const EXAMPLES: &str = "\
Examples:
  OTEL_TRACES_EXPORTER=file my-service
  continuum trace continuum-traces.jsonl
  continuum trace 0af7651916cd43dd8448eb211c80319c
  continuum trace spans.jsonl --trace-id 0af7
  continuum trace spans.jsonl --wide | less -S
  continuum trace - --json < spans.jsonl | jq '.traces[].spans[].name'";

/// Checks that a text can be the beginning of an id, so that a wrong one is an error of usage.
fn beginning_of_id(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && (1..=ID_DIGITS).contains(&text.len()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "a trace id has 1 to {ID_DIGITS} hexadecimal digits"
        ))
    }
}

impl Trace {
    pub(super) fn run(self) -> Result<()> {
        let (file, wanted) = self.file_and_ids();
        let mut spans = trace_file::read(&file)?;
        if !wanted.is_empty() {
            spans.retain(|span| is_wanted(span, &wanted));
            let ids = wanted.join(", ");
            ensure!(!spans.is_empty(), "no trace {ids} in {}", file.display());
        }
        unless_closed(self.print(&mut io::stdout().lock(), &spans))
    }

    fn print(&self, out: &mut impl Write, spans: &[SpanRecord]) -> io::Result<()> {
        if self.json {
            return writeln!(out, "{}", json::traces(spans));
        }
        let style = tree_style(&io::stdout(), self.wide);
        write!(out, "{}", render_tree(spans, &style))
    }

    /// What to read, and which traces of it; a file comes before an id of the same name.
    fn file_and_ids(&self) -> (PathBuf, Vec<String>) {
        let path = Path::new(&self.source);
        let mut ids = self.wanted.clone();
        let is_id = self.source.len() == ID_DIGITS && beginning_of_id(&self.source).is_ok();
        if is_id && !path.exists() {
            ids.push(self.source.to_ascii_lowercase());
            return (DEFAULT_FILE.into(), ids);
        }
        (path.to_owned(), ids)
    }
}

fn is_wanted(span: &SpanRecord, wanted: &[String]) -> bool {
    let id = TraceId::from_bytes(span.trace_id).to_string();
    wanted.iter().any(|beginning| id.starts_with(beginning))
}
