//! Spans that touch a tenant's data say whose it is.
//!
//! Invariant: the look-up that finds out who asks cannot say it yet. It is told by its parent, a span
//! whose name begins with `auth.`, and by nothing else: no value stands for a tenant that is unknown.
//!
//! Source: the guide, "Custom attributes": tenant context.

use super::{Finding, Rule, trace::Traces};
use crate::SpanRecord;

const OF_TENANTS: &[&str] = &["memory.", "db.", "cache."];

/// The names of spans in which it is found out who asks.
const AUTHENTICATION: &str = "auth.";

pub(super) fn check(traces: &Traces<'_>, span: &SpanRecord, findings: &mut Vec<Finding>) {
    let is_of_tenant = OF_TENANTS
        .iter()
        .any(|prefix| span.name.starts_with(prefix));
    if is_of_tenant && span.attribute("tenant.id").is_none() && !finds_out_who_asks(traces, span) {
        let detail = "tenant.id is not set".to_owned();
        findings.push(Finding::new(Rule::MissingTenant, span, "", detail));
    }
}

fn finds_out_who_asks(traces: &Traces<'_>, span: &SpanRecord) -> bool {
    traces
        .parent(span)
        .is_some_and(|parent| parent.name.starts_with(AUTHENTICATION))
}
