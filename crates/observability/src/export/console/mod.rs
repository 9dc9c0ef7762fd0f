//! Each trace printed as a tree when its local root ends: the first thing a developer sees.
//!
//! Position: an [`Exporter`] that decodes requests, keeps spans until the first span of their trace
//! in this process has ended, and writes [`render_tree`] to a stream.
//!
//! Invariants:
//! - every span is printed once, at the latest at shutdown;
//! - what waits is bounded; the oldest trace is printed as it is when there is too much.

mod pending;
#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    fmt,
    io::{self, Write},
    time::Instant,
};

use self::pending::Pending;
use super::{
    EncodedRequest, ExportError, Exported, Exporter, SpanRecord, TreeStyle, decode_request,
    render_tree,
};
use crate::{context::hex, stderr::stderr};

/// Prints each finished trace as an indented tree.
///
/// # Examples
///
/// ```
/// use continuum_observability::{ConsoleExporter, Palette, TreeStyle, color_is_wanted};
/// use std::io::{IsTerminal, stderr};
///
/// let palette = match color_is_wanted(stderr().is_terminal(), None, Some("xterm")) {
///     true => Palette::Ansi,
///     false => Palette::Plain,
/// };
/// let exporter = ConsoleExporter::stderr(TreeStyle::terminal(palette));
/// ```
pub struct ConsoleExporter {
    out: Box<dyn Write + Send>,
    target: &'static str,
    style: TreeStyle,
    pending: Pending,
}

impl ConsoleExporter {
    /// Prints to standard error, which leaves standard output to the program.
    pub fn stderr(style: TreeStyle) -> Self {
        Self {
            target: "stderr",
            ..Self::new(Box::new(stderr()), style)
        }
    }

    /// Prints to standard output, for programs that have nothing else to say there.
    pub fn stdout(style: TreeStyle) -> Self {
        Self {
            target: "stdout",
            ..Self::new(Box::new(io::stdout()), style)
        }
    }

    /// Prints to any stream.
    pub fn new(out: Box<dyn Write + Send>, style: TreeStyle) -> Self {
        Self {
            out,
            target: "console",
            style,
            pending: Pending::default(),
        }
    }

    /// Roots are looked for when the whole batch is in: threads hand over their spans
    /// independently, so that a child may follow its root.
    fn take_ended(&mut self, spans: Vec<SpanRecord>) -> String {
        let mut traces: Vec<_> = spans.iter().map(|span| span.trace_id).collect();
        for span in spans {
            self.pending.add(span);
        }
        let mut text = String::new();
        let mut seen = HashSet::new();
        traces.retain(|trace_id| seen.insert(*trace_id));
        for trace_id in traces {
            let ended = self.pending.take_ended(trace_id);
            if !ended.is_empty() && !ended.iter().any(SpanRecord::is_local_root) {
                text += &headline("ended after their root", &ended);
            }
            text += &render_tree(&ended, &self.style);
        }
        while let Some(spans) = self.pending.take_excess() {
            text += &self.incomplete(&spans);
        }
        text
    }

    fn incomplete(&self, spans: &[SpanRecord]) -> String {
        headline("incomplete, the root has not ended", spans) + &render_tree(spans, &self.style)
    }

    fn print(&mut self, text: &str) -> Result<(), ExportError> {
        if text.is_empty() {
            return Ok(());
        }
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        written.map_err(|source| ExportError::Write {
            target: self.target.to_owned(),
            source,
        })
    }
}

impl Exporter for ConsoleExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let spans = decode_request(request.bytes())?;
        let text = self.take_ended(spans);
        self.print(&text)?;
        Ok(Exported::default())
    }

    fn shutdown(&mut self, _deadline: Instant) {
        let mut text = String::new();
        while let Some(spans) = self.pending.take_oldest() {
            text += &self.incomplete(&spans);
        }
        // Nobody is left to tell, and the stream is where one would have told it.
        let _lost = self.print(&text).is_err();
    }

    fn name(&self) -> &'static str {
        "console"
    }
}

impl fmt::Debug for ConsoleExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleExporter")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

fn headline(what: &str, spans: &[SpanRecord]) -> String {
    let trace_id = spans
        .first()
        .map(|span| hex(&span.trace_id))
        .unwrap_or_default();
    format!("{what}, trace {trace_id}:\n")
}

/// Whether to colour: only on a terminal, and not where `NO_COLOR` is set or `TERM` is `dumb`.
///
/// `no_color` and `term` are the values of these variables.
pub fn color_is_wanted(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
    is_terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb")
}
