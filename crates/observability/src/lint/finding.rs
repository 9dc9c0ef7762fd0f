//! [`Finding`]: a span that breaks a rule.
//!
//! Position: what the rules make, and what `continuum lint` prints.

use super::Rule;
use crate::{
    SpanRecord,
    context::{SpanId, TraceId},
};
use std::{collections::HashSet, fmt};

/// A span that breaks a [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its name.
    pub span_name: String,
    /// What is wrong: a key, a value's kind, a duration. Never a value that may be a secret.
    pub detail: String,
    /// What repeats itself over spans of one name, such as the key; one finding stands for all.
    subject: String,
}

impl Finding {
    pub(super) fn new(rule: Rule, span: &SpanRecord, subject: &str, detail: String) -> Self {
        Self {
            rule,
            trace_id: TraceId::from_bytes(span.trace_id),
            span_id: SpanId::from_bytes(span.span_id),
            span_name: span.name.clone(),
            detail,
            subject: subject.to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            span_name,
            detail,
            trace_id,
            span_id,
            ..
        } = self;
        write!(f, "{rule}: {span_name:?}: {detail}; {}", rule.remedy())?;
        write!(
            f,
            " (guide: {}; trace {trace_id}, span {span_id})",
            rule.section()
        )
    }
}

/// Sorts the findings and keeps the first of those that say the same.
pub(super) fn once_per_subject(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.rule, f.trace_id.to_bytes(), f.span_id.to_bytes());
        (a.rule, &a.span_name, &a.subject, key(a)).cmp(&(b.rule, &b.span_name, &b.subject, key(b)))
    });
    let mut seen = HashSet::new();
    findings.retain(|f| seen.insert((f.rule, f.span_name.clone(), f.subject.clone())));
    findings
}
