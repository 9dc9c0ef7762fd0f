//! Spans by trace, with their parents and children.
//!
//! Position: made once for a run, read by the rules that look at more than one span.

use crate::SpanRecord;
use std::collections::{HashMap, HashSet};

type SpanKey = ([u8; 16], [u8; 8]);

/// The spans of a run, and who belongs to whom.
pub(super) struct Traces<'a> {
    pub(super) spans: &'a [SpanRecord],
    known: HashMap<SpanKey, &'a SpanRecord>,
    /// The traces whose root is among the spans.
    rooted: HashSet<[u8; 16]>,
    children: HashMap<SpanKey, Vec<&'a SpanRecord>>,
}

impl<'a> Traces<'a> {
    pub(super) fn new(spans: &'a [SpanRecord]) -> Self {
        let mut children: HashMap<SpanKey, Vec<&SpanRecord>> = HashMap::new();
        for span in spans {
            if let Some(parent) = span.parent_span_id {
                children
                    .entry((span.trace_id, parent))
                    .or_default()
                    .push(span);
            }
        }
        let known = spans
            .iter()
            .map(|span| ((span.trace_id, span.span_id), span))
            .collect();
        let roots = spans.iter().filter(|span| span.parent_span_id.is_none());
        Self {
            spans,
            known,
            rooted: roots.map(|root| root.trace_id).collect(),
            children,
        }
    }

    pub(super) fn children(&self, span: &SpanRecord) -> &[&'a SpanRecord] {
        let found = self.children.get(&(span.trace_id, span.span_id));
        found.map_or(&[], Vec::as_slice)
    }

    /// The parent, if it is among the spans.
    pub(super) fn parent(&self, span: &SpanRecord) -> Option<&'a SpanRecord> {
        let parent = span.parent_span_id?;
        self.known.get(&(span.trace_id, parent)).copied()
    }

    /// Whether the span names a parent that is not among the spans.
    pub(super) fn misses_parent(&self, span: &SpanRecord) -> bool {
        span.parent_span_id.is_some() && self.parent(span).is_none()
    }

    /// Whether the span that began the trace of this one is among the spans.
    pub(super) fn has_root(&self, span: &SpanRecord) -> bool {
        self.rooted.contains(&span.trace_id)
    }
}
