//! The span forest as text that is the same in every run.
//!
//! Position: behind `TestRecorder::tree`. Order and depth are those of [`arrange`]; what differs from
//! the console's tree is that nothing is cut or measured, and that links show the name of the span.
//!
//! Invariants:
//! - the text holds no control character but line feeds;
//! - a link says which span it leads to: where several have the name, all of them are numbered in the
//!   order of the text, as in `publish jobs #2`;
//! - what stands at the left is a trace of its own, unless it says that others there are of the same one,
//!   as in `publish jobs (trace 1)`.

use crate::{
    AnyValue, SpanRecord,
    export::{arrange, push_escaped},
    semconv::attribute::EXCEPTION_STACKTRACE,
};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

const KINDS: [&str; 6] = [
    "",
    "",
    " [server]",
    " [client]",
    " [producer]",
    " [consumer]",
];

/// Begins what differs from machine to machine in an error's causes: the frames of a backtrace.
const BACKTRACE: &str = "Stack backtrace:";
/// Deeper spans are drawn at this depth: the blanks before a long chain would fill the memory.
const MAX_DEPTH: usize = 100;

/// Draws all spans, roots first by their start.
pub(super) fn render(spans: &[SpanRecord]) -> String {
    let nodes = arrange(spans);
    let at_left = nodes.iter().filter(|node| node.depth == 0);
    let mut picture = Picture {
        labels: labels(nodes.iter().map(|node| &spans[node.span])),
        traces: shared_traces(at_left.map(|node| spans[node.span].trace_id)),
        out: String::new(),
    };
    for node in nodes {
        picture.line(&spans[node.span], node.depth.min(MAX_DEPTH));
    }
    picture.out
}

type Ids = ([u8; 16], [u8; 8]);

/// What a span is called where it stands and where a link leads to it.
#[derive(Clone, Copy)]
struct Label<'a> {
    name: &'a str,
    /// Where a link leads to one of several spans of that name.
    number: Option<usize>,
}

/// The labels of spans in the order of the text.
fn labels<'a>(spans: impl Iterator<Item = &'a SpanRecord> + Clone) -> HashMap<Ids, Label<'a>> {
    let linked: HashSet<Ids> = spans
        .clone()
        .flat_map(|span| &span.links)
        .map(|link| (link.trace_id, link.span_id))
        .collect();
    let mut same_name: HashMap<&str, Vec<Ids>> = HashMap::new();
    for span in spans {
        let ids = (span.trace_id, span.span_id);
        same_name.entry(&span.name).or_default().push(ids);
    }
    let numbered = same_name.into_iter().flat_map(|(name, same)| {
        let is_ambiguous = same.len() > 1 && same.iter().any(|ids| linked.contains(ids));
        same.into_iter().enumerate().map(move |(before, ids)| {
            let number = is_ambiguous.then_some(before + 1);
            (ids, Label { name, number })
        })
    });
    numbered.collect()
}

/// The traces of which several spans stand at the left, numbered in the order of the text.
fn shared_traces(at_left: impl Iterator<Item = [u8; 16]> + Clone) -> HashMap<[u8; 16], usize> {
    let mut counts: HashMap<[u8; 16], usize> = HashMap::new();
    for trace in at_left.clone() {
        *counts.entry(trace).or_default() += 1;
    }
    let mut numbers = HashMap::new();
    for trace in at_left.filter(|trace| counts[trace] > 1) {
        let next = numbers.len() + 1;
        numbers.entry(trace).or_insert(next);
    }
    numbers
}

struct Picture<'a> {
    labels: HashMap<Ids, Label<'a>>,
    traces: HashMap<[u8; 16], usize>,
    out: String,
}

impl Picture<'_> {
    fn line(&mut self, span: &SpanRecord, depth: usize) {
        let indent = "  ".repeat(depth);
        self.out.push_str(&indent);
        self.label((span.trace_id, span.span_id));
        let kind = usize::try_from(span.kind).unwrap_or_default();
        self.out.push_str(KINDS.get(kind).unwrap_or(&" [unknown]"));
        if let Some(number) = self
            .traces
            .get(&span.trace_id)
            .filter(|_| depth == 0)
            .copied()
        {
            self.append(format_args!(" (trace {number})"));
        }
        match span.status_code {
            1 => self.out.push_str(" OK"),
            2 if span.status_message.is_empty() => self.out.push_str(" ERROR"),
            2 => {
                self.out.push_str(" ERROR(");
                push_escaped(&mut self.out, &span.status_message);
                self.out.push(')');
            }
            _ => {}
        }
        self.attributes(&span.attributes);
        for event in &span.events {
            self.append(format_args!("\n{indent}  · "));
            push_escaped(&mut self.out, &event.name);
            self.attributes(&event.attributes);
        }
        for link in &span.links {
            self.append(format_args!("\n{indent}  → "));
            self.label((link.trace_id, link.span_id));
            self.attributes(&link.attributes);
        }
        self.out.push('\n');
    }

    fn label(&mut self, ids: Ids) {
        let label = self.labels.get(&ids).copied();
        let name = label.map_or("elsewhere", |label| label.name);
        push_escaped(&mut self.out, name);
        if let Some(number) = label.and_then(|label| label.number) {
            self.append(format_args!(" #{number}"));
        }
    }

    fn attributes(&mut self, attributes: &[(String, AnyValue)]) {
        for (key, value) in attributes {
            let text = text(value);
            let shown = match text.split_once(BACKTRACE) {
                Some((causes, _)) if key == EXCEPTION_STACKTRACE => causes.trim_end(),
                _ => &text,
            };
            if !shown.is_empty() || text.is_empty() {
                self.out.push(' ');
                push_escaped(&mut self.out, key);
                self.out.push('=');
                push_escaped(&mut self.out, &shown.replace('\n', "; "));
            }
        }
    }

    fn append(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _written = self.out.write_fmt(text);
    }
}

