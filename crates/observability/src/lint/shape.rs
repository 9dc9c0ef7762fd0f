//! The grain of a trace: spans that hide their steps, and spans that are hardly there.
//!
//! Source: the guide, "Best practices: Span granularity".

use super::{Finding, Linter, Rule, trace::Traces};
use crate::{SpanKind, SpanRecord};
use std::{collections::BTreeMap, time::Duration};

pub(super) fn check(linter: &Linter, traces: &Traces<'_>, findings: &mut Vec<Finding>) {
    for span in traces.spans {
        let duration = Duration::from_nanos(span.duration_nanos());
        if works_here(span)
            && span.is_local_root()
            && duration >= linter.long_root
            && traces.children(span).is_empty()
        {
            let detail = format!("{duration:.1?} without a child");
            findings.push(Finding::new(Rule::TooCoarse, span, "", detail));
        }
    }
    let mut short: BTreeMap<([u8; 16], &str), Vec<&SpanRecord>> = BTreeMap::new();
    for span in traces.spans {
        if Duration::from_nanos(span.duration_nanos()) < linter.short_span
            && traces.children(span).is_empty()
        {
            short
                .entry((span.trace_id, &span.name))
                .or_default()
                .push(span);
        }
    }
    for spans in short
        .values()
        .filter(|spans| spans.len() >= linter.many_short_spans)
    {
        if let Some(span) = spans.first() {
            let detail = format!(
                "{} spans under {:?} in one trace",
                spans.len(),
                linter.short_span
            );
            findings.push(Finding::new(Rule::TooFine, span, "", detail));
        }
    }
}

/// A client or a producer waits for work that is done elsewhere.
fn works_here(span: &SpanRecord) -> bool {
    ![SpanKind::Client, SpanKind::Producer]
        .iter()
        .any(|kind| *kind as i32 == span.kind)
}
