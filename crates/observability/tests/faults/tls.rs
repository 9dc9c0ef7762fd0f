//! A receiver whose certificate is not the right one, or that has none.

use crate::{
    alone,
    backend::{Backend, Fault, Protocol},
    certified::certified,
    ordeal::{FLOOD, Lines, builder, endure, recover},
};
use continuum_observability::{OtlpConfig, OtlpProtocol, Telemetry};
use rustls::ServerConfig;
use std::{fs, sync::Arc};
use tempfile::TempDir;

/// Telemetry over TLS that trusts one authority, and the certificate of a server to go with it.
fn trusting(
    backend: &Backend,
    folder: &TempDir,
    protocol: OtlpProtocol,
) -> (Telemetry, Lines, Arc<ServerConfig>) {
    let (authority, server) = certified();
    let file = folder.path().join("authority.pem");
    fs::write(&file, authority).unwrap();
    let mut otlp = OtlpConfig::new(format!("https://{}", backend.address));
    otlp.protocol = Some(protocol);
    otlp.tls.certificate = Some(file);
    let (builder, lines) = builder(otlp);
    (builder.init().unwrap(), lines, server)
}

const PROTOCOLS: [(Protocol, OtlpProtocol); 2] = [
    (Protocol::Http, OtlpProtocol::HttpProtobuf),
    (Protocol::Grpc, OtlpProtocol::Grpc),
];

#[test]
fn a_certificate_of_another_authority_is_refused_until_it_is_the_right_one() {
    for (spoken, protocol) in PROTOCOLS {
        let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
        let backend = Backend::start(spoken, Fault::None);
        let (telemetry, lines, right) = trusting(&backend, &folder, protocol);
        let (_authority, wrong) = certified();
        backend.set_tls(wrong);
        let (stats, line) = endure(&telemetry, &lines);
        assert_eq!((stats.dropped(), backend.spans()), (FLOOD, 0));
        let endpoint = format!("https://{}", backend.address);
        for part in ["no TLS: ", &endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE"] {
            assert!(line.contains(part), "{line}");
        }
        backend.set_tls(right);
        recover(&telemetry, &lines, &backend);
    }
}

#[test]
fn a_server_without_tls_is_recognised_until_it_has_it() {
    for (spoken, protocol) in PROTOCOLS {
        let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
        let backend = Backend::start(spoken, Fault::Nonsense);
        let (telemetry, lines, right) = trusting(&backend, &folder, protocol);
        let (stats, line) = endure(&telemetry, &lines);
        assert_eq!((stats.dropped(), backend.spans()), (FLOOD, 0));
        let endpoint = format!("https://{}", backend.address);
        for part in ["no TLS: ", &endpoint, "its endpoint may begin with http://"] {
            assert!(line.contains(part), "{line}");
        }
        backend.set(Fault::None);
        backend.set_tls(right);
        recover(&telemetry, &lines, &backend);
    }
}
