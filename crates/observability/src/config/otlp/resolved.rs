//! The settings of the OTLP exporter, for a program that wants to look at them.
//!
//! Position: beside the exporter's own way to them, which it shares; used by `continuum doctor`.
//!
//! Invariant: what it says is what an exporter set up in the same process would use.

use super::{
    super::{
        OtlpConfig, Problem,
        env::{Environment, Given},
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
        }
    }
}
