//! Files as people write them: what becomes of them, and what is said about their faults.

use super::{
    super::{
        env::{self, Environment},
        exporter::ExporterChoice,
        propagation,
        redaction::Rules,
        secret,
        settings::{Overrides, Settings},
    },
    apply,
};
use crate::{
    ConfigError, ExporterConfig, OtlpProtocol, ResourceDetector, Sampler, Telemetry,
    span::SpanLimits,
};
use std::{path::Path, time::Duration};

const EVERYTHING: &str = include_str!("examples/everything.yaml");
const SMALL: &str = include_str!("examples/small.yaml");

/// A file with a text, and an environment that names it.
struct File {
    dir: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl File {
    fn of(text: &str, variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("otel.yaml");
        std::fs::write(&path, text).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut variables: Vec<_> = variables.iter().map(owned).collect();
        let path = path.to_string_lossy().into_owned();
        variables.push(("OTEL_CONFIG_FILE".to_owned(), path));
        Self { dir, variables }
    }

    fn environment(&self) -> Environment<'_> {
        Environment::new(|name| {
            let found = self.variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        })
    }

    /// What the program and the file say, and what is wrong with the file.
    fn applied(&self, mut overrides: Overrides) -> (Overrides, Vec<String>) {
        let mut env = self.environment();
        apply(&mut overrides, &mut env);
        let folder = format!("{}/", self.dir.path().display());
        let problems = env.problems().into_iter();
        (
            overrides,
            problems.map(|text| text.replace(&folder, "")).collect(),
        )
    }
}

fn problems(text: &str) -> Vec<String> {
    File::of(text, &[]).applied(Overrides::default()).1
}

#[test]
fn everything_that_is_understood_arrives() {
    let variables = [
        ("SERVICE", "assistant"),
        ("LENGTH", "512"),
        ("OTEL_SERVICE_NAME", "x"),
    ];
    let (told, problems) = File::of(EVERYTHING, &variables).applied(Overrides::default());
    assert_eq!(problems, [""; 0]);
    let expected = [
        ("team", "memory".into()),
        ("service.version", "1".into()),
        ("service.name", "assistant".into()),
        ("service.version", "2".into()),
        ("replicas", 3.into()),
        ("weights", vec![0.5, 1.0].into()),
    ];
    assert_eq!(
        told.resource,
        expected.map(|(key, value)| (key.to_owned(), value))
    );
    let detectors = [ResourceDetector::Host, ResourceDetector::Kubernetes];
    assert_eq!(told.detectors.as_deref(), Some(&detectors[..]));
    let expected = SpanLimits {
        attributes: 64,
        events: 10,
        links: 11,
        attributes_per_event: 12,
        attributes_per_link: 13,
        value_length: 512,
    };
    assert_eq!(told.limits, Some(expected));
    assert_eq!(told.schedule_delay, Some(Duration::from_millis(1)));
    assert_eq!(told.export_timeout, Some(Duration::from_secs(20)));
    assert_eq!(
        (told.max_queue_size, told.max_export_batch_size),
        (Some(4096), Some(256))
    );
    let sampler = told.sampler.unwrap().description();
    assert_eq!(sampler, "ParentBased{root:TraceIdRatioBased{0.25}}");
    let formats = format!("{:?}", told.propagation);
    assert!(
        formats.contains("[TraceContext, Baggage, B3, XRay]"),
        "{formats}"
    );
}

