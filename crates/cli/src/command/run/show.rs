//! What is shown of a running program: its traces, and at the end what the guide says about them.
//!
//! Invariants: a trace is written in one piece, so that it does not mix with what the program writes; what is
//! held for the check at the end is bounded.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use continuum_observability::{
    EncodedRequest, Exporter as _, FileExporter, SpanRecord, TraceId, TreeStyle, render_tree,
};

use super::super::trace::json;
use crate::{
    receiver::{Encoding, Received},
    run::{Audience, Completeness, Forward, Trace},
};

/// About as much memory as the spans may take that are checked at the end.
const MAX_CHECKED_BYTES: usize = 64 << 20;

/// A file takes a write at once, or not at all.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// How traces are shown.
#[derive(Debug)]
pub(super) enum Form {
    Trees(TreeStyle),
    JsonLines,
    Nothing,
}

/// Shows traces on standard error, and keeps them for later.
#[derive(Debug)]
pub(super) struct Show {
    form: Form,
    copy: Option<Copy>,
    /// Sends on what arrives.
    pub(super) forward: Option<Forward>,
    /// The spans to check at the end.
    pub(super) spans: Vec<SpanRecord>,
    bytes: usize,
    /// Those that there was no room for.
    pub(super) unchecked_count: usize,
}

impl Show {
    pub(super) fn new(form: Form, copy: Option<Copy>, forward: Option<Forward>) -> Self {
        Self {
            form,
            copy,
            forward,
            spans: Vec::new(),
            bytes: 0,
            unchecked_count: 0,
        }
    }

    fn text(&self, trace: &Trace) -> String {
        match &self.form {
            Form::Nothing => String::new(),
            Form::Trees(style) => headline(trace) + &render_tree(&trace.spans, style),
            Form::JsonLines => format!("{}\n", json::trace(&trace.spans)),
        }
    }
}

impl Audience for Show {
    fn received(&mut self, request: &Received) {
        if let Some(forward) = &self.forward {
            forward.offer(request);
        }
        let written = self.copy.as_mut().map(|copy| copy.append(request));
        if let Some(Err(error)) = written {
            say(&format!("continuum: {error:#}; nothing more is kept\n"));
            self.copy = None;
        }
    }

    fn trace(&mut self, trace: Trace) {
        say(&self.text(&trace));
        if self.bytes + trace.bytes > MAX_CHECKED_BYTES {
            self.unchecked_count += trace.spans.len();
            return;
        }
        self.bytes += trace.bytes;
        self.spans.extend(trace.spans);
    }
}

/// Writes to standard error at once; the program goes on where nobody reads it.
pub(super) fn say(text: &str) {
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// Says what is not as usual.
fn headline(trace: &Trace) -> String {
    let what = match trace.completeness {
        Completeness::Whole => return String::new(),
        Completeness::WithoutRoot => "incomplete, a parent has not ended",
        Completeness::Late => "late",
    };
    let id = trace
        .spans
        .first()
        .map(|span| TraceId::from_bytes(span.trace_id));
    format!("{what}, trace {}:\n", id.unwrap_or_default())
}

/// A file of OTLP JSON lines that grows with each request.
#[derive(Debug)]
pub(super) struct Copy {
    encoder: FileExporter,
    lines: File,
}

impl Copy {
    pub(super) fn append_to(path: &Path) -> Result<Self> {
        let lines = OpenOptions::new().create(true).append(true).open(path);
        let lines = lines.with_context(|| format!("cannot write to {}", path.display()))?;
        Ok(Self {
            encoder: FileExporter::append_to(path)?,
            lines,
        })
    }

    fn append(&mut self, request: &Received) -> Result<()> {
        match request.encoding {
            Encoding::Protobuf => {
                let encoded = EncodedRequest::new(&request.message, request.spans.len() as u64);
                self.encoder
                    .export(&encoded, Instant::now() + WRITE_TIMEOUT)?;
            }
            Encoding::Json => self.lines.write_all(&one_line(&request.message))?,
        }
        Ok(())
    }
}

/// In JSON a line ends only between two tokens, where a blank does as well.
fn one_line(json: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| {
        if matches!(byte, b'\n' | b'\r') {
            b' '
        } else {
            *byte
        }
    };
    let mut line: Vec<u8> = json.iter().map(blank).collect();
    line.push(b'\n');
    line
}
