//! Where OTLP goes and what goes with it.
//!
//! Position: part of [`super::exporter`].
//!
//! Invariant: endpoint, headers and certificates of the environment have been tried on a real
//! exporter; those that it refuses are not used.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter".

mod resolved;
#[cfg(test)]
#[cfg(feature = "otlp-http")]
mod tests;

pub use resolved::ResolvedOtlp;

use super::{
    OtlpConfig,
    env::{self, Environment, Variable},
    pairs::parse_pairs,
};
#[cfg(feature = "otlp-grpc")]
use crate::export::OtlpGrpcExporter;
#[cfg(feature = "otlp-http")]
use crate::export::OtlpHttpExporter;
use crate::export::{
    Compression, EndpointConfig, ExportError, Exporter, OtlpProtocol, Pause, TlsFiles,
};
#[cfg(feature = "opentelemetry_0_33")]
use crate::recorder::ExporterComponent;
use std::{path::PathBuf, time::Duration};

const TRACES_PATH: &str = "v1/traces";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where a Datadog agent takes its own protocols, which is not where it takes OTLP.
const DATADOG_PORT: &str = ":8126";

/// Who takes the spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
    Any,
    /// On the machine that `DD_AGENT_URL` names, where no variable of OTLP says otherwise.
    DatadogAgent,
}

/// What the exporter is made from.
#[derive(Debug, Clone)]
pub(super) struct OtlpSettings {
    protocol: OtlpProtocol,
    endpoint: EndpointConfig,
    timeout: Option<Duration>,
}

impl OtlpSettings {
    pub(super) fn resolve(config: OtlpConfig, receiver: Receiver, env: &Environment<'_>) -> Self {
        let protocol = protocol_of(config.protocol, env);
        let tried = Tried { protocol, env };
        let mut endpoint = EndpointConfig::new(tried.endpoint(config.endpoint, receiver));
        endpoint.headers = tried.headers(config.headers);
        endpoint.compression = tried.compression(config.compression);
        endpoint.tls = tried.tls(config.tls);
        if config.timeout == Some(Duration::ZERO) {
            env.refuse_builder("exporter", "expected a timeout above zero");
        }
        let variables = [env::OTLP_TRACES_TIMEOUT, env::OTLP_TIMEOUT];
        Self {
            protocol,
            endpoint,
            timeout: config.timeout.or_else(|| env.first_millis(&variables)),
        }
    }

    /// The limit of this exporter; its default counts only where no `general` one was asked for.
    pub(super) fn timeout_beside(&self, general: Option<Duration>) -> Option<Duration> {
        self.timeout
            .or_else(|| general.is_none().then_some(DEFAULT_TIMEOUT))
    }

    pub(super) fn name(&self) -> &'static str {
        match self.protocol {
            OtlpProtocol::Grpc => "otlp-grpc",
            OtlpProtocol::HttpProtobuf => "otlp-http",
        }
    }

    /// Tries as often as there is time for.
    pub(super) fn persist(&mut self) {
        self.endpoint.retry.max_attempts = u32::MAX;
    }

    /// Where spans go, without secrets.
    pub(super) fn destination(&self) -> String {
        self.endpoint.shown()
    }

    #[cfg(feature = "_otlp_sdk")]
    pub(super) fn tls(&self) -> TlsFiles {
        self.endpoint.tls.clone()
    }

    /// What it is called in metrics about the SDK.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(super) fn component(&self) -> ExporterComponent {
        let kind = match self.protocol {
            OtlpProtocol::Grpc => "otlp_grpc_span_exporter",
            OtlpProtocol::HttpProtobuf => "otlp_http_span_exporter",
        };
        ExporterComponent::sending(kind, &self.endpoint.endpoint)
    }

    pub(super) fn exporter(&self, pause: Pause) -> Result<Box<dyn Exporter>, ExportError> {
        let mut config = self.endpoint.clone();
        config.pause = pause;
        exporter(self.protocol, config)
    }
}

fn exporter(
    protocol: OtlpProtocol,
    config: EndpointConfig,
) -> Result<Box<dyn Exporter>, ExportError> {
    match protocol {
        #[cfg(feature = "otlp-http")]
        OtlpProtocol::HttpProtobuf => Ok(Box::new(OtlpHttpExporter::new(config)?)),
        #[cfg(feature = "otlp-grpc")]
        OtlpProtocol::Grpc => Ok(Box::new(OtlpGrpcExporter::new(config)?)),
        #[cfg(not(all(feature = "otlp-http", feature = "otlp-grpc")))]
        _ => {
            drop(config);
            let (setting, reason) = ("protocol", "not in this build".into());
            Err(ExportError::Config { setting, reason })
        }
    }
}

/// The protocols by name; the first that is built is the default.
const PROTOCOLS: [(&str, OtlpProtocol); 2] = [
    ("http/protobuf", OtlpProtocol::HttpProtobuf),
    ("grpc", OtlpProtocol::Grpc),
];

