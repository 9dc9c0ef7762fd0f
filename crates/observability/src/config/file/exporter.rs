//! Exporters: `otlp_http`, `otlp_grpc`, `console`, `otlp_file/development`.
//!
//! Source: opentelemetry-configuration, `OtlpHttpExporter`, `OtlpGrpcExporter`, `ConsoleExporter`.

use super::map::{Map, Only};
use crate::{
    ExporterConfig, OtlpConfig,
    config::pairs::parse_pairs,
    export::{Compression, OtlpProtocol, TlsFiles},
};
use std::{path::PathBuf, time::Duration};

const CHOICES: &str =
    "there is no such exporter here, but otlp_http, otlp_grpc, console, otlp_file/development";
/// As good as no limit.
pub(super) const NO_LIMIT: Duration = Duration::from_hours(24);

/// The exporter that a map with one key names.
pub(super) fn read(map: &Map<'_>) -> Option<ExporterConfig> {
    let Only { name, settings } = map.only()?;
    match name {
        "otlp_http" => Some(otlp_http(settings)),
        "otlp_grpc" => Some(otlp_grpc(settings)),
        "console" => {
            settings.finish();
            Some(ExporterConfig::Console)
        }
        "otlp_file/development" => otlp_file(settings),
        _ => {
            settings.error(CHOICES);
            None
        }
    }
}

fn otlp_http(settings: Map<'_>) -> ExporterConfig {
    let mut otlp = otlp(&settings, OtlpProtocol::HttpProtobuf);
    if let Some(tls) = settings.map("tls") {
        otlp.tls = tls_files(&tls);
        tls.finish();
    }
    match settings.text("encoding").as_deref() {
        None | Some("protobuf") => {}
        Some("json") => settings.not_here("encoding", "spans are sent as protobuf"),
        Some(_) => settings.wrong("encoding", "protobuf or json"),
    }
    settings.finish();
    otlp.into()
}

fn otlp_grpc(settings: Map<'_>) -> ExporterConfig {
    let mut otlp = otlp(&settings, OtlpProtocol::Grpc);
    let mut scheme = "https";
    if let Some(tls) = settings.map("tls") {
        otlp.tls = tls_files(&tls);
        if tls.flag("insecure") == Some(true) {
            scheme = "http";
        }
        tls.finish();
    }
    let without_scheme = |endpoint: &&mut String| !endpoint.contains("://");
    if let Some(endpoint) = otlp.endpoint.as_mut().filter(without_scheme) {
        *endpoint = format!("{scheme}://{endpoint}");
    }
    settings.finish();
    otlp.into()
}

/// What both have in common.
fn otlp(settings: &Map<'_>, protocol: OtlpProtocol) -> OtlpConfig {
    let timeout = settings.count("timeout", 0).map(Duration::from_millis);
    let sizes = "requests have some 512 KiB, and of an answer no more is read than it needs";
    settings.unsupported("max_request_size", sizes);
    settings.unsupported("max_response_size", sizes);
    OtlpConfig {
        endpoint: settings.text("endpoint"),
        protocol: Some(protocol),
        headers: headers(settings),
        compression: compression(settings),
        timeout: timeout.map(|time| if time.is_zero() { NO_LIMIT } else { time }),
        ..OtlpConfig::default()
    }
}

fn compression(settings: &Map<'_>) -> Option<Compression> {
    match settings.text("compression")?.as_str() {
        "none" => Some(Compression::None),
        "gzip" => Some(Compression::Gzip),
        _ => {
            settings.wrong("compression", "none or gzip");
            None
        }
    }
}

/// Those of the list, and over them those by name; one without a value is left out.
fn headers(settings: &Map<'_>) -> Vec<(String, String)> {
    let list = settings.text("headers_list").unwrap_or_default();
    let mut headers = parse_pairs(&list).unwrap_or_else(|| {
        settings.wrong("headers_list", "a list such as name1=value1,name2=value2");
        Vec::new()
    });
    for header in settings.maps("headers") {
        let (name, value) = (header.required_text("name"), header.text("value"));
        if let (Some(name), Some(value)) = (name, value) {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            headers.push((name, value));
        }
        header.finish();
    }
    headers
}

fn tls_files(tls: &Map<'_>) -> TlsFiles {
    TlsFiles {
        certificate: absolute(tls, "ca_file"),
        client_certificate: absolute(tls, "cert_file"),
        client_key: absolute(tls, "key_file"),
    }
}

fn absolute(tls: &Map<'_>, key: &'static str) -> Option<PathBuf> {
    let path = PathBuf::from(tls.text(key)?);
    if !path.is_absolute() {
        tls.wrong(key, "an absolute path");
    }
    Some(path)
}

fn otlp_file(settings: Map<'_>) -> Option<ExporterConfig> {
    let stream = settings.text("output_stream");
    let path = stream
        .as_deref()
        .and_then(|url| url.strip_prefix("file://"));
    if path.is_none() {
        settings.not_supported("of streams only files are there: file:///path/to/file.jsonl");
    }
    let path = path.map(PathBuf::from);
    settings.finish();
    path.map(ExporterConfig::File)
}
