//! What stands between a program and its trace backend, found out by trying.
//!
//! Position: `continuum doctor` → **here** → the SDK's own settings and exporters.
//!
//! `settings` reads what a program in this environment would use, `network` resolves
//! and connects, `delivery` sends one real span, and `spoken` finds out what a receiver speaks that
//! did not understand it. Each step ends in a [`Finding`]; a step that cannot work after an earlier
//! one failed is skipped.

mod delivery;
mod finding;
mod network;
mod settings;
mod spoken;

use continuum_observability::{OtlpConfig, ResolvedOtlp};

pub use finding::{Check, Finding, Outcome};

/// What was found out about an endpoint.
#[derive(Debug)]
pub struct Report {
    /// Where spans go, without credentials.
    pub endpoint: String,
    /// How they are sent, as `OTEL_EXPORTER_OTLP_PROTOCOL` has it.
    pub protocol: &'static str,
    /// One finding for each check, in the order in which they were made; several for the settings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether spans arrive.
    pub fn is_healthy(&self) -> bool {
        let mut outcomes = self.findings.iter().map(|finding| finding.outcome);
        outcomes.all(|outcome| matches!(outcome, Outcome::Fine | Outcome::Warning))
    }
}

/// Tries the receiver that a program in this environment would send to, or the one of `config`.
pub fn examine(config: OtlpConfig) -> Report {
    let resolved = config.resolve();
    let mut findings = settings::check(&resolved);
    let report = |findings| Report {
        endpoint: settings::shown(&resolved),
        protocol: settings::protocol_name(resolved.protocol),
        findings,
    };
    let Some(target) = settings::target(&resolved) else {
        return report(skip_rest(findings));
    };
    let Some(address) = network::connect(&target, &mut findings) else {
        return report(skip_rest(findings));
    };
    findings.extend(deliver(&resolved, &target, address));
    report(skip_rest(findings))
}

fn deliver(
    resolved: &ResolvedOtlp,
    target: &settings::Target,
    address: std::net::SocketAddr,
) -> Vec<Finding> {
    match delivery::send_span(resolved) {
        Ok(delivered) => delivery::praise(target, &delivered),
        Err(failure) => delivery::explain(resolved, target, address, &failure),
    }
}

/// Adds the checks that were not made.
fn skip_rest(mut findings: Vec<Finding>) -> Vec<Finding> {
    for check in Check::ALL {
        if !findings.iter().any(|finding| finding.check == check) {
            findings.push(Finding::skipped(check));
        }
    }
    findings.sort_by_key(|finding| finding.check);
    findings
}
