//! The tracing guide's best practices, as rules that are checked.
//!
//! Position: beside `testing`; reads finished spans, wherever they come from: a test's recorder, or a
//! file that the file exporter wrote (`continuum lint FILE`).
//!
//! Invariants: the findings depend on the spans alone, never on their order; a rule says a thing
//! once per span name and key, however many spans repeat it.
//!
//! Source: `docs/tracing-guide.md`, the section that each [`Rule`] names.

mod attribute;
mod cardinality;
mod finding;
mod join;
mod name;
mod rule;
mod secret;
mod shape;
mod tenant;
mod trace;

#[cfg(test)]
mod tests;

pub use finding::Finding;
pub use rule::Rule;

use crate::SpanRecord;
use std::{collections::BTreeSet, time::Duration};
use trace::Traces;

/// Checks spans against the guide's best practices.
///
/// ```
/// use continuum_observability::{get_tracer, lint::{Linter, Rule}, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| get_tracer("docs").in_scope("query", |span| span.set_attribute("size", 3)));
/// let findings = Linter::new().lint(&recorder.spans());
/// let rules: Vec<Rule> = findings.iter().map(|finding| finding.rule).collect();
/// assert_eq!(rules, [Rule::GenericName, Rule::VagueKey]);
///
/// let relaxed = Linter::new().without(Rule::GenericName).without(Rule::VagueKey);
/// assert!(relaxed.lint(&recorder.spans()).is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct Linter {
    off: BTreeSet<Rule>,
    long_root: Duration,
    short_span: Duration,
    many_short_spans: usize,
}

impl Default for Linter {
    fn default() -> Self {
        Self {
            off: BTreeSet::new(),
            long_root: Duration::from_millis(500),
            short_span: Duration::from_micros(5),
            many_short_spans: 20,
        }
    }
}

impl Linter {
    /// Every rule, with the default thresholds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves a rule out.
    #[must_use]
    pub fn without(mut self, rule: Rule) -> Self {
        self.off.insert(rule);
        self
    }

    /// From which duration on a root without children is [`Rule::TooCoarse`]; half a second otherwise.
    #[must_use]
    pub fn long_root(mut self, duration: Duration) -> Self {
        self.long_root = duration;
        self
    }

    /// Below which duration spans are short, and how many of a name in one trace are
    /// [`Rule::TooFine`]; 5 microseconds and 20 otherwise.
    #[must_use]
    pub fn short_spans(mut self, duration: Duration, count: usize) -> Self {
        self.short_span = duration;
        self.many_short_spans = count;
        self
    }

    /// The findings, by rule, then by the span's name.
    pub fn lint(&self, spans: &[SpanRecord]) -> Vec<Finding> {
        let traces = Traces::new(spans);
        let mut findings = Vec::new();
        for span in spans {
            name::check(span, &mut findings);
            attribute::check(span, &mut findings);
            secret::check(span, &mut findings);
            tenant::check(&traces, span, &mut findings);
        }
        cardinality::check(spans, &mut findings);
        shape::check(self, &traces, &mut findings);
        join::check(&traces, &mut findings);
        findings.retain(|finding| !self.off.contains(&finding.rule));
        finding::once_per_subject(findings)
    }
}
