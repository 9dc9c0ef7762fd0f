//! `continuum doctor`, against receivers that are right and against each that is wrong.

use std::{fs, path::Path, process::Command, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::Value;

use crate::receiver;

/// What the doctor said: exit status, the report, the report as text.
struct Visit {
    status: Option<i32>,
    report: Value,
}

impl Visit {
    /// The outcome and the remedy of a check.
    fn finding(&self, check: &str) -> (&str, &str) {
        let findings = self.report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == check);
        let finding = finding.unwrap();
        let outcome = finding["outcome"].as_str().unwrap();
        (outcome, finding["remedy"].as_str().unwrap_or_default())
    }

    /// The checks with their outcomes, in order.
    fn outcomes(&self) -> String {
        let findings = self.report["findings"].as_array().unwrap();
        let outcome = |finding: &Value| {
            let (check, outcome) = (&finding["check"], &finding["outcome"]);
            format!("{} {}", check.as_str().unwrap(), outcome.as_str().unwrap())
        };
        findings.iter().map(outcome).collect::<Vec<_>>().join(", ")
    }

    #[track_caller]
    fn assert_failed(&self, check: &str, remedy: &str) {
        let (outcome, found) = self.finding(check);
        assert_eq!(
            (self.status, outcome),
            (Some(3), "failed"),
            "{}",
            self.report
        );
        assert!(found.contains(remedy), "{}", self.report);
        assert_eq!(self.report["healthy"], false);
        // Nothing that is wrong goes without a remedy.
        for finding in self.report["findings"].as_array().unwrap() {
            let needs_one = finding["outcome"] == "failed" || finding["outcome"] == "warning";
            assert_eq!(needs_one, finding["remedy"].is_string(), "{finding}");
        }
    }
}

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_continuum"));
    command.arg("doctor").args(arguments);
    command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "2000");
    command
}

fn visit(command: &mut Command) -> Visit {
    let output = command.arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(stderr, "", "the report is all that is said");
    Visit {
        status: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap(),
    }
}

fn visit_at(scheme: &str, port: u16, protocol: &str) -> Visit {
    let endpoint = format!("{scheme}://127.0.0.1:{port}");
    visit(&mut doctor(&[
        "--endpoint",
        &endpoint,
        "--protocol",
        protocol,
    ]))
}

const ALL_FINE: &str = "settings fine, address fine, connection fine, protocol fine, tls fine, \
                        authorization fine, delivery fine";

#[test]
fn a_sound_receiver_gets_one_span_with_the_headers_of_the_environment() {
    let (port, heads) = receiver::http(200);
    let mut command = doctor(&[]);
    command
        .env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://127.0.0.1:{port}"),
        )
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20secret",
        );
    let visit = visit(&mut command);
    assert_eq!(
        (visit.status, visit.outcomes().as_str()),
        (Some(0), ALL_FINE)
    );
    let head = heads.recv().unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer secret"), "{head}");
    assert!(
        !visit.report.to_string().contains("secret"),
        "{}",
        visit.report
    );
}

#[test]
fn a_sound_receiver_over_grpc_is_fine() {
    let visit = visit_at("http", receiver::grpc(0), "grpc");
    assert_eq!(
        (visit.status, visit.outcomes().as_str()),
        (Some(0), ALL_FINE)
    );
}

