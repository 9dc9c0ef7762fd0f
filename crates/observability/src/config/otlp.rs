//! Where OTLP goes and what goes with it.
//!
//! Position: part of [`super::exporter`].
//!
//! Invariant: endpoint and headers of the environment have been tried on a real exporter; those that
//! it refuses are not used.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter".

use super::{
    env::{self, Environment, Variable},
    pairs::parse_pairs,
};
use crate::export::{ExportError, Exporter, OtlpHttpConfig, OtlpHttpExporter, Pause};
use std::time::Duration;

const DEFAULT_ENDPOINT: &str = "http://localhost:4318/v1/traces";
const TRACES_PATH: &str = "v1/traces";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the exporter is made from.
#[derive(Debug, Clone)]
pub(super) struct OtlpSettings {
    http: OtlpHttpConfig,
    timeout: Option<Duration>,
}

impl OtlpSettings {
    pub(super) fn resolve(
        endpoint: Option<String>,
        headers: Vec<(String, String)>,
        timeout: Option<Duration>,
        env: &Environment<'_>,
    ) -> Self {
        refuse_what_is_not_built(env);
        let mut http = OtlpHttpConfig::new(endpoint_of(endpoint, env));
        http.headers = headers_of(headers, env);
        if timeout == Some(Duration::ZERO) {
            env.refuse_builder("exporter", "expected a timeout above zero");
        }
        let variables = [env::OTLP_TRACES_TIMEOUT, env::OTLP_TIMEOUT];
        Self {
            http,
            timeout: timeout.or_else(|| env.first_millis(&variables)),
        }
    }

    /// The limit of this exporter; its default counts only where no `general` one was asked for.
    pub(super) fn timeout_beside(&self, general: Option<Duration>) -> Option<Duration> {
        self.timeout
            .or_else(|| general.is_none().then_some(DEFAULT_TIMEOUT))
    }

    pub(super) fn exporter(&self, pause: Pause) -> Result<Box<dyn Exporter>, ExportError> {
        let config = OtlpHttpConfig {
            pause,
            ..self.http.clone()
        };
        Ok(Box::new(OtlpHttpExporter::new(config)?))
    }
}

fn refuse_what_is_not_built(env: &Environment<'_>) {
    let protocols = [env::OTLP_TRACES_PROTOCOL, env::OTLP_PROTOCOL];
    if let Some((variable, value)) = env.first_text(&protocols)
        && !value.eq_ignore_ascii_case("http/protobuf")
    {
        let reason = format!(
            "expected http/protobuf, not {value:?}, which is not built: spans are sent as \
             http/protobuf, which receivers take on port 4318 (4317 is the one for grpc)"
        );
        env.refuse(variable, reason);
    }
    let compressions = [env::OTLP_TRACES_COMPRESSION, env::OTLP_COMPRESSION];
    if let Some((variable, value)) = env.first_text(&compressions)
        && !value.eq_ignore_ascii_case("none")
    {
        env.refuse(
            variable,
            format!("expected none, not {value:?}, which is not built"),
        );
    }
}

/// Makes the URL for traces of a variable's value.
type Shape = fn(String) -> String;

/// The first usable of: builder, traces variable (as it is), base variable, short variables.
fn endpoint_of(of_builder: Option<String>, env: &Environment<'_>) -> String {
    if let Some(endpoint) = of_builder.map(completed) {
        if let Err(reason) = try_endpoint(&endpoint) {
            env.refuse_builder("exporter", reason);
        }
        return endpoint;
    }
    let candidates: [(Variable, Shape); 4] = [
        (env::OTLP_TRACES_ENDPOINT, |as_it_is| as_it_is),
        (env::OTLP_ENDPOINT, |base| joined(&base)),
        (env::SHORT_OTLP_ENDPOINT, completed),
        (env::SHORT_ENDPOINT, completed),
    ];
    let usable = |(variable, shape): (Variable, Shape)| {
        let endpoint = shape(env.text(variable)?);
        match try_endpoint(&endpoint) {
            Ok(()) => Some(endpoint),
            Err(reason) => {
                env.refuse(variable, reason);
                None
            }
        }
    };
    candidates
        .into_iter()
        .find_map(usable)
        .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
}

/// The URL for traces below a base URL.
fn joined(base: &str) -> String {
    format!("{}/{TRACES_PATH}", base.trim_end_matches('/'))
}

/// The URL for traces below a URL without a path; a URL with a path is taken as complete.
fn completed(url: String) -> String {
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let has_path = rest
        .split_once('/')
        .is_some_and(|(_, path)| !path.is_empty());
    if has_path { url } else { joined(&url) }
}

fn try_endpoint(endpoint: &str) -> Result<(), String> {
    OtlpHttpExporter::new(OtlpHttpConfig::new(endpoint))
        .map(drop)
        .map_err(reason)
}

fn try_headers(headers: &[(String, String)]) -> Result<(), String> {
    let mut config = OtlpHttpConfig::new(DEFAULT_ENDPOINT);
    config.headers = headers.to_vec();
    OtlpHttpExporter::new(config).map(drop).map_err(reason)
}

fn reason(error: ExportError) -> String {
    match error {
        ExportError::Config { reason, .. } => reason,
        other => other.to_string(),
    }
}

