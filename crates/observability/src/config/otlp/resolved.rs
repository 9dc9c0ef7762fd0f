//! The settings of the OTLP exporter, for a program that wants to look at them.
//!
//! Position: beside the exporter's own way to them, which it shares; used by `continuum doctor`.
//!
//! Invariant: what it says is what an exporter set up in the same process would use.

use super::{
    super::{
        OtlpConfig, Problem,
        env::{self, Environment, Given, Variable},
        exporter::instead_of_otlp,
        sampler::Sampling,
    },
    DEFAULT_TIMEOUT, OtlpSettings, Receiver,
};
use crate::export::{EndpointConfig, OtlpProtocol};
use std::time::Duration;

/// How OTLP would be sent from this process: made by [`OtlpConfig::resolve`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResolvedOtlp {
    /// How the receiver is spoken to.
    pub protocol: OtlpProtocol,
    /// Where requests go and what goes with them.
    pub endpoint: EndpointConfig,
    /// The longest that one export may take.
    pub timeout: Duration,
    /// Values that cannot be used, and what would be usable.
    pub problems: Vec<Problem>,
    /// Variables by which spans of a program in this environment go elsewhere, or nowhere.
    pub diversions: Vec<Problem>,
}

impl OtlpConfig {
    /// Completes the configuration from the environment, without setting anything up.
    ///
    /// ```
    /// use continuum_observability::OtlpConfig;
    ///
    /// let resolved = OtlpConfig::new("http://localhost:4318").resolve();
    /// assert_eq!(resolved.endpoint.endpoint, "http://localhost:4318/v1/traces");
    /// ```
    pub fn resolve(self) -> ResolvedOtlp {
        let env = Environment::of_process(Given::default());
        let settings = OtlpSettings::resolve(self, Receiver::Any, &env);
        ResolvedOtlp {
            protocol: settings.protocol,
            timeout: settings.timeout.unwrap_or(DEFAULT_TIMEOUT),
            endpoint: settings.endpoint,
            problems: env.into_problems(),
            diversions: diversions(&Environment::of_process(Given::default())),
        }
    }
}

fn diversions(env: &Environment<'_>) -> Vec<Problem> {
    let first_set =
        |variables: &[Variable]| env.first_text(variables).map(|(variable, _)| variable);
    let mut diversions = Vec::new();
    let mut divert = |variable: Option<Variable>, reason: String| {
        diversions.extend(variable.map(|variable| Problem::new(variable.name(), reason)));
    };
    if let Some(names) = instead_of_otlp(env) {
        let reason = format!("spans go to the exporter {names}, not here");
        divert(
            first_set(&[env::TRACES_EXPORTER, env::EXPORTER_TYPE]),
            reason,
        );
    }
    if Sampling::resolve(None, None, None, env).leaves_all_out() {
        let variable = first_set(&[env::TRACES_SAMPLER, env::SAMPLING_RATE]);
        divert(variable, "no trace that begins here is kept".into());
    }
    let file = first_set(&[env::CONFIG_FILE]);
    let reason = "where it is obeyed, the file says where spans go, and no variable";
    divert(file, reason.into());
    diversions
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::environment, *};

    #[test]
    fn variables_that_lead_spans_elsewhere_are_named() {
        let rows: [(&str, &str, &str); 9] = [
            (
                "OTEL_TRACES_EXPORTER",
                "none",
                "spans go to the exporter none, not here",
            ),
            (
                "OTEL_EXPORTER_TYPE",
                "file",
                "spans go to the exporter file, not here",
            ),
            (
                "OTEL_TRACES_EXPORTER",
                "file,console",
                "spans go to the exporter file and console, not here",
            ),
            ("OTEL_TRACES_EXPORTER", "otlp,file", ""),
            (
                "OTEL_TRACES_SAMPLER",
                "always_off",
                "no trace that begins here is kept",
            ),
            (
                "OTEL_TRACES_SAMPLER",
                "parentbased_always_off",
                "no trace that begins here is kept",
            ),
            ("OTEL_SAMPLING_RATE", "0", ""),
            (
                "OTEL_CONFIG_FILE",
                "otel.yaml",
                "where it is obeyed, the file says where spans go, and no variable",
            ),
            ("OTEL_SERVICE_NAME", "memory", ""),
        ];
        for (name, value, expected) in rows {
            let found = diversions(&environment(&[(name, value)]));
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            let expected = (!expected.is_empty()).then(|| format!("{name}: {expected}"));
            assert_eq!(found, Vec::from_iter(expected), "{name}={value}");
        }
    }
}
