//! The variables by which any OpenTelemetry SDK finds the receiver.
//!
//! Invariants:
//! - where traces go is ours to say; whatever else the user has set stays as it is, but for a configuration file, with
//!   which a program does not look at any variable;
//! - metrics and logs go where the user sends them, and nowhere where nothing says so.
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter
//! Configuration".

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
};

/// By which a program is told to take its settings from a file, and from nowhere else.
pub(super) const CONFIG_FILES: [&str; 2] = ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"];

/// Milliseconds that finished spans wait for company; 5000 in most SDKs, which is long for somebody who looks.
const SCHEDULE_DELAY: &str = "200";

/// What requests to this machine must not go through.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "grpc_proxy",
    "GRPC_PROXY",
    "all_proxy",
    "ALL_PROXY",
];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Where the other signals go, each beside the exporter that it is for.
const OTHER_SIGNALS: [(&str, &str); 2] = [
    (
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_METRICS_EXPORTER",
    ),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_LOGS_EXPORTER"),
];

/// How requests are compressed: the first one that is set counts.
const COMPRESSIONS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
];

type Variable = (&'static str, OsString);

/// A variable of this process; an empty one counts as unset, as the specification demands.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment of the program that is started, not of our own telemetry"
)]
pub(crate) fn of_this_process(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// What to add to the environment of the program `name`.
pub(super) fn variables(
    name: &OsStr,
    port: u16,
    own: impl Fn(&str) -> Option<OsString>,
) -> Vec<Variable> {
    let base = format!("http://127.0.0.1:{port}");
    let mut variables = vec![
        ("OTEL_TRACES_EXPORTER", "otlp".into()),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            format!("{base}/v1/traces").into(),
        ),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf".into()),
        ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true".into()),
    ];
    if COMPRESSIONS
        .iter()
        .any(|name| own(name).is_some_and(|value| is_unknown(&value)))
    {
        // Only then: some exporters do not know the word.
        variables.push((COMPRESSIONS[0], "none".into()));
    }
    let mut where_unset = |name, value: OsString| {
        if own(name).is_none() {
            variables.push((name, value));
        }
    };
    // For programs that do not know the variables of one signal.
    if own("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        where_unset("OTEL_EXPORTER_OTLP_ENDPOINT", base.into());
        let (told, silent): (Vec<_>, Vec<_>) =
            (OTHER_SIGNALS.iter()).partition(|(endpoint, _)| own(endpoint).is_some());
        if told.is_empty() {
            where_unset("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".into());
        }
        for (_, exporter) in silent {
            where_unset(exporter, "none".into());
        }
    }
    where_unset("OTEL_BSP_SCHEDULE_DELAY", SCHEDULE_DELAY.into());
    let attributes = own("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let attributes = attributes.to_string_lossy();
    let mut keys = attributes
        .split(',')
        .filter_map(|pair| pair.split('=').next());
    if !keys.any(|key| key.trim() == "service.name") {
        where_unset("OTEL_SERVICE_NAME", service_name(name));
    }
    if PROXIES.iter().any(|proxy| own(proxy).is_some()) {
        variables.extend(past_the_proxy(&own));
    }
    variables
}

/// The variable by which a program is told to record nothing, if there is one, with what it says.
pub(crate) fn silenced_by(own: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    const SILENCING: [(&str, &[&str]); 2] = [
        ("OTEL_SDK_DISABLED", &["true"]),
        (
            "OTEL_TRACES_SAMPLER",
            &["always_off", "parentbased_always_off"],
        ),
    ];
    SILENCING.iter().find_map(|(name, values)| {
        let value = own(name)?.into_string().ok()?.to_ascii_lowercase();
        let is_one = values.contains(&value.trim());
        is_one.then(|| format!("{name}={}", value.trim()))
    })
}

/// Whether the receiver does not understand a compression.
fn is_unknown(compression: &OsStr) -> bool {
    !["gzip", "deflate", "none"]
        .iter()
        .any(|known| compression == *known)
}

/// The program's name without folders and extension.
fn service_name(name: &OsStr) -> OsString {
    Path::new(name).file_stem().unwrap_or(name).to_owned()
}

/// Programs differ in which of the two spellings they read, and many look at the other one only where the first
/// is unset: what the user has set in one goes for both.
fn past_the_proxy(own: &impl Fn(&str) -> Option<OsString>) -> [Variable; 2] {
    let of_either = || NO_PROXY.iter().find_map(|name| own(name));
    NO_PROXY.map(|name| {
        let mut hosts = own(name).or_else(of_either).unwrap_or_default();
        if !hosts.is_empty() {
            hosts.push(",");
        }
        hosts.push("127.0.0.1");
        (name, hosts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is set besides where traces go.
    fn with(own: &[(&str, &str)]) -> Vec<String> {
        let find = |name: &str| {
            let found = own.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let variables = variables(OsStr::new("/bin/app.sh"), 4242, find);
        let shown = variables.iter().skip(4);
        shown
            .map(|(name, value)| format!("{name}={}", value.display()))
            .collect()
    }

    #[test]
    fn traces_come_here_whatever_is_set() {
        let own = |_: &str| Some(OsString::from("somewhere"));
        let variables = variables(OsStr::new("app"), 4242, own);
        let endpoint = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            OsString::from("http://127.0.0.1:4242/v1/traces"),
        );
        assert!(variables.contains(&endpoint), "{variables:?}");
    }

    #[test]
    fn the_page_names_every_variable_that_is_set() {
        let page = include_str!("../../../../docs/run.md");
        let set = ["HTTP_PROXY", "OTEL_EXPORTER_OTLP_COMPRESSION"];
        let own = |name: &str| set.contains(&name).then(|| OsString::from("zstd"));
        for (name, _) in variables(OsStr::new("app"), 4242, own) {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
        for name in CONFIG_FILES {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn nothing_else_goes_anywhere_unless_it_is_told_to() {
        let expected = [
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4242",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
            "OTEL_METRICS_EXPORTER=none",
            "OTEL_LOGS_EXPORTER=none",
            "OTEL_BSP_SCHEDULE_DELAY=200",
            "OTEL_SERVICE_NAME=app",
        ];
        assert_eq!(with(&[]), expected);
    }

    #[test]
    fn what_the_user_set_stays() {
        let own = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=mine"),
        ];
        assert_eq!(with(&own), [""; 0]);
    }

    #[test]
    fn a_signal_that_has_an_endpoint_of_its_own_goes_there() {
        let set = with(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics")]);
        assert!(
            !set.iter()
                .any(|line| line.starts_with("OTEL_METRICS_EXPORTER"))
        );
        assert!(
            set.contains(&"OTEL_LOGS_EXPORTER=none".to_owned()),
            "{set:?}"
        );
    }

    #[test]
    fn only_a_service_of_its_own_name_keeps_that() {
        for (attributes, is_named) in [
            ("peer.service.name=x", true),
            ("a=b, service.name=mine", false),
            ("service.name=mine", false),
        ] {
            let set = with(&[("OTEL_RESOURCE_ATTRIBUTES", attributes)]);
            let name = "OTEL_SERVICE_NAME=app".to_owned();
            assert_eq!(set.contains(&name), is_named, "{attributes}");
        }
    }

    #[test]
    fn what_keeps_a_program_from_recording_is_named() {
        let silenced = |name: &'static str, value: &'static str| {
            silenced_by(|asked| (asked == name).then(|| value.into()))
        };
        assert_eq!(
            silenced("OTEL_SDK_DISABLED", " TRUE").as_deref(),
            Some("OTEL_SDK_DISABLED=true")
        );
        assert_eq!(
            silenced("OTEL_TRACES_SAMPLER", "parentbased_always_off").as_deref(),
            Some("OTEL_TRACES_SAMPLER=parentbased_always_off")
        );
        assert_eq!(silenced("OTEL_SDK_DISABLED", "false"), None);
        assert_eq!(silenced("OTEL_TRACES_SAMPLER", "always_on"), None);
    }

    #[test]
    fn a_proxy_is_passed_by() {
        let own = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
            ("OTEL_SERVICE_NAME", "mine"),
            ("HTTP_PROXY", "http://proxy"),
            ("NO_PROXY", "internal"),
        ];
        let for_both = ["no_proxy=internal,127.0.0.1", "NO_PROXY=internal,127.0.0.1"];
        assert_eq!(with(&own), for_both);
        let of_each = [&own[..], &[("no_proxy", "local")]].concat();
        assert_eq!(
            with(&of_each),
            ["no_proxy=local,127.0.0.1", "NO_PROXY=internal,127.0.0.1"]
        );
        // Channels of gRPC go through it also where the address has no TLS.
        let for_grpc = [&own[..3], &[("grpc_proxy", "http://proxy")]].concat();
        assert_eq!(
            with(&for_grpc),
            ["no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1"]
        );
    }
}