#[test]
fn exporters_have_everything_that_the_file_says() {
    let (told, _) = File::of(EVERYTHING, &[]).applied(Overrides::default());
    let exporters: Vec<_> = told
        .exporters
        .into_iter()
        .map(|choice| match choice {
            ExporterChoice::Config(config) => config,
            other => panic!("{other:?}"),
        })
        .collect();
    let [
        ExporterConfig::Otlp(http),
        ExporterConfig::Otlp(grpc),
        ExporterConfig::Console,
        ExporterConfig::File(path),
    ] = &exporters[..]
    else {
        panic!("{exporters:?}")
    };
    assert_eq!(
        http.endpoint.as_deref(),
        Some("http://localhost:4318/v1/traces")
    );
    assert_eq!(http.protocol, Some(OtlpProtocol::HttpProtobuf));
    let expected = [("x-key", "k=1"), ("x-tenant", "acme")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(http.headers, expected);
    assert_eq!(
        http.tls.certificate.as_deref(),
        Some(Path::new("/etc/ssl/ours.pem"))
    );
    assert_eq!(http.timeout, Some(Duration::from_secs(5)));
    assert_eq!(grpc.endpoint.as_deref(), Some("http://collector:4317"));
    assert_eq!(grpc.protocol, Some(OtlpProtocol::Grpc));
    assert_eq!(path, Path::new("/var/log/traces.jsonl"));
}

#[test]
fn what_the_program_says_wins_over_the_file() {
    let program = Overrides {
        exporters: vec![ExporterChoice::Config(ExporterConfig::None)],
        sampler: Some(Sampler::AlwaysOff),
        schedule_delay: Some(Duration::from_secs(7)),
        resource: vec![("team".to_owned(), "of the program".into())],
        ..Overrides::default()
    };
    let (told, _) = File::of(EVERYTHING, &[]).applied(program);
    assert_eq!(told.exporters.len(), 1);
    assert!(matches!(told.sampler, Some(Sampler::AlwaysOff)));
    assert_eq!(told.schedule_delay, Some(Duration::from_secs(7)));
    let last = told.resource.last().unwrap();
    assert_eq!(*last, ("team".to_owned(), "of the program".into()));
}

#[test]
fn with_a_file_no_other_variable_counts() {
    let variables = [
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_BSP_SCHEDULE_DELAY", "7"),
        ("OTEL_SDK_DISABLED", "true"),
        ("CONTINUUM_STRICT_CONFIG", "true"),
    ];
    let file = File::of(SMALL, &variables);
    let (mut overrides, mut env) = (Overrides::default(), file.environment());
    apply(&mut overrides, &mut env);
    let formats = format!(
        "{:?}",
        propagation::propagators(&overrides.propagation, &env)
    );
    assert!(formats.contains("formats: None"), "{formats}");
    assert!(!env.flag(env::SDK_DISABLED));
    assert!(env.flag(env::STRICT_CONFIG));
    let settings = Settings::resolve(overrides, &env);
    assert_ne!(settings.schedule_delay, Duration::from_millis(7));
    assert_eq!(
        settings.sampling.sampler.description(),
        Sampler::default().description()
    );
    assert_eq!(env.problems(), [""; 0]);
}

#[test]
fn what_no_key_of_a_file_says_is_taken_from_variables() {
    let variables = [
        ("CONTINUUM_REDACT_KEYS", "iban"),
        ("CONTINUUM_REDACT_ALLOW", "session.token"),
        ("CONTINUUM_BAGGAGE_ALLOW", "tenant_id"),
        ("CONTINUUM_BAGGAGE_ATTRIBUTES", "tenant_id"),
        ("CONTINUUM_PREVIEWS", "true"),
        ("CONTINUUM_SEMCONV", "dup"),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "http"),
        ("CONTINUUM_FLIGHT_RECORDER", "2MiB"),
        ("CONTINUUM_WAIT_WHEN_FULL", "5"),
        ("CONTINUUM_CONSOLE_STREAM", "stdout"),
        ("OTEL_LOG_CORRELATION", "false"),
        ("OTEL_METRICS_ENABLED", "false"),
        ("CONTINUUM_METRICS_TENANTS", "3"),
    ];
    let file = File::of(SMALL, &variables);
    let (mut overrides, mut env) = (Overrides::default(), file.environment());
    apply(&mut overrides, &mut env);
    for (name, value) in variables {
        let variable = env::ALL.iter().find(|variable| variable.name() == name);
        assert_eq!(
            env.text(*variable.unwrap()).as_deref(),
            Some(value),
            "{name}"
        );
    }
    let rules = secret::rules(std::mem::take(&mut overrides.secrets), &env);
    let mut expected = Rules::default();
    assert!(expected.deny("iban") && expected.allow("session.token"));
    assert_eq!(rules, expected);
    let settings = Settings::resolve(overrides, &env);
    assert!(settings.previews && settings.flight_recorder.is_some());
    assert_eq!(settings.wait_when_full, Some(Duration::from_millis(5)));
    assert_eq!(env.problems(), [""; 0]);
}

