//! Where OTLP goes, by the environment.

use super::{
    super::{
        exporter::Destination,
        settings::{Overrides, Settings},
        testing::environment,
    },
    *,
};

fn resolved(variables: &[(&str, &str)]) -> (OtlpSettings, Vec<String>) {
    let env = environment(variables);
    let settings = OtlpSettings::resolve(OtlpConfig::default(), Receiver::Any, &env);
    (settings, env.problems())
}

fn endpoint(variables: &[(&str, &str)]) -> String {
    let (settings, problems) = resolved(variables);
    assert!(problems.is_empty(), "{problems:?}");
    settings.endpoint.endpoint
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
    let env = environment(&variables);
    let builder = OtlpConfig::new("http://builder");
    let settings = OtlpSettings::resolve(builder, Receiver::Any, &env);
    assert_eq!(settings.endpoint.endpoint, "http://builder/v1/traces");
}

#[test]
fn an_endpoint_that_is_no_url_gives_way_to_the_next() {
    let (settings, problems) = resolved(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "h:1"),
        ("OTLP_ENDPOINT", "http://b"),
    ]);
    assert_eq!(settings.endpoint.endpoint, "http://b/v1/traces");
    assert_eq!(
        problems,
        ["OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL such as \
          http://localhost:4318/v1/traces, not `h:1/v1/traces`"]
    );
}

#[test]
fn headers_are_decoded_and_the_most_specific_list_wins() {
    let mut variables = vec![("OTLP_HEADERS", "x-a=1")];
    let headers = |variables: &[(&str, &str)]| resolved(variables).0.endpoint.headers;
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
            settings.endpoint.headers,
            [("x-d".to_owned(), "4".to_owned())],
            "{list}"
        );
        assert_eq!(problems.len(), 1, "{list}");
        assert!(!problems[0].contains("hunter2"), "{}", problems[0]);
    }
}

#[cfg(not(any(feature = "otlp-grpc", feature = "gzip")))]
#[test]
fn a_protocol_or_compression_that_is_not_built_warns_and_says_what_to_do() {
    let (_, problems) = resolved(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
    ]);
    assert_eq!(
        problems,
        [
            "OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not in this build, enable the cargo feature \
             otlp-grpc: spans are sent as http/protobuf, which receivers take on port 4318 (4317 \
             is the one for grpc)",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: gzip is not in this build: enable its cargo \
             feature",
        ]
    );
}

#[test]
fn an_unknown_protocol_or_compression_is_named_with_the_choices() {
    let (_, problems) = resolved(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ]);
    assert_eq!(
        problems,
        [
            "OTEL_EXPORTER_OTLP_PROTOCOL: expected one of http/protobuf, grpc, not \"http/json\"",
            "OTEL_EXPORTER_OTLP_COMPRESSION: expected one of none, gzip, not \"zstd\"",
        ]
    );
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn over_grpc_the_endpoint_stays_without_a_path() {
    let rows: [(&[(&str, &str)], &str); 4] = [
        (
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            "http://localhost:4317",
        ),
        (
            &[
                ("OTLP_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1"),
            ],
            "http://h:1",
        ),
        (
            &[
                ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
                ("OTLP_ENDPOINT", "http://h:1"),
            ],
            "http://h:1",
        ),
        (
            &[
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
                ("OTLP_PROTOCOL", "grpc"),
                ("OTLP_ENDPOINT", "http://h:1"),
            ],
            "http://h:1/v1/traces",
        ),
    ];
    for (variables, expected) in rows {
        assert_eq!(endpoint(variables), expected, "{variables:?}");
    }
    let mut config = OtlpConfig::new("http://h:1");
    config.protocol = Some(OtlpProtocol::Grpc);
    let settings = OtlpSettings::resolve(config, Receiver::Any, &environment(&[]));
    assert_eq!(settings.name(), "otlp-grpc");
    assert_eq!(settings.endpoint.endpoint, "http://h:1");
}

