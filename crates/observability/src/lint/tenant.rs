//! Spans that touch a tenant's data say whose it is.
//!
//! Source: the guide, "Custom Attributes": tenant context.

use super::{Finding, Rule};
use crate::SpanRecord;

const OF_TENANTS: &[&str] = &["memory.", "db.", "cache."];

pub(super) fn check(span: &SpanRecord, findings: &mut Vec<Finding>) {
    let is_of_tenant = OF_TENANTS
        .iter()
        .any(|prefix| span.name.starts_with(prefix));
    if is_of_tenant && span.attribute("tenant.id").is_none() {
        let detail = "tenant.id is not set".to_owned();
        findings.push(Finding::new(Rule::MissingTenant, span, "", detail));
    }
}
