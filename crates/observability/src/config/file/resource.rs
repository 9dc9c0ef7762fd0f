//! `resource`: attributes, and what is to be detected.
//!
//! Source: opentelemetry-configuration, `Resource`.

use super::{
    Told,
    map::{Map, Only},
    node::{Content, Node},
};
use crate::{
    config::{
        detect::ResourceDetector,
        env::{self, Environment},
        pairs::parse_pairs,
    },
    span::Value,
};

const DETECTORS: [(&str, ResourceDetector); 4] = [
    ("host", ResourceDetector::Host),
    ("process", ResourceDetector::Process),
    ("container", ResourceDetector::Container),
    ("k8s", ResourceDetector::Kubernetes),
];
const CHOICES: &str = "there is no such detector here, but service, host, process, container, k8s";

pub(super) fn read(root: &Map<'_>, env: &Environment<'_>, told: &mut Told) {
    let mut detectors = Vec::new();
    if let Some(resource) = root.map("resource") {
        if let Some(detection) = resource.map("detection/development") {
            read_detection(&detection, env, told, &mut detectors);
            detection.finish();
        }
        let list = resource.text("attributes_list").unwrap_or_default();
        match parse_pairs(&list) {
            Some(pairs) if pairs.iter().any(|(key, value)| has_no_name(key, value)) => {
                resource.wrong(
                    "attributes_list",
                    "names and a service.name that are not empty",
                );
            }
            Some(pairs) => {
                let pairs = pairs.into_iter().map(|(key, value)| (key, value.into()));
                told.overrides.resource.extend(pairs);
            }
            None => resource.wrong("attributes_list", "a list such as key1=value1,key2=value2"),
        }
        for attribute in resource.maps("attributes") {
            told.overrides.resource.extend(read_attribute(&attribute));
            attribute.finish();
        }
        resource.unsupported("schema_url", "the resource has no schema");
        resource.finish();
    }
    told.overrides.detectors = Some(detectors);
}

fn read_detection(
    detection: &Map<'_>,
    env: &Environment<'_>,
    told: &mut Told,
    detectors: &mut Vec<ResourceDetector>,
) {
    for detector in detection.maps("detectors") {
        let Some(Only { name, settings }) = detector.only() else {
            continue;
        };
        if let Some((_, known)) = DETECTORS.iter().find(|(known, _)| *known == name) {
            detectors.push(*known);
        } else if name == "service" {
            let named = env
                .any(env::SERVICE_NAME.name())
                .filter(|name| !name.is_empty());
            let name = named.map(|name| ("service.name".to_owned(), name.into()));
            told.overrides.resource.extend(name);
        } else {
            settings.error(CHOICES);
            continue;
        }
        settings.finish();
    }
    let filter = "all that a detector finds is added";
    detection.unsupported("attributes", filter);
}

/// An attribute, unless it has no value.
fn read_attribute(attribute: &Map<'_>) -> Option<(String, Value<'static>)> {
    let name = attribute.required_text("name");
    let kind = attribute
        .text("type")
        .unwrap_or_else(|| "string".to_owned());
    let node = attribute.value("value")?;
    let value = match kind.strip_suffix("_array") {
        Some(kind) => list(node, kind),
        None => scalar(node, &kind),
    };
    if value.is_none() {
        attribute.wrong(
            "value",
            "a value of the type that is said, string where nothing is said",
        );
    }
    let (name, value) = (name?, value?);
    if name.is_empty() {
        attribute.wrong("name", "a name that is not empty");
        return None;
    }
    if matches!(&value, Value::Str(text) if has_no_name(&name, text)) {
        attribute.wrong("value", "a name that is not empty");
        return None;
    }
    Some((name, value))
}

/// Whether the attribute has no name, or is to name the service and does not.
fn has_no_name(key: &str, value: &str) -> bool {
    key.is_empty() || (key == "service.name" && value.is_empty())
}

fn list(node: &Node, kind: &str) -> Option<Value<'static>> {
    let Content::List(items) = &node.content else {
        return None;
    };
    let values: Option<Vec<_>> = items.iter().map(|item| scalar(item, kind)).collect();
    values.map(Value::Array)
}

fn scalar(node: &Node, kind: &str) -> Option<Value<'static>> {
    Some(match (kind, &node.content) {
        ("string", Content::Text(text)) => text.clone().into(),
        ("bool", Content::Bool(flag)) => (*flag).into(),
        ("int", Content::Int(number)) => (*number).into(),
        ("double", Content::Float(number)) => (*number).into(),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number of a file is written by hand"
        )]
        ("double", Content::Int(number)) => (*number as f64).into(),
        _ => return None,
    })
}