#[test]
fn a_datadog_agent_takes_otlp_on_a_port_of_its_own() {
    let endpoint = |variables: &[(&str, &str)]| {
        let env = environment(variables);
        let config = OtlpConfig::default();
        let settings = OtlpSettings::resolve(config, Receiver::DatadogAgent, &env);
        assert_eq!(env.problems(), Vec::<String>::new());
        settings.endpoint.endpoint
    };
    let rows: [(&[(&str, &str)], &str); 4] = [
        (&[], "http://localhost:4318/v1/traces"),
        (
            &[("DD_AGENT_URL", "http://agent:8126/")],
            "http://agent:4318/v1/traces",
        ),
        (
            &[("DD_AGENT_URL", "http://agent:5000")],
            "http://agent:5000/v1/traces",
        ),
        (
            &[
                ("DD_AGENT_URL", "http://agent:8126"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1"),
            ],
            "http://h:1/v1/traces",
        ),
    ];
    for (variables, expected) in rows {
        assert_eq!(endpoint(variables), expected, "{variables:?}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn compression_is_off_unless_asked_for() {
    let compression = |variables: &[(&str, &str)]| resolved(variables).0.endpoint.compression;
    let general = ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    assert_eq!(compression(&[]), Compression::None);
    assert_eq!(compression(&[general]), Compression::Gzip);
    let specific = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none");
    assert_eq!(compression(&[general, specific]), Compression::None);
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_with_its_variable_and_passed_over() {
    let (settings, problems) = resolved(&[
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/absent/ca.pem"),
        (
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
            "/absent/client.pem",
        ),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/absent/client.key"),
    ]);
    assert_eq!(settings.endpoint.tls, TlsFiles::default());
    let absent = "No such file or directory (os error 2)";
    assert_eq!(
        problems,
        [
            format!("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: {absent} [/absent/ca.pem]"),
            format!("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: {absent} [/absent/client.pem]"),
        ]
    );
    let (_, problems) = resolved(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/absent/client.key")]);
    assert_eq!(
        problems,
        [
            "OTEL_EXPORTER_OTLP_CLIENT_KEY: client_certificate is missing: a client needs both its \
          certificate and its key"
        ]
    );
}

#[test]
fn certificates_of_the_environment_are_used_and_those_of_the_builder_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("own.pem", made.cert.pem());
    let key = file("own.key", made.signing_key.serialize_pem());
    let other = file("other.pem", made.cert.pem());
    let [certificate_text, key_text] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let variables = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate_text),
        (
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
            certificate_text,
        ),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key_text),
    ];
    let expected = TlsFiles {
        certificate: Some(certificate.clone()),
        client_certificate: Some(certificate.clone()),
        client_key: Some(key.clone()),
    };
    let (settings, problems) = resolved(&variables);
    assert_eq!(
        (settings.endpoint.tls, problems),
        (expected.clone(), vec![])
    );

    let mut config = OtlpConfig::default();
    config.tls.certificate = Some(other.clone());
    let env = environment(&variables);
    let settings = OtlpSettings::resolve(config, Receiver::Any, &env);
    let certificate = Some(other);
    assert_eq!(
        settings.endpoint.tls,
        TlsFiles {
            certificate,
            ..expected
        }
    );
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

#[test]
fn a_program_that_may_wait_has_its_spans_sent_again_for_as_long_as_there_is_time() {
    let attempts = |variables: &[(&str, &str)]| {
        let settings = Settings::resolve(Overrides::default(), &environment(variables));
        match settings.destination {
            Destination::Otlp(otlp) => otlp.endpoint.retry.max_attempts,
            other => panic!("{other:?}"),
        }
    };
    let variables = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("CONTINUUM_WAIT_WHEN_FULL", "1000"),
    ];
    assert_eq!(attempts(&variables[..1]), 5);
    assert_eq!(attempts(&variables), u32::MAX);
}
