//! The value of one variable on each line of the input: whatever it is, a problem names its variable, and
//! none repeats what may be a secret.

#![no_main]

use continuum_observability::{
    Problem,
    fuzzing::{parse_pairs, problems_of},
};
use libfuzzer_sys::fuzz_target;

/// Of `docs/configuration.md`; files are left out, which would be looked at.
const NAMES: [&str; 28] = [
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_PROPAGATORS",
    "CONTINUUM_BAGGAGE_ALLOW",
    "CONTINUUM_BAGGAGE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_SAMPLING_RATE",
    "OTEL_SAMPLE_ERRORS_ALWAYS",
    "OTEL_SEMCONV_STABILITY_OPT_IN",
    "CONTINUUM_SEMCONV",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "DD_AGENT_URL",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_LOG_LEVEL",
    "OTEL_SERVICE_NAME",
    "CONTINUUM_ENV",
    "CONTINUUM_PREVIEWS",
    "CONTINUUM_WAIT_WHEN_FULL",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
];
fuzz_target!(|input: &str| {
    let variables: Vec<(String, String)> = NAMES
        .into_iter()
        .zip(input.split('\n'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for problem in problems_of(&variables) {
        let known = variables.iter().find(|(name, _)| name == problem.setting());
        let (name, value) = known.expect("a problem names its variable");
        if name.ends_with("_HEADERS") || name == "OTEL_RESOURCE_ATTRIBUTES" {
            // Another value that cannot be used is refused in the same words, but for a header's name.
            let other = problems_of(&[(name.clone(), "=".to_owned())]);
            assert!(
                other.contains(&problem) || names_header(&problem, value),
                "{problem}"
            );
        }
    }
    if let Some(pairs) = parse_pairs(input) {
        assert_eq!(parse_pairs(&list(&pairs)), Some(pairs));
    }
});

fn names_header(problem: &Problem, headers: &str) -> bool {
    let said = problem.to_string();
    let mut names = parse_pairs(headers)
        .into_iter()
        .flatten()
        .map(|(name, _)| name);
    names.any(|name| {
        said.ends_with(&format!(
            "of `{}` has characters not allowed",
            name.escape_debug()
        ))
    })
}

/// A list in which every byte is percent-encoded.
fn list(pairs: &[(String, String)]) -> String {
    let encoded = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect::<String>()
    };
    let member = |(key, value): &(String, String)| format!("{}={}", encoded(key), encoded(value));
    pairs.iter().map(member).collect::<Vec<_>>().join(",")
}
