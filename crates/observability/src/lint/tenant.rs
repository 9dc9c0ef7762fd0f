//! Spans that touch a tenant's data say whose it is.
//!
//! Invariants: what touches such data is known by our names, and by the attributes that the conventions
//! give to it, under whatever name a library has recorded it; the look-up that finds out who asks cannot say it yet. It is told by its parent, a span
//! whose name begins with `auth.`, and by nothing else: no value stands for a tenant that is unknown.
//!
//! Source: the guide, "Custom attributes": tenant context.

use super::{Finding, Rule, trace::Traces};
use crate::SpanRecord;

/// The names of spans of the layers.
const NAMES: &[&str] = &["memory.", "db.", "cache."];
/// Keys that spans of databases and caches have, whoever records them.
const KEYS: &[&str] = &["db.system.name", "db.system", "cache.operation"];
/// What keys of memories begin with.
const MEMORY: &str = "gen_ai.memory.";

/// The names of spans in which it is found out who asks.
const AUTHENTICATION: &str = "auth.";

pub(super) fn check(traces: &Traces<'_>, span: &SpanRecord, findings: &mut Vec<Finding>) {
    if touches_data(span)
        && span.attribute("tenant.id").is_none()
        && !finds_out_who_asks(traces, span)
    {
        let detail = "tenant.id is not set".to_owned();
        findings.push(Finding::new(Rule::MissingTenant, span, "", detail));
    }
}

fn touches_data(span: &SpanRecord) -> bool {
    let mut keys = span.attributes.iter().map(|(key, _)| key.as_str());
    NAMES.iter().any(|prefix| span.name.starts_with(prefix))
        || keys.any(|key| KEYS.contains(&key) || key.starts_with(MEMORY))
}

fn finds_out_who_asks(traces: &Traces<'_>, span: &SpanRecord) -> bool {
    traces
        .parent(span)
        .is_some_and(|parent| parent.name.starts_with(AUTHENTICATION))
}