#[test]
fn the_report_for_a_person_ends_with_the_verdict() {
    let endpoint = format!("http://127.0.0.1:{}", receiver::nobody());
    let output = doctor(&["--endpoint", &endpoint]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(&format!(
            "✓ settings       {endpoint}/v1/traces over http/protobuf\n\
         ✓ address        127.0.0.1 is 127.0.0.1\n\
         ✗ connection     no connection to 127.0.0.1:"
        )),
        "{text}"
    );
    let end = format!(
        "- delivery       not tried\n\nspans do not arrive at {endpoint}/v1/traces over http/protobuf\n"
    );
    assert!(text.ends_with(&end), "{text}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn an_endpoint_that_is_none_is_the_first_thing_said() {
    let visit = visit(&mut doctor(&["--endpoint", "localhost:4318"]));
    visit.assert_failed("settings", "correct the endpoint");
    assert_eq!(visit.finding("delivery").0, "skipped");
}

#[test]
fn a_setting_that_cannot_be_used_is_named_beside_spans_that_arrive() {
    let (port, _heads) = receiver::http(200);
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut command = doctor(&["--endpoint", &endpoint]);
    let visit = visit(command.env("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"));
    assert_eq!(
        (visit.status, visit.finding("settings").0),
        (Some(0), "warning")
    );
}

#[test]
fn a_setting_by_which_spans_go_elsewhere_is_named_beside_spans_that_arrive() {
    let (port, _heads) = receiver::http(200);
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut command = doctor(&["--endpoint", &endpoint]);
    let visit = visit(command.env("OTEL_TRACES_EXPORTER", "none"));
    let (outcome, remedy) = visit.finding("settings");
    assert_eq!((visit.status, outcome), (Some(0), "warning"));
    assert!(remedy.contains("change it for programs"), "{remedy}");
}

#[test]
fn a_host_without_an_address_fails_at_the_address() {
    let visit = visit(&mut doctor(&[
        "--endpoint",
        "http://collector.invalid:4318",
    ]));
    visit.assert_failed("address", "correct the host of the endpoint");
}

#[test]
fn a_port_where_nobody_listens_fails_at_the_connection() {
    let visit = visit_at("http", receiver::nobody(), "http/protobuf");
    visit.assert_failed("connection", "start the collector");
}

#[test]
fn ports_and_protocols_that_were_mixed_up_are_told_apart() {
    let to_grpc = visit_at("http", receiver::grpc(0), "http/protobuf");
    to_grpc.assert_failed(
        "protocol",
        "usually 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    );
    let (port, _heads) = receiver::http(200);
    let to_http = visit_at("http", port, "grpc");
    to_http.assert_failed(
        "protocol",
        "usually 4317, or set OTEL_EXPORTER_OTLP_PROTOCOL=http",
    );
    for protocol in ["http/protobuf", "grpc"] {
        let visit = visit_at("http", receiver::mail(), protocol);
        visit.assert_failed("protocol", "correct the port");
    }
}

#[test]
fn credentials_that_are_missing_fail_at_the_authorization() {
    let visits = [
        visit_at("http", receiver::http(401).0, "http/protobuf"),
        visit_at("http", receiver::grpc(16), "grpc"),
    ];
    for visit in visits {
        visit.assert_failed("authorization", "OTEL_EXPORTER_OTLP_HEADERS");
        assert_eq!(visit.finding("protocol").0, "fine");
    }
}

#[test]
fn a_wrong_path_and_a_receiver_in_trouble_fail_at_the_delivery() {
    let wrong_path = visit_at("http", receiver::http(404).0, "http/protobuf");
    wrong_path.assert_failed("delivery", "correct the path");
    let overloaded = visit_at("http", receiver::http(503).0, "http/protobuf");
    overloaded.assert_failed("delivery", "look into the receiver's log");
}

/// A server for which an authority vouches whose certificate is written to a file.
fn certified(authority_file: &Path) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(authority_file, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

#[test]
fn encryption_is_fine_with_the_right_authority_and_explained_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    let port = receiver::https(certified(&authority));
    let endpoint = format!("https://127.0.0.1:{port}");
    let mut command = doctor(&["--endpoint", &endpoint]);
    let trusted = visit(command.env("OTEL_EXPORTER_OTLP_CERTIFICATE", &authority));
    assert_eq!(
        (trusted.status, trusted.outcomes().as_str()),
        (Some(0), ALL_FINE)
    );

    let untrusted = visit(&mut doctor(&["--endpoint", &endpoint]));
    untrusted.assert_failed("tls", "certificate");
    let unencrypted = visit_at("http", port, "http/protobuf");
    unencrypted.assert_failed("tls", "let the endpoint begin with https://");
    let plain = visit_at("https", receiver::http(200).0, "http/protobuf");
    plain.assert_failed("tls", "let the endpoint begin with http://");
}

#[test]
fn telemetry_that_is_switched_off_is_noticed() {
    let (port, _heads) = receiver::http(200);
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut command = doctor(&["--endpoint", &endpoint]);
    let visit = visit(command.env("OTEL_SDK_DISABLED", "true"));
    visit.assert_failed("delivery", "unset OTEL_SDK_DISABLED");
}