fn is_built(protocol: OtlpProtocol) -> bool {
    match protocol {
        OtlpProtocol::HttpProtobuf => cfg!(feature = "otlp-http"),
        OtlpProtocol::Grpc => cfg!(feature = "otlp-grpc"),
    }
}

fn protocol_of(of_builder: Option<OtlpProtocol>, env: &Environment<'_>) -> OtlpProtocol {
    let default = if cfg!(feature = "otlp-http") {
        OtlpProtocol::HttpProtobuf
    } else {
        OtlpProtocol::Grpc
    };
    if let Some(protocol) = of_builder {
        if is_built(protocol) {
            return protocol;
        }
        env.refuse_builder("exporter", not_built(protocol));
        return default;
    }
    let variables = [
        env::OTLP_TRACES_PROTOCOL,
        env::OTLP_PROTOCOL,
        env::SHORT_OTLP_PROTOCOL,
    ];
    let usable = |variable: Variable| {
        let protocol = env.choice(variable, &PROTOCOLS)?;
        if !is_built(protocol) {
            env.refuse(variable, not_built(protocol));
            return None;
        }
        Some(protocol)
    };
    variables.into_iter().find_map(usable).unwrap_or(default)
}

/// Both protocols have a port of their own, so that the endpoint is most likely wrong too.
fn not_built(protocol: OtlpProtocol) -> &'static str {
    match protocol {
        OtlpProtocol::Grpc => {
            "grpc is not in this build, enable the cargo feature otlp-grpc: spans are sent as \
             http/protobuf, which receivers take on port 4318 (4317 is the one for grpc)"
        }
        OtlpProtocol::HttpProtobuf => {
            "http/protobuf is not in this build, enable the cargo feature otlp-http: spans are \
             sent over grpc, which receivers take on port 4317 (4318 is the one for HTTP)"
        }
    }
}

/// How the URL for traces is made of the value of a variable.
#[derive(Clone, Copy)]
enum Shape {
    AsItIs,
    /// The path is added in any case.
    Base,
    /// The path is added where there is none.
    Short,
    /// The same, on another port than the one given.
    Agent,
}

/// Values that are tried on an exporter before they are used.
struct Tried<'a> {
    protocol: OtlpProtocol,
    env: &'a Environment<'a>,
}