fn text(value: &AnyValue) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match value {
        AnyValue::Empty => "-".to_owned(),
        AnyValue::String(text) => text.clone(),
        AnyValue::Bool(value) => value.to_string(),
        AnyValue::Int(value) => value.to_string(),
        AnyValue::Double(value) => value.to_string(),
        AnyValue::Array(values) => format!("[{}]", list(values.iter().map(text).collect())),
        AnyValue::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key}:{}", text(value)));
            format!("{{{}}}", list(entries.collect()))
        }
        AnyValue::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkRecord;

    fn span(name: &str, [trace, id, parent]: [u32; 3]) -> SpanRecord {
        let wide = |id: u32| u64::from(id).to_be_bytes();
        SpanRecord {
            name: name.to_owned(),
            trace_id: u128::from(trace).to_be_bytes(),
            span_id: wide(id),
            parent_span_id: (parent > 0).then(|| wide(parent)),
            ..SpanRecord::default()
        }
    }

    #[test]
    fn a_deep_chain_needs_no_deep_stack() {
        let spans: Vec<_> = (1..=60_000).map(|id| span("s", [1, id, id - 1])).collect();
        let tree = render(&spans);
        assert_eq!(tree.lines().count(), 60_000);
        let deepest = tree.lines().map(|line| line.find('s')).max();
        assert_eq!(deepest, Some(Some(2 * MAX_DEPTH)));
    }

    #[test]
    fn every_span_is_drawn_whatever_its_ids_claim() {
        let circle = [span("a", [1, 1, 2]), span("b", [1, 2, 1])];
        assert_eq!(render(&circle), "a\n  b\n");
        let of_two_traces = [
            span("first", [1, 1, 0]),
            span("second", [2, 1, 0]),
            span("below", [2, 3, 1]),
        ];
        assert_eq!(render(&of_two_traces), "first\nsecond\n  below\n");
    }

    #[test]
    fn spans_at_the_left_say_when_they_are_of_one_trace() {
        let forest = |traces: [u32; 4]| {
            let mut id = 0;
            let spans = traces.map(|trace| {
                id += 1;
                span("call", [trace, id, u32::from(id == 2)])
            });
            render(&spans)
        };
        assert_eq!(forest([1, 1, 2, 3]), "call\n  call\ncall\ncall\n");
        assert_eq!(
            forest([1, 1, 2, 1]),
            "call (trace 1)\n  call\ncall\ncall (trace 1)\n"
        );
        assert_eq!(
            forest([4, 1, 4, 1]),
            "call (trace 1)\ncall (trace 2)\ncall (trace 1)\ncall (trace 2)\n"
        );
    }

    /// A batch with a link to each of these spans.
    fn batch(targets: [[u32; 2]; 2]) -> SpanRecord {
        let link = |[trace, id]: [u32; 2]| {
            let SpanRecord {
                trace_id, span_id, ..
            } = span("", [trace, id, 0]);
            LinkRecord {
                trace_id,
                span_id,
                ..LinkRecord::default()
            }
        };
        SpanRecord {
            links: targets.map(link).into(),
            ..span("batch", [9, 9, 0])
        }
    }

    #[test]
    fn a_link_says_which_of_several_spans_of_a_name_it_leads_to() {
        let producers = [span("publish", [1, 1, 0]), span("publish", [2, 2, 0])];
        let tree = |targets| render(&[&producers[..], &[batch(targets)]].concat());
        assert_eq!(
            tree([[1, 1], [2, 2]]),
            "publish #1\npublish #2\nbatch\n  → publish #1\n  → publish #2\n"
        );
        assert_eq!(
            tree([[2, 2], [2, 2]]),
            "publish #1\npublish #2\nbatch\n  → publish #2\n  → publish #2\n"
        );
        assert_eq!(
            tree([[1, 2], [3, 3]]),
            "publish\npublish\nbatch\n  → elsewhere\n  → elsewhere\n"
        );
    }

    #[test]
    fn what_is_the_only_one_of_its_name_has_no_number() {
        let spans = [span("publish", [1, 1, 0]), batch([[1, 1], [1, 1]])];
        assert_eq!(render(&spans), "publish\nbatch\n  → publish\n  → publish\n");
    }

    #[test]
    fn only_of_the_trace_of_an_error_the_frames_are_left_out() {
        let text = format!("it broke\n\n{BACKTRACE}\n   0: main");
        let with = |key: &str, text: &str| SpanRecord {
            attributes: vec![(key.to_owned(), AnyValue::String(text.to_owned()))],
            ..span("read", [1, 1, 0])
        };
        let drawn = |key, text| render(&[with(key, text)]);
        assert_eq!(
            drawn("exception.stacktrace", &text),
            "read exception.stacktrace=it broke\n"
        );
        assert_eq!(drawn("exception.stacktrace", BACKTRACE), "read\n");
        assert_eq!(
            drawn("page.text", &text),
            "read page.text=it broke; ; Stack backtrace:;    0: main\n"
        );
        assert_eq!(drawn("page.text", "two \n"), "read page.text=two ; \n");
    }

    #[test]
    fn control_characters_are_visible() {
        let odd = SpanRecord {
            status_code: 2,
            status_message: "it\nbroke".to_owned(),
            attributes: vec![("k\u{1b}".to_owned(), AnyValue::String("a\r\nb".to_owned()))],
            ..span("na\tme", [1, 1, 0])
        };
        assert_eq!(
            render(&[odd]),
            "na\\tme ERROR(it\\nbroke) k\\u{1b}=a\\r; b\n"
        );
    }
}
