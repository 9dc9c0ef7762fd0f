//! Where Zipkin JSON goes.
//!
//! Position: part of [`super::exporter`].
//!
//! Source: OpenTelemetry specification, "Zipkin Exporter".

use super::env::{self, Environment, Variable};
use crate::export::{EndpointConfig, ExportError, Exporter, Pause, ZipkinExporter};
#[cfg(feature = "opentelemetry_0_33")]
use crate::recorder::ExporterComponent;
use std::time::Duration;

const DEFAULT_ENDPOINT: &str = "http://localhost:9411/api/v2/spans";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the exporter is made from.
#[derive(Debug, Clone)]
pub(super) struct ZipkinSettings {
    endpoint: EndpointConfig,
    timeout: Option<Duration>,
}

impl ZipkinSettings {
    pub(super) fn resolve(of_builder: Option<String>, env: &Environment<'_>) -> Self {
        let endpoint = match of_builder {
            Some(endpoint) => {
                if let Err(error) = try_endpoint(&endpoint) {
                    env.refuse_builder("exporter", error.to_string());
                }
                endpoint
            }
            None => [env::ZIPKIN_ENDPOINT, env::SHORT_ZIPKIN_ENDPOINT]
                .into_iter()
                .find_map(|variable| usable(variable, env))
                .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
        };
        Self {
            endpoint: EndpointConfig::new(endpoint),
            timeout: env.first_millis(&[env::ZIPKIN_TIMEOUT]),
        }
    }

    /// The limit of this exporter; its default counts only where no `general` one was asked for.
    pub(super) fn timeout_beside(&self, general: Option<Duration>) -> Option<Duration> {
        self.timeout
            .or_else(|| general.is_none().then_some(DEFAULT_TIMEOUT))
    }

    /// Tries as often as there is time for.
    pub(super) fn persist(&mut self) {
        self.endpoint.retry.max_attempts = u32::MAX;
    }

    /// Where spans go, without secrets.
    pub(super) fn destination(&self) -> String {
        self.endpoint.shown()
    }

    /// What it is called in metrics about the SDK.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(super) fn component(&self) -> ExporterComponent {
        ExporterComponent::sending("zipkin_http_span_exporter", &self.endpoint.endpoint)
    }

    pub(super) fn exporter(&self, pause: Pause) -> Result<Box<dyn Exporter>, ExportError> {
        let mut config = self.endpoint.clone();
        config.pause = pause;
        Ok(Box::new(ZipkinExporter::new(config)?))
    }
}

fn usable(variable: Variable, env: &Environment<'_>) -> Option<String> {
    let endpoint = env.text(variable)?;
    match try_endpoint(&endpoint) {
        Ok(()) => Some(endpoint),
        Err(error) => {
            env.refuse(variable, error.to_string());
            None
        }
    }
}

fn try_endpoint(endpoint: &str) -> Result<(), ExportError> {
    ZipkinExporter::new(EndpointConfig::new(endpoint)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::environment, *};

    #[test]
    fn the_endpoint_is_that_of_the_builder_the_specification_or_the_short_variable() {
        let mut variables = Vec::new();
        let endpoint = |variables: &[(&str, &str)], of_builder: Option<&str>| {
            let env = environment(variables);
            let settings = ZipkinSettings::resolve(of_builder.map(str::to_owned), &env);
            (settings.endpoint.endpoint, env.problems())
        };
        let default = "http://localhost:9411/api/v2/spans";
        assert_eq!(endpoint(&variables, None), (default.into(), vec![]));
        variables.push(("ZIPKIN_ENDPOINT", "http://a/"));
        assert_eq!(endpoint(&variables, None).0, "http://a/");
        variables.push(("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://b/"));
        assert_eq!(endpoint(&variables, None).0, "http://b/");
        assert_eq!(endpoint(&variables, Some("http://c/")).0, "http://c/");
        let (fallback, problems) = endpoint(&[("ZIPKIN_ENDPOINT", "zipkin:9411")], None);
        assert_eq!(fallback, default);
        let expected = "ZIPKIN_ENDPOINT: invalid endpoint: expected a URL such as \
                        http://localhost:9411/api/v2/spans, not `zipkin:9411`";
        assert_eq!(problems, [expected]);
    }
}
