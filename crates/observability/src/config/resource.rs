//! Who the spans come from: the attributes of this process, encoded once.
//!
//! Position: part of [`super::settings`]; goes in front of the spans of every request.
//!
//! Invariants: every attribute has one value, the first of builder, its own variable,
//! `OTEL_RESOURCE_ATTRIBUTES`, default, detector; the value under a key that names a secret is replaced.
//!
//! Source: OpenTelemetry specification, Resource SDK; semantic conventions, "Resource".

use super::{
    detect::{self, ResourceDetector},
    env::{self, Environment},
    pairs::parse_pairs,
    redaction::{REDACTED, is_denied_key},
};
use crate::{
    recorder::PerProcess,
    span::{Value, Writer, attribute_len},
};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_VERSION: &str = "service.version";
const ENVIRONMENT_NAME: &str = "deployment.environment.name";
const SDK_LANGUAGE: &str = "telemetry.sdk.language";

/// Attributes of a process, in the order they were first set.
#[derive(Debug)]
pub(super) struct Resource(Vec<(String, Value<'static>)>);

impl Resource {
    pub(super) fn resolve(
        of_builder: Vec<(String, Value<'static>)>,
        detectors: Vec<ResourceDetector>,
        env: &Environment<'_>,
    ) -> Self {
        let mut resource = Self(Vec::new());
        for (key, value) in detectors.into_iter().flat_map(|one| one.detect(env)) {
            resource.set(key, value);
        }
        resource.set(SERVICE_NAME, "continuum".into());
        resource.set(SERVICE_NAMESPACE, "ai-memory".into());
        resource.set(ENVIRONMENT_NAME, "development".into());
        resource.set_all(of_list(env));
        let variables = [
            (SERVICE_NAME, env::SERVICE_NAME),
            (SERVICE_NAMESPACE, env::SERVICE_NAMESPACE),
            (SERVICE_VERSION, env::SERVICE_VERSION),
            (ENVIRONMENT_NAME, env::CONTINUUM_ENV),
        ];
        for (key, variable) in variables {
            if let Some(value) = env.text(variable) {
                resource.set(key, value.into());
            }
        }
        if of_builder.iter().any(|(key, _)| key.is_empty()) {
            env.refuse_builder("resource_attribute", "expected a key that is not empty");
        }
        if of_builder.contains(&(SERVICE_NAME.to_owned(), "".into())) {
            env.refuse_builder("service_name", "expected a name that is not empty");
        }
        resource.set("telemetry.sdk.name", "continuum-observability".into());
        resource.set(SDK_LANGUAGE, "rust".into());
        resource.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION").into());
        let of_another_language = of_builder.iter().any(|(key, _)| key == SDK_LANGUAGE);
        if of_another_language {
            resource
                .0
                .retain(|(key, _)| key != detect::process::RUNTIME);
        }
        // Last, so that the package of another language can say which one it is.
        resource.set_all(of_builder);
        resource
    }

    fn set_all(&mut self, attributes: impl IntoIterator<Item = (String, Value<'static>)>) {
        for (key, value) in attributes {
            self.set(&key, value);
        }
    }

    fn set(&mut self, key: &str, value: Value<'static>) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// What encodes the resource, once in each process: all that one sends is of the same instance.
    pub(super) fn into_encoder(self) -> impl Fn() -> Vec<u8> + Send + Sync {
        let encoded = PerProcess::new();
        move || {
            let encoded: Option<&Vec<u8>> = encoded.get_or_init(|| self.encode());
            encoded.cloned().unwrap_or_else(|| self.encode())
        }
    }

    /// The OTLP `Resource` message of the calling process: of each one that is forked it has the id
    /// and an instance id of its own, unless these were given.
    pub(super) fn encode(&self) -> Vec<u8> {
        let redacted = Value::from(REDACTED);
        let mut bytes = Vec::new();
        for (key, value) in &self.0 {
            match key.as_str() {
                key if is_denied_key(key) => append(&mut bytes, key, &redacted),
                detect::process::COMMAND_ARGS => {
                    let shown = detect::process::without_secrets(value);
                    append(&mut bytes, key, &shown);
                }
                key => append(&mut bytes, key, value),
            }
        }
        let given = |key: &str| self.0.iter().any(|(known, _)| known == key);
        if !given("service.instance.id") {
            append(&mut bytes, "service.instance.id", &random_uuid().into());
        }
        if !given("process.pid") {
            append(&mut bytes, "process.pid", &std::process::id().into());
        }
        bytes
    }
}

fn append(bytes: &mut Vec<u8>, key: &str, value: &Value<'_>) {
    const ATTRIBUTES: u8 = 1;
    let start = bytes.len();
    bytes.resize(start + attribute_len(key.as_bytes(), value, usize::MAX), 0);
    Writer::new(&mut bytes[start..]).attribute(ATTRIBUTES, key.as_bytes(), value, usize::MAX);
}

fn of_list(env: &Environment<'_>) -> Vec<(String, Value<'static>)> {
    let Some(list) = env.text(env::RESOURCE_ATTRIBUTES) else {
        return Vec::new();
    };
    let Some(pairs) = parse_pairs(&list) else {
        let expected = "expected a list such as key1=value1,key2=value2, percent-encoded";
        env.refuse(env::RESOURCE_ATTRIBUTES, expected);
        return Vec::new();
    };
    pairs
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect()
}

/// A version 4 UUID of the words with which std seeds its hash maps, which come from the system.
fn random_uuid() -> String {
    let word = || RandomState::new().build_hasher().finish();
    let id = u128::from(word()) << 64 | u128::from(word());
    let id = id & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{id:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::{super::testing::environment, *};
    use opentelemetry_proto::tonic::{common::v1::any_value, resource::v1::Resource as Decoded};
    use prost::Message as _;
    use std::collections::BTreeMap;

    fn resolved(
        variables: &[(&str, &str)],
        of_builder: &[(&str, &str)],
    ) -> BTreeMap<String, any_value::Value> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned().into());
        let env = environment(variables);
        let detectors = detect::detectors(None, &env);
        let resource = Resource::resolve(of_builder.iter().map(owned).collect(), detectors, &env);
        let decoded = Decoded::decode(resource.encode().as_slice()).unwrap();
        let count = decoded.attributes.len();
        let attributes: BTreeMap<_, _> = decoded
            .attributes
            .into_iter()
            .map(|pair| (pair.key, pair.value.unwrap().value.unwrap()))
            .collect();
        assert_eq!(attributes.len(), count, "a key is set twice");
        attributes
    }

    fn text(value: &str) -> any_value::Value {
        any_value::Value::StringValue(value.to_owned())
    }

    #[test]
    fn says_who_it_is_when_nothing_is_set() {
        let mut resource = resolved(&[], &[]);
        let Some(any_value::Value::StringValue(id)) = resource.remove("service.instance.id") else {
            panic!("no instance id");
        };
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
        let pid = any_value::Value::IntValue(std::process::id().into());
        let expected = [
            ("deployment.environment.name", text("development")),
            ("process.pid", pid),
            ("service.name", text("continuum")),
            ("service.namespace", text("ai-memory")),
            ("telemetry.sdk.language", text("rust")),
            ("telemetry.sdk.name", text("continuum-observability")),
            ("telemetry.sdk.version", text(env!("CARGO_PKG_VERSION"))),
        ];
        let expected = expected
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        assert_eq!(resource, expected);
    }

    #[test]
    fn each_instance_has_its_own_id() {
        assert_ne!(random_uuid(), random_uuid());
    }

    #[test]
    fn builder_wins_over_variable_over_list() {
        let list = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=list,service.version=1,host=a%20b",
        );
        let named = ("OTEL_SERVICE_NAME", "variable");
        let environment = ("CONTINUUM_ENV", "staging");
        let others = [
            ("OTEL_SERVICE_NAMESPACE", "memories"),
            ("OTEL_SERVICE_VERSION", "2"),
        ];
        assert_eq!(resolved(&[list], &[])["service.name"], text("list"));
        let resource = resolved(&[list, named, environment], &[]);
        assert_eq!(resource["service.name"], text("variable"));
        assert_eq!(resource["service.version"], text("1"));
        assert_eq!(resource["host"], text("a b"));
        assert_eq!(resource["deployment.environment.name"], text("staging"));
        let resource = resolved(&[list, others[0], others[1]], &[]);
        assert_eq!(resource["service.namespace"], text("memories"));
        assert_eq!(resource["service.version"], text("2"));
        let resource = resolved(
            &[list, named],
            &[("service.name", "builder"), ("host", "c")],
        );
        assert_eq!(resource["service.name"], text("builder"));
        assert_eq!(resource["host"], text("c"));
    }

    #[test]
    fn what_is_detected_gives_way_to_the_list_and_the_builder() {
        let detectors = ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "host,process,k8s");
        let pod = [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("POD_NAME", "a")];
        let detected = resolved(&[detectors, pod[0], pod[1]], &[]);
        assert_eq!(detected["k8s.pod.name"], text("a"));
        assert_eq!(detected["process.runtime.name"], text("rustc"));
        assert!(detected.contains_key("process.command_args"));
        let list = ("OTEL_RESOURCE_ATTRIBUTES", "os.type=cp%2Fm,k8s.pod.name=b");
        let named = [("k8s.pod.name", "c"), ("telemetry.sdk.language", "python")];
        let listed = resolved(&[detectors, pod[0], pod[1], list], &named);
        assert_eq!(listed["os.type"], text("cp/m"));
        assert_eq!(listed["k8s.pod.name"], text("c"));
        assert!(!listed.contains_key("process.runtime.name"));
        assert!(!resolved(&[pod[0], pod[1]], &[]).contains_key("k8s.pod.name"));
    }

    #[test]
    fn secrets_of_a_command_line_stay_home() {
        let resource = Resource(vec![(
            "process.command_args".to_owned(),
            vec!["app", "--api-key=hunter2", "https://joe:hunter2@a.example/"].into(),
        )]);
        let encoded = resource.encode();
        let text = String::from_utf8_lossy(&encoded);
        assert!(text.contains("--api-key=[redacted]"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn values_under_keys_of_secrets_stay_home() {
        let resource = resolved(
            &[("OTEL_RESOURCE_ATTRIBUTES", "db.password=hunter2")],
            &[("deploy.api_key", "hunter3")],
        );
        assert_eq!(resource["db.password"], text("[redacted]"));
        assert_eq!(resource["deploy.api_key"], text("[redacted]"));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_left_out_without_being_shown() {
        let env = environment(&[("OTEL_RESOURCE_ATTRIBUTES", "a=hunter2,oops")]);
        let resource = Resource::resolve(Vec::new(), Vec::new(), &env);
        assert!(!resource.0.iter().any(|(key, _)| key == "a"));
        assert_eq!(
            env.problems(),
            [
                "OTEL_RESOURCE_ATTRIBUTES: expected a list such as key1=value1,key2=value2, \
              percent-encoded"
            ]
        );
    }
}
