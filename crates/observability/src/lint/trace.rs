//! Spans by trace, with their parents and children.
//!
//! Position: made once for a run, read by the rules that look at more than one span.

use crate::SpanRecord;
use std::collections::{HashMap, HashSet};

type SpanKey = ([u8; 16], [u8; 8]);

/// The spans of a run, and who belongs to whom.
pub(super) struct Traces<'a> {
    pub(super) spans: &'a [SpanRecord],
    known: HashSet<SpanKey>,
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
            .map(|span| (span.trace_id, span.span_id))
            .collect();
        Self {
            spans,
            known,
            children,
        }
    }

    pub(super) fn children(&self, span: &SpanRecord) -> &[&'a SpanRecord] {
        let found = self.children.get(&(span.trace_id, span.span_id));
        found.map_or(&[], Vec::as_slice)
    }

    /// Whether the parent, if there is one, is among the spans.
    pub(super) fn has_parent(&self, span: &SpanRecord) -> bool {
        span.parent_span_id
            .is_none_or(|parent| self.known.contains(&(span.trace_id, parent)))
    }
}