/// The headers of the builder; without any, those of the most specific usable variable.
fn headers_of(of_builder: Vec<(String, String)>, env: &Environment<'_>) -> Vec<(String, String)> {
    if !of_builder.is_empty() {
        if let Err(reason) = try_headers(&of_builder) {
            env.refuse_builder("exporter", reason);
        }
        return of_builder;
    }
    let variables = [
        env::OTLP_TRACES_HEADERS,
        env::OTLP_HEADERS,
        env::SHORT_OTLP_HEADERS,
    ];
    let usable = |variable: &Variable| {
        let list = env.text(*variable)?;
        let expected = "expected a list such as name1=value1,name2=value2, percent-encoded";
        let headers = parse_pairs(&list).ok_or_else(|| expected.to_owned());
        match headers.and_then(|headers| try_headers(&headers).map(|()| headers)) {
            Ok(headers) => Some(headers),
            Err(reason) => {
                env.refuse(*variable, reason);
                None
            }
        }
    };
    variables.iter().find_map(usable).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{super::testing::environment, *};

    fn resolved(variables: &[(&str, &str)]) -> (OtlpSettings, Vec<String>) {
        let env = environment(variables);
        let settings = OtlpSettings::resolve(None, Vec::new(), None, &env);
        (settings, env.problems())
    }

    fn endpoint(variables: &[(&str, &str)]) -> String {
        let (settings, problems) = resolved(variables);
        assert!(problems.is_empty(), "{problems:?}");
        settings.http.endpoint
    }

    #[test]
    fn the_traces_path_is_added_to_a_base_and_not_to_a_complete_url() {
        let rows: [(&[(&str, &str)], &str); 10] = [
            (&[], "http://localhost:4318/v1/traces"),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1")],
                "http://h:1/v1/traces",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1/")],
                "http://h:1/v1/traces",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/a/b/")],
                "https://h/a/b/v1/traces",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://h:1")],
                "http://h:1",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://h:1/x")],
                "http://h:1/x",
            ),
            (&[("OTLP_ENDPOINT", "http://h:1")], "http://h:1/v1/traces"),
            (&[("OTLP_ENDPOINT", "http://h:1/")], "http://h:1/v1/traces"),
            (&[("OTLP_ENDPOINT", "http://h:1/x")], "http://h:1/x"),
            (
                &[("OTEL_ENDPOINT", "http://h:1/v1/traces")],
                "http://h:1/v1/traces",
            ),
        ];
        for (variables, expected) in rows {
            assert_eq!(endpoint(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn the_most_specific_endpoint_wins() {
        let mut variables = vec![("OTEL_ENDPOINT", "http://d/")];
        assert_eq!(endpoint(&variables), "http://d/v1/traces");
        variables.push(("OTLP_ENDPOINT", "http://c"));
        assert_eq!(endpoint(&variables), "http://c/v1/traces");
        variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b"));
        assert_eq!(endpoint(&variables), "http://b/v1/traces");
        variables.push(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a"));
        assert_eq!(endpoint(&variables), "http://a");
        let builder = Some("http://builder".to_owned());
        let env = environment(&variables);
        let settings = OtlpSettings::resolve(builder, Vec::new(), None, &env);
        assert_eq!(settings.http.endpoint, "http://builder/v1/traces");
    }

    #[test]
    fn an_endpoint_that_is_no_url_gives_way_to_the_next() {
        let (settings, problems) = resolved(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "h:1"),
            ("OTLP_ENDPOINT", "http://b"),
        ]);
        assert_eq!(settings.http.endpoint, "http://b/v1/traces");
        assert_eq!(
            problems,
            ["OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL such as \
              http://localhost:4318/v1/traces, not `h:1/v1/traces`"]
        );
    }

    #[test]
    fn headers_are_decoded_and_the_most_specific_list_wins() {
        let mut variables = vec![("OTLP_HEADERS", "x-a=1")];
        let headers = |variables: &[(&str, &str)]| resolved(variables).0.http.headers;
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(headers(&variables), [owned("x-a", "1")]);
        variables.push((
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20abc==, x-b = 2",
        ));
        assert_eq!(
            headers(&variables),
            [owned("authorization", "Bearer abc=="), owned("x-b", "2")]
        );
        variables.push(("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-c=3"));
        assert_eq!(headers(&variables), [owned("x-c", "3")]);
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused_without_showing_their_values() {
        for list in [
            "x-a=hunter2%0Ax-b=1",
            "x a=hunter2",
            "hunter2",
            "x-a=hunter2,=hunter2",
        ] {
            let (settings, problems) = resolved(&[
                ("OTEL_EXPORTER_OTLP_HEADERS", list),
                ("OTLP_HEADERS", "x-d=4"),
            ]);
            assert_eq!(
                settings.http.headers,
                [("x-d".to_owned(), "4".to_owned())],
                "{list}"
            );
            assert_eq!(problems.len(), 1, "{list}");
            assert!(!problems[0].contains("hunter2"), "{}", problems[0]);
        }
    }

    #[test]
    fn a_protocol_or_compression_that_is_not_built_warns_and_says_what_to_do() {
        let (_, problems) = resolved(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ]);
        assert_eq!(
            problems,
            [
                "OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf, not \"grpc\", which is not \
                 built: spans are sent as http/protobuf, which receivers take on port 4318 (4317 \
                 is the one for grpc)",
                "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: expected none, not \"gzip\", which is not \
                 built",
            ]
        );
        let (_, problems) = resolved(&[
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn its_own_default_timeout_counts_only_where_no_general_one_is_asked_for() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(resolved(&[]).0.timeout_beside(None), seconds(10));
        assert_eq!(resolved(&[]).0.timeout_beside(seconds(20)), None);
        let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000");
        assert_eq!(
            resolved(&[general]).0.timeout_beside(seconds(20)),
            seconds(3)
        );
        let specific = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000");
        assert_eq!(
            resolved(&[general, specific]).0.timeout_beside(None),
            seconds(2)
        );
    }
}
