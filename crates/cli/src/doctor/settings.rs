//! What a program in this environment would send to, and how.
//!
//! Invariant: no text here holds a header value or the password of an endpoint.

use axum::http::Uri;
use continuum_observability::{EndpointConfig, OtlpProtocol, ResolvedOtlp};

use super::{Check, Finding};

/// The network side of an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_encrypted: bool,
}

/// Names the settings that cannot be used, and those by which spans go elsewhere.
pub(super) fn check(resolved: &ResolvedOtlp) -> Vec<Finding> {
    let refused = |problem: &continuum_observability::Problem| {
        let remedy = "correct the value; until then it is ignored";
        // The builder's name for what the command line calls the endpoint.
        let text = problem
            .to_string()
            .replacen("exporter: ", "--endpoint: ", 1);
        if target(resolved).is_some() {
            Finding::warning(Check::Settings, text, remedy)
        } else {
            Finding::failed(Check::Settings, text, "correct the endpoint")
        }
    };
    let divert = |problem: &continuum_observability::Problem| {
        let remedy = "change it for programs whose spans are to arrive here";
        Finding::warning(Check::Settings, problem.to_string(), remedy)
    };
    let refused = resolved.problems.iter().map(refused);
    let findings: Vec<_> = refused
        .chain(resolved.diversions.iter().map(divert))
        .collect();
    if !findings.is_empty() {
        return findings;
    }
    let headers: Vec<_> = resolved
        .endpoint
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let with = if headers.is_empty() {
        String::new()
    } else {
        format!(", with the headers {}", headers.join(", "))
    };
    let (endpoint, protocol) = (shown(resolved), protocol_name(resolved.protocol));
    vec![Finding::fine(
        Check::Settings,
        format!("{endpoint} over {protocol}{with}"),
    )]
}

/// Host and port, where the endpoint has them.
pub(super) fn target(resolved: &ResolvedOtlp) -> Option<Target> {
    let uri: Uri = resolved.endpoint.endpoint.parse().ok()?;
    let is_encrypted = uri.scheme_str() == Some("https");
    let default_port = if is_encrypted { 443 } else { 80 };
    let host = uri.host().filter(|host| !host.is_empty())?;
    Some(Target {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: uri.port_u16().unwrap_or(default_port),
        is_encrypted: uri
            .scheme_str()
            .filter(|scheme| matches!(*scheme, "http" | "https"))
            .map(|_| is_encrypted)?,
    })
}

/// The endpoint without credentials.
pub(super) fn shown(resolved: &ResolvedOtlp) -> String {
    EndpointConfig::shown(&resolved.endpoint)
}

/// As `OTEL_EXPORTER_OTLP_PROTOCOL` has it.
pub(super) fn protocol_name(protocol: OtlpProtocol) -> &'static str {
    match protocol {
        OtlpProtocol::Grpc => "grpc",
        _ => "http/protobuf",
    }
}
