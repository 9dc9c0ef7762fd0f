//! Spans drawn as an indented tree.
//!
//! Position: used by the console exporter, by the demo for single traces, and by tests, which
//! compare the text.
//!
//! Invariants: every span given is drawn once; the text holds no control character but line feeds
//! and the colour codes of [`Palette::Ansi`]; equal spans give equal text.

mod forest;
mod line;
mod width;

use std::fmt::Write as _;

pub(crate) use self::forest::arrange;

pub use self::width::safe_line;

use self::{
    forest::Node,
    line::{Keep, Line, Paint},
    width::columns,
};
use super::{AnyValue, EventRecord, LinkRecord, SpanRecord, escape};
use crate::context::hex;

/// Deeper spans are drawn at this depth: a line must stay readable, and a long chain affordable.
const MAX_DEPTH: usize = 24;
const MAX_NAME_COLUMNS: usize = 48;
const MAX_MESSAGE_CHARS: usize = 400;

/// So that most trees have their durations in the same column.
const MIN_LABEL_COLUMNS: usize = 30;

/// Whether a tree is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// Text alone.
    #[default]
    Plain,
    /// ANSI colours: errors red, roots bold, details dim.
    Ansi,
}

/// What a tree shows.
///
/// # Examples
///
/// ```
/// use continuum_observability::{Palette, TreeStyle};
///
/// let style = TreeStyle { width: Some(160), ..TreeStyle::terminal(Palette::Ansi) };
/// ```
#[expect(
    clippy::struct_excessive_bools,
    reason = "each may be chosen without the others"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeStyle {
    /// Colours.
    pub palette: Palette,
    /// Columns of a line. On a longer one the longest values of attributes are cut first, then the
    /// attributes left out that were set first; errors never are. `None` cuts nothing.
    pub width: Option<usize>,
    /// Durations, and how long after the start of its span an event came.
    pub timing: bool,
    /// The trace id at the end of each root, and the ids of links.
    pub ids: bool,
    /// The kind of spans that are not internal.
    pub kinds: bool,
    /// Leaves out attributes whose value is a word of the span's name, or that the parent has as well.
    pub brief: bool,
}

impl TreeStyle {
    /// For people: durations and trace ids, nothing said twice, lines up to 120 columns.
    pub fn terminal(palette: Palette) -> Self {
        Self {
            palette,
            width: Some(120),
            timing: true,
            ids: true,
            kinds: false,
            brief: true,
        }
    }

    /// For tests: nothing that differs from run to run, nothing cut.
    pub fn snapshot() -> Self {
        Self {
            palette: Palette::Plain,
            width: None,
            timing: false,
            ids: false,
            kinds: true,
            brief: false,
        }
    }
}

/// Draws spans of any number of traces, parents above their children, siblings by start.
///
/// # Examples
///
/// ```
/// use continuum_observability::{SpanRecord, TreeStyle, render_tree};
///
/// let root = SpanRecord { name: "answer".into(), span_id: [1; 8], ..SpanRecord::default() };
/// let child = SpanRecord {
///     name: "recall".into(),
///     span_id: [2; 8],
///     parent_span_id: Some([1; 8]),
///     ..SpanRecord::default()
/// };
/// assert_eq!(render_tree(&[child, root], &TreeStyle::snapshot()), "answer\n└─ recall\n");
/// ```
pub fn render_tree(spans: &[SpanRecord], style: &TreeStyle) -> String {
    let nodes = arrange(spans);
    let label_columns = |node: &Node| {
        let name = columns(&spans[node.span].name).min(MAX_NAME_COLUMNS);
        node.depth.min(MAX_DEPTH) * 3 + name
    };
    let mut tree = Tree {
        style,
        column: 0,
        out: String::new(),
        guides: Vec::new(),
        path: Vec::new(),
    };
    // Long names of one root do not push the columns of the others to the right.
    for nodes in nodes.chunk_by(|_, next| next.depth > 0) {
        let widest = nodes.iter().map(label_columns).max();
        tree.column = widest.unwrap_or_default().max(MIN_LABEL_COLUMNS);
        for &node in nodes {
            tree.path.truncate(node.depth);
            tree.span(node, &spans[node.span]);
            tree.path.push(&spans[node.span]);
        }
    }
    tree.out
}

struct Tree<'a> {
    style: &'a TreeStyle,
    /// Where names end and durations begin.
    column: usize,
    out: String,
    /// The vertical lines of the ancestors, one for each level below the root.
    guides: Vec<&'static str>,
    /// The ancestors of the span that is drawn.
    path: Vec<&'a SpanRecord>,
}

