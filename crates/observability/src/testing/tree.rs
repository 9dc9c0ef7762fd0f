//! The span forest as text that is the same in every run.
//!
//! Position: behind `TestRecorder::tree`.

use crate::{AnyValue, SpanRecord};
use std::{collections::HashMap, fmt::Write as _};

const KINDS: [&str; 6] = [
    "",
    "",
    " [server]",
    " [client]",
    " [producer]",
    " [consumer]",
];

/// Begins what differs from machine to machine: the frames of a backtrace.
const BACKTRACE: &str = "Stack backtrace:";

/// Draws all spans, roots first by their start.
pub(super) fn render(spans: &[SpanRecord]) -> String {
    let mut order: Vec<&SpanRecord> = spans.iter().collect();
    order.sort_by_key(|span| span.start_unix_nanos);
    let known: HashMap<_, _> = order
        .iter()
        .map(|span| (span.span_id, span.name.as_str()))
        .collect();
    let mut children: HashMap<Option<[u8; 8]>, Vec<&SpanRecord>> = HashMap::new();
    for span in order {
        let parent = span
            .parent_span_id
            .filter(|parent| known.contains_key(parent));
        children.entry(parent).or_default().push(span);
    }
    let mut picture = Picture {
        children,
        known,
        out: String::new(),
    };
    picture.draw(None, 0);
    picture.out
}

struct Picture<'a> {
    children: HashMap<Option<[u8; 8]>, Vec<&'a SpanRecord>>,
    known: HashMap<[u8; 8], &'a str>,
    out: String,
}

impl<'a> Picture<'a> {
    fn draw(&mut self, parent: Option<[u8; 8]>, depth: usize) {
        for span in self.children.remove(&parent).unwrap_or_default() {
            self.line(span, depth);
            self.draw(Some(span.span_id), depth + 1);
        }
    }

    fn line(&mut self, span: &'a SpanRecord, depth: usize) {
        let indent = "  ".repeat(depth);
        self.out.push_str(&indent);
        self.out.push_str(&span.name);
        let kind = usize::try_from(span.kind).unwrap_or_default();
        self.out.push_str(KINDS.get(kind).unwrap_or(&" [unknown]"));
        match span.status_code {
            1 => self.out.push_str(" OK"),
            2 if span.status_message.is_empty() => self.out.push_str(" ERROR"),
            2 => self.append(format_args!(" ERROR({})", span.status_message)),
            _ => {}
        }
        self.attributes(&span.attributes);
        for event in &span.events {
            self.append(format_args!("\n{indent}  · {}", event.name));
            self.attributes(&event.attributes);
        }
        for link in &span.links {
            let target = self
                .known
                .get(&link.span_id)
                .copied()
                .unwrap_or("elsewhere");
            self.append(format_args!("\n{indent}  → {target}"));
            self.attributes(&link.attributes);
        }
        self.out.push('\n');
    }

    fn attributes(&mut self, attributes: &[(String, AnyValue)]) {
        for (key, value) in attributes {
            let text = text(value);
            let shown = text.split(BACKTRACE).next().unwrap_or_default().trim_end();
            if !shown.is_empty() || text.is_empty() {
                self.append(format_args!(" {key}={}", shown.replace('\n', "; ")));
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