impl Tried<'_> {
    fn try_out(&self, config: EndpointConfig) -> Result<(), String> {
        match exporter(self.protocol, config) {
            Ok(_) => Ok(()),
            Err(ExportError::Config { reason, .. }) => Err(reason),
            Err(other) => Err(other.to_string()),
        }
    }

    /// The first usable of: builder, traces variable (as it is), base variable, short variables.
    fn endpoint(&self, of_builder: Option<String>, receiver: Receiver) -> String {
        if let Some(endpoint) = of_builder {
            let endpoint = self.shaped(Shape::Short, endpoint);
            if let Err(reason) = self.try_out(EndpointConfig::new(&endpoint)) {
                self.env.refuse_builder("exporter", reason);
            }
            return endpoint;
        }
        let mut candidates = vec![
            (env::OTLP_TRACES_ENDPOINT, Shape::AsItIs),
            (env::OTLP_ENDPOINT, Shape::Base),
            (env::SHORT_OTLP_ENDPOINT, Shape::Short),
            (env::SHORT_ENDPOINT, Shape::Short),
        ];
        if receiver == Receiver::DatadogAgent {
            candidates.push((env::DD_AGENT_URL, Shape::Agent));
        }
        let usable = |(variable, shape): (Variable, Shape)| {
            let endpoint = self.shaped(shape, self.env.text(variable)?);
            let tried = self.try_out(EndpointConfig::new(&endpoint));
            self.accepted(variable, tried).then_some(endpoint)
        };
        let default = || self.shaped(Shape::Base, format!("http://localhost{}", self.port()));
        candidates
            .into_iter()
            .find_map(usable)
            .unwrap_or_else(default)
    }

    /// Where receivers take this protocol.
    fn port(&self) -> &'static str {
        match self.protocol {
            OtlpProtocol::HttpProtobuf => ":4318",
            OtlpProtocol::Grpc => ":4317",
        }
    }

    fn shaped(&self, shape: Shape, url: String) -> String {
        match (self.protocol, shape) {
            (_, Shape::Agent) => {
                let url = url.trim_end_matches('/');
                let moved = match url.strip_suffix(DATADOG_PORT) {
                    Some(host) => format!("{host}{}", self.port()),
                    None => url.to_owned(),
                };
                self.shaped(Shape::Short, moved)
            }
            // The path of a call is that of its method.
            (OtlpProtocol::Grpc, _) | (_, Shape::AsItIs) => url,
            (OtlpProtocol::HttpProtobuf, Shape::Base) => joined(&url),
            (OtlpProtocol::HttpProtobuf, Shape::Short) => completed(url),
        }
    }

    /// The headers of the builder; without any, those of the most specific usable variable.
    fn headers(&self, of_builder: Vec<(String, String)>) -> Vec<(String, String)> {
        if !of_builder.is_empty() {
            if let Err(reason) = self.try_headers(&of_builder) {
                self.env.refuse_builder("exporter", reason);
            }
            return of_builder;
        }
        let variables = [
            env::OTLP_TRACES_HEADERS,
            env::OTLP_HEADERS,
            env::SHORT_OTLP_HEADERS,
        ];
        let usable = |variable: &Variable| {
            let list = self.env.text(*variable)?;
            let expected = "expected a list such as name1=value1,name2=value2, percent-encoded";
            let headers = parse_pairs(&list).ok_or_else(|| expected.to_owned());
            match headers.and_then(|headers| self.try_headers(&headers).map(|()| headers)) {
                Ok(headers) => Some(headers),
                Err(reason) => {
                    self.env.refuse(*variable, reason);
                    None
                }
            }
        };
        variables.iter().find_map(usable).unwrap_or_default()
    }

    fn try_headers(&self, headers: &[(String, String)]) -> Result<(), String> {
        let mut config = self.any_endpoint();
        config.headers = headers.to_vec();
        self.try_out(config)
    }

    fn compression(&self, of_builder: Option<Compression>) -> Compression {
        const CHOICES: [(&str, Compression); 2] =
            [("none", Compression::None), ("gzip", Compression::Gzip)];
        let tried = |compression| {
            let mut config = self.any_endpoint();
            config.compression = compression;
            self.try_out(config)
        };
        if let Some(compression) = of_builder {
            if let Err(reason) = tried(compression) {
                self.env.refuse_builder("exporter", reason);
            }
            return compression;
        }
        let usable = |variable| {
            let compression = self.env.choice(variable, &CHOICES)?;
            self.accepted(variable, tried(compression))
                .then_some(compression)
        };
        [env::OTLP_TRACES_COMPRESSION, env::OTLP_COMPRESSION]
            .into_iter()
            .find_map(usable)
            .unwrap_or_default()
    }

    /// File by file: builder, traces variable, general variable. Those of a client go together.
    fn tls(&self, of_builder: TlsFiles) -> TlsFiles {
        if let Err(reason) = self.try_tls(&of_builder) {
            self.env.refuse_builder("exporter", reason);
            return of_builder;
        }
        let mut files = of_builder;
        if files.certificate.is_none() {
            files.certificate = self.certificate();
        }
        if files.client_certificate.is_none() {
            (files.client_certificate, files.client_key) = self.client().unzip();
        }
        files
    }

    fn certificate(&self) -> Option<PathBuf> {
        let usable = |variable| {
            let certificate = Some(PathBuf::from(self.env.text(variable)?));
            let files = TlsFiles {
                certificate: certificate.clone(),
                ..TlsFiles::default()
            };
            self.accepted(variable, self.try_tls(&files))
                .then_some(certificate)?
        };
        [env::OTLP_TRACES_CERTIFICATE, env::OTLP_CERTIFICATE]
            .into_iter()
            .find_map(usable)
    }

    /// The certificate and the key of the first variables that are set, if they can be used.
    fn client(&self) -> Option<(PathBuf, PathBuf)> {
        let certificates = [
            env::OTLP_TRACES_CLIENT_CERTIFICATE,
            env::OTLP_CLIENT_CERTIFICATE,
        ];
        let keys = [env::OTLP_TRACES_CLIENT_KEY, env::OTLP_CLIENT_KEY];
        let certificate = self.env.first_text(&certificates);
        let key = self.env.first_text(&keys);
        let (variable, _) = certificate.as_ref().or(key.as_ref())?;
        let path = |found: &Option<(Variable, String)>| Some(PathBuf::from(&found.as_ref()?.1));
        let files = TlsFiles {
            client_certificate: path(&certificate),
            client_key: path(&key),
            ..TlsFiles::default()
        };
        let tried = match files.read() {
            Ok(_) => Ok(()),
            // Which of the two is at fault, the error knows.
            Err(ExportError::Config { setting, reason }) => Err((setting, reason)),
            Err(other) => Err(("client_certificate", other.to_string())),
        };
        match tried {
            Ok(()) => files.client_certificate.zip(files.client_key),
            Err((setting, reason)) => {
                let of_key = key.as_ref().filter(|_| setting == "client_key");
                let variable = of_key.map_or(*variable, |(variable, _)| *variable);
                self.env.refuse(variable, reason);
                None
            }
        }
    }

    fn try_tls(&self, files: &TlsFiles) -> Result<(), String> {
        let mut config = self.any_endpoint();
        config.tls = files.clone();
        self.try_out(config)
    }

    /// An endpoint that every exporter takes, to try other settings on.
    fn any_endpoint(&self) -> EndpointConfig {
        EndpointConfig::new(format!("http://localhost{}", self.port()))
    }

    fn accepted(&self, variable: Variable, tried: Result<(), String>) -> bool {
        let refused = tried.map_err(|reason| self.env.refuse(variable, reason));
        refused.is_ok()
    }
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