#[test]
fn a_grpc_endpoint_without_a_scheme_is_secure_unless_the_file_says_otherwise() {
    let rows = [
        ("", "https://collector:4317"),
        (", tls:", "https://collector:4317"),
        (", tls: {insecure: false}", "https://collector:4317"),
        (", tls: {insecure: true}", "http://collector:4317"),
    ];
    for (tls, expected) in rows {
        let exporter = format!("otlp_grpc: {{endpoint: \"collector:4317\"{tls}}}");
        let processors = format!("  processors:\n    - batch: {{exporter: {{{exporter}}}}}\n");
        let text = format!("file_format: \"1.0\"\ntracer_provider:\n{processors}");
        let (told, problems) = File::of(&text, &[]).applied(Overrides::default());
        assert_eq!(problems, [""; 0]);
        let [ExporterChoice::Config(ExporterConfig::Otlp(otlp))] = &told.exporters[..] else {
            panic!("{:?}", told.exporters)
        };
        assert_eq!(otlp.endpoint.as_deref(), Some(expected), "{tls}");
    }
}

#[test]
fn attributes_without_a_name_are_named_with_their_place() {
    let text = "\
file_format: \"1.0\"
resource:
  attributes:
    - name: \"\"
      value: x
    - name: service.name
      value: \"${UNSET}\"
    - nam: x
  attributes_list: service.name=
";
    let expected = [
        "otel.yaml:4:13: resource.attributes[0].name: expected a name that is not empty",
        "otel.yaml:7:14: resource.attributes[1].value: expected a name that is not empty",
        "otel.yaml:8:7: resource.attributes[2].nam: expected one of name, type, value",
        "otel.yaml:8:7: resource.attributes[2].name: is missing",
        "otel.yaml:9:20: resource.attributes_list: expected names and a service.name that are not \
         empty",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn a_disabled_sdk_and_a_level_of_messages_are_taken_from_the_file() {
    let text = "file_format: \"1.0\"\ndisabled: ${OFF}\nlog_level: warn2\n";
    let file = File::of(text, &[("OFF", "true")]);
    let (mut overrides, mut env) = (Overrides::default(), file.environment());
    apply(&mut overrides, &mut env);
    assert!(env.flag(env::SDK_DISABLED));
    assert_eq!(env.text(env::LOG_LEVEL).as_deref(), Some("warn"));
}

#[test]
fn without_a_tracer_provider_nothing_is_recorded_and_without_a_propagator_nothing_sent() {
    let (told, problems) = File::of("file_format: \"1.0\"\n", &[]).applied(Overrides::default());
    assert_eq!(problems, [""; 0]);
    assert!(matches!(told.sampler, Some(Sampler::AlwaysOff)));
    assert!(format!("{:?}", told.propagation).contains("Some([])"));
}

#[test]
fn faults_are_named_with_their_line_and_column() {
    let text = "\
file_format: \"1.0\"
resource:
  attributes:
    - name: replicas
      value: many
      type: int
tracer_provider:
  processors:
    - batch:
        max_queue_size: 0
        exporter:
          otlp_http:
            compression: zip
            end_point: x
    - batch: {}
  sampler:
    trace_id_ratio_based:
      ratio: 2
propagator:
  composite: [ottrace:]
colour: red
";
    let expected = [
        "otel.yaml:5:14: resource.attributes[0].value: expected a value of the type that is said, \
         string where nothing is said",
        "otel.yaml:10:25: tracer_provider.processors[0].batch.max_queue_size: expected a whole \
         number, at least 1",
        "otel.yaml:13:26: tracer_provider.processors[0].batch.exporter.otlp_http.compression: \
         expected none or gzip",
        "otel.yaml:14:13: tracer_provider.processors[0].batch.exporter.otlp_http.end_point: \
         expected one of timeout, max_request_size, max_response_size, endpoint, headers_list, \
         headers, compression, tls, encoding",
        "otel.yaml:15:14: tracer_provider.processors[1].batch.exporter: is missing",
        "otel.yaml:18:14: tracer_provider.sampler.trace_id_ratio_based.ratio: expected a number \
         from 0 to 1",
        "otel.yaml:20:15: there is no such propagator here, but tracecontext, baggage, b3, \
         b3multi, jaeger, xray",
        "otel.yaml:21:1: colour: nothing of it has a meaning here",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn a_file_that_is_wrong_is_an_error_however_lenient_the_checks() {
    let rows = [
        ("", "otel.yaml:1:1: expected a document"),
        ("a: [", "otel.yaml:"),
        ("- 1", "otel.yaml:1:1: : expected a map, not a list"),
        ("disabled: false", "otel.yaml:1:1: file_format: is missing"),
        (
            "file_format: \"2.0\"",
            "file_format: expected a version from \"1.0\" on, below 2",
        ),
        (
            "file_format: 1.0",
            "file_format: expected a text, not a number",
        ),
        (
            "file_format: \"1.0\"\ndisabled: 3",
            "disabled: expected true or false, not a whole number",
        ),
        (
            "file_format: \"1.0\"\nlog_level: loud",
            "log_level: expected trace, debug",
        ),
        (
            "file_format: \"1.0\"\nlog_level: ${1}",
            "expected a reference such as ${NAME}",
        ),
        (
            "file_format: \"1.0\"\ntracer_provider:",
            "tracer_provider.processors: is missing",
        ),
    ];
    for (text, expected) in rows {
        let file = File::of(text, &[]);
        let (mut overrides, mut env) = (Overrides::default(), file.environment());
        apply(&mut overrides, &mut env);
        let error = env.settle(false).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_only_others_support_is_a_problem_and_with_strict_checks_an_error() {
    let text = "\
file_format: \"1.9\"
meter_provider: {readers: []}
tracer_provider:
  processors:
    - simple: {exporter: {otlp_http: {encoding: json}}}
  sampler:
    jaeger_remote/development: {endpoint: http://h}
";
    let file = File::of(text, &[]);
    let (told, found) = file.applied(Overrides::default());
    let expected = [
        "otel.yaml:1:14: file_format: what is newer than 1.1 is not understood",
        "otel.yaml:2:17: meter_provider: metrics and logs are not set up by this recorder",
        "encoding: spans are sent as protobuf",
        "jaeger_remote/development: there is no such sampler here, but always_on",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\n{expected}");
    }
    assert_eq!(told.exporters.len(), 1);
    for strict in [false, true] {
        let (mut overrides, mut env) = (Overrides::default(), file.environment());
        apply(&mut overrides, &mut env);
        assert_eq!(env.settle(strict).is_err(), strict);
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let env = Environment::new(|name| {
        (name == "OTEL_CONFIG_FILE").then(|| "/nowhere/otel.yaml".to_owned())
    });
    let error = Telemetry::builder().init_from(env).unwrap_err();
    let ConfigError::Invalid(problems) = error else {
        panic!("{error}")
    };
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].setting(), "/nowhere/otel.yaml");
    assert!(
        problems[0].to_string().contains("cannot be opened"),
        "{}",
        problems[0]
    );
}

#[test]
fn an_endpoint_that_cannot_be_used_is_named_with_its_place() {
    let text = "\
file_format: \"1.0\"
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: no url}}}
";
    let file = File::of(text, &[]);
    let (mut overrides, mut env) = (Overrides::default(), file.environment());
    apply(&mut overrides, &mut env);
    drop(Settings::resolve(overrides, &env));
    let error = env.settle(false).unwrap_err().to_string();
    assert!(error.contains("otel.yaml:4:5: "), "{error}");
}

/// What an editor does to a good file: some bytes go, and something comes in their place.
fn edited(edits: &[(usize, usize, &str)]) -> String {
    let mut text = EVERYTHING.to_owned();
    for (at, taken, put) in edits {
        let begin = text.floor_char_boundary(at % (text.len() + 1));
        let end = text.floor_char_boundary(begin + taken);
        text.replace_range(begin..end, put);
    }
    text
}

/// What YAML, references and settings give a meaning to.
const SIGNS: [&str; 20] = [
    "",
    "${",
    "}",
    "${SERVICE:-x}",
    "$$",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    "{",
    "]",
    ": ",
    "\t",
    "\n  ",
    "!!int ",
    "1e999",
    "-1",
    "\0",
    "|\n",
    "\u{2028}",
];

proptest::proptest! {
    #[test]
    fn a_file_with_faults_has_each_of_them_named_in_one_line(
        edits in proptest::collection::vec(
            (0..4_000_usize, 0..12_usize, proptest::sample::select(&SIGNS[..])), 1..6,
        )
    ) {
        for problem in problems(&edited(&edits)) {
            proptest::prop_assert!(problem.contains("otel.yaml"), "{problem:?}");
            proptest::prop_assert!(!problem.contains(char::is_control), "{problem:?}");
        }
    }

    #[test]
    fn no_text_panics(text in "([a-z_:\\[\\]{}&*!|>'\"$ \n-]|1\\.5|file_format|resource|- ){0,60}") {
        drop(problems(&text));
    }
}
