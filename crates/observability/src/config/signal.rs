//! What is said besides spans: the SDK's own messages, and metrics.
//!
//! Position: under [`super::settings`].
//!
//! Invariant: metrics are there where the program asks for them, and the environment can only take
//! them away.

use super::env::{self, Environment};
use crate::DiagnosticLevel;
#[cfg(feature = "metrics")]
use crate::SpanMetrics;

/// How much the SDK says about itself.
pub(super) fn log_level(env: &Environment<'_>) -> Option<DiagnosticLevel> {
    const CHOICES: &[(&str, Option<DiagnosticLevel>)] = &[
        ("none", None),
        ("error", Some(DiagnosticLevel::Error)),
        ("warn", Some(DiagnosticLevel::Warn)),
        ("warning", Some(DiagnosticLevel::Warn)),
        ("info", Some(DiagnosticLevel::Info)),
        ("debug", Some(DiagnosticLevel::Debug)),
    ];
    env.choice(env::LOG_LEVEL, CHOICES)
        .unwrap_or(Some(DiagnosticLevel::Info))
}

/// Takes metrics away where they are switched off, and else says how many tenants they tell apart, if
/// the program does not.
#[cfg(feature = "metrics")]
pub(super) fn settle_metrics(wanted: &mut Option<SpanMetrics>, env: &Environment<'_>) {
    let tenants = env.first_count(&[env::METRICS_TENANTS]);
    if !env.flag_or(env::METRICS_ENABLED, true) {
        *wanted = None;
    }
    if let Some(metrics) = wanted {
        metrics.tenants = metrics.tenants.or(tenants);
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;
    use crate::config::testing::environment;

    fn settled(mut wanted: Option<SpanMetrics>, variables: &[(&str, &str)]) -> Option<SpanMetrics> {
        let env = environment(variables);
        settle_metrics(&mut wanted, &env);
        assert_eq!(env.problems(), Vec::<String>::new());
        wanted
    }

    #[test]
    fn the_environment_takes_metrics_away_and_never_gives_them() {
        let wanted = || Some(SpanMetrics::new());
        assert!(settled(wanted(), &[]).is_some());
        assert!(settled(wanted(), &[("OTEL_METRICS_ENABLED", "true")]).is_some());
        assert!(settled(wanted(), &[("OTEL_METRICS_ENABLED", "FALSE")]).is_none());
        assert!(settled(None, &[("OTEL_METRICS_ENABLED", "true")]).is_none());
    }

    #[test]
    fn the_builder_says_how_many_tenants_there_are_before_the_environment() {
        let tenants = |wanted, variables: &[_]| settled(Some(wanted), variables)?.tenants;
        let variables = [("CONTINUUM_METRICS_TENANTS", "5")];
        assert_eq!(tenants(SpanMetrics::new(), &variables), Some(5));
        assert_eq!(tenants(SpanMetrics::new().tenants(7), &variables), Some(7));
        assert_eq!(tenants(SpanMetrics::new(), &[]), None);
    }
}