impl Tree<'_> {
    fn span(&mut self, node: Node, span: &SpanRecord) {
        self.label(node, span);
        let below = self.guides_below(node);
        for event in &span.events {
            self.event(&below, span, event);
        }
        for link in &span.links {
            self.link(&below, link);
        }
        if let Some(dropped) = describe_dropped(span) {
            let mut line = self.begin();
            line.push(Paint::Dim, format!("{below}· {dropped}"));
            line.end();
        }
    }

    fn begin(&mut self) -> Line<'_> {
        let width = self.style.width.unwrap_or(usize::MAX);
        Line::begin(&mut self.out, self.style.palette, width)
    }

    fn label(&mut self, node: Node, span: &SpanRecord) {
        let (style, column, parent) = (self.style, self.column, self.path.last().copied());
        let branch = match (node.depth, node.is_last) {
            (0, _) => "",
            (_, true) => "└─ ",
            (_, false) => "├─ ",
        };
        self.guides
            .truncate(node.depth.min(MAX_DEPTH).saturating_sub(1));
        let guides = self.guides.concat() + branch;
        let name = safe_line(
            &span.name,
            style.width.map_or(usize::MAX, |_| MAX_NAME_COLUMNS),
        );
        let used = columns(&guides) + columns(&name);
        let mut line = self.begin();
        line.push(Paint::Dim, guides);
        let paint = match (span.is_error(), node.depth) {
            (true, _) => Paint::Red,
            (false, 0) => Paint::Bold,
            (false, _) => Paint::Plain,
        };
        line.push(paint, name);
        if style.timing {
            let blanks = column.saturating_sub(used);
            let (duration, unit) = readable(span.duration_nanos());
            line.push(
                Paint::Plain,
                format!("{:blanks$}{duration:>9} {unit:<2}  ", ""),
            );
        }
        describe(&mut line, style, parent, span);
        line.end();
    }

    fn event(&mut self, below: &str, span: &SpanRecord, event: &EventRecord) {
        let style = self.style;
        let mut text = format!("{below}· ");
        if style.timing {
            let after = event.time_unix_nanos.saturating_sub(span.start_unix_nanos);
            let (after, unit) = readable(after);
            let _infallible = write!(text, "+{after} {unit} ");
        }
        let mut line = self.begin();
        line.push(Paint::Dim, text);
        let paint = if event.name == "exception" {
            Paint::Red
        } else {
            Paint::Plain
        };
        line.push(paint, safe_line(&event.name, MAX_NAME_COLUMNS));
        line.attributes(event.attributes.iter(), Keep::First);
        line.end();
    }

    fn link(&mut self, below: &str, other: &LinkRecord) {
        let ids = self.style.ids;
        let mut line = self.begin();
        line.push(Paint::Dim, format!("{below}· link"));
        if ids {
            let (trace, span) = (hex(&other.trace_id), hex(&other.span_id));
            line.push(Paint::Dim, format!(" to trace {trace} span {span}"));
        }
        line.attributes(other.attributes.iter(), Keep::First);
        line.end();
    }

    /// What stands before the events of a span, and adds its line for its children.
    fn guides_below(&mut self, node: Node) -> String {
        if node.depth > 0 {
            self.guides.push(if node.is_last { "   " } else { "│  " });
        }
        self.guides.concat() + if node.has_children { "│  " } else { "   " }
    }
}

fn describe(
    line: &mut Line<'_>,
    style: &TreeStyle,
    parent: Option<&SpanRecord>,
    span: &SpanRecord,
) {
    if style.kinds && span.kind > 1 {
        line.push(Paint::Dim, format!(" ({})", kind_name(span.kind)));
    }
    if span.is_error() {
        let message = escape::line(&span.status_message, MAX_MESSAGE_CHARS);
        line.push_whole(Paint::Red, format!(" ERROR {message}").trim_end());
    }
    let trace = match parent {
        None if style.ids => format!(" trace {}", hex(&span.trace_id)),
        _ => String::new(),
    };
    line.reserve(&trace);
    let shown = span.attributes.iter();
    let shown = shown.filter(|attribute| !(style.brief && is_said(attribute, parent, span)));
    line.attributes(shown, Keep::Last);
    line.push_whole(Paint::Dim, &trace);
}

/// Whether the name of the span, or its parent, says the same.
fn is_said(attribute: &(String, AnyValue), parent: Option<&SpanRecord>, span: &SpanRecord) -> bool {
    let (key, value) = attribute;
    if parent.is_some_and(|parent| parent.attribute(key) == Some(value)) {
        return true;
    }
    let AnyValue::String(text) = value else {
        return false;
    };
    let is_said_by = |word: &str| !word.is_empty() && word.eq_ignore_ascii_case(text);
    span.name.split([' ', '.']).any(is_said_by)
}

fn describe_dropped(span: &SpanRecord) -> Option<String> {
    let counts = [
        (span.dropped_attributes_count, "attribute"),
        (span.dropped_events_count, "event"),
        (span.dropped_links_count, "link"),
    ];
    let present = counts.iter().filter(|(count, _)| *count > 0);
    let text: Vec<_> = present
        .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    (!text.is_empty()).then(|| format!("{} dropped", text.join(", ")))
}

fn kind_name(kind: i32) -> &'static str {
    match kind {
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "unknown kind",
    }
}

/// A duration in the unit in which it is easily read.
fn readable(nanos: u64) -> (String, &'static str) {
    let float = nanos as f64;
    match nanos {
        0..1_000 => (nanos.to_string(), "ns"),
        1_000..100_000 => (format!("{:.1}", float / 1e3), "µs"),
        100_000..10_000_000_000 => (format!("{:.1}", float / 1e6), "ms"),
        _ => (format!("{:.1}", float / 1e9), "s"),
    }
}

#[cfg(test)]
mod tests;
