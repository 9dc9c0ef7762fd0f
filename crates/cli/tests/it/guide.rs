//! Whether the service itself keeps to the tracing guide.

use continuum_observability::{
    SpanRecord,
    lint::{Finding, Linter, Rule},
};

/// Asserts that the spans of the service keep to the guide; how long they took is not asserted.
pub(crate) fn assert_kept(spans: &[SpanRecord]) {
    let linter = Linter::new()
        .without(Rule::TooCoarse)
        .without(Rule::TooFine);
    let findings = linter.lint(spans);
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
