//! What a process can find out about itself: host, process, container, Kubernetes.
//!
//! Position: under [`super::resource`]; what is detected is the first to give way, to the defaults,
//! the environment and the builder.
//!
//! Invariants: no network, no other program; a file is read up to a limit; what is not there or cannot
//! be read is left out without a word; no text is longer than [`MAX_CHARS`].
//!
//! Source: OpenTelemetry specification, "Resource SDK", "Detecting resource information from the
//! environment"; semantic conventions, "Resource".

pub(super) mod container;
mod host;
mod kubernetes;
pub(super) mod process;

use super::{
    TelemetryBuilder,
    env::{self, Environment},
};
use crate::span::{Value, truncated};
use std::{fs::File, io::Read as _, path::Path};

/// Characters of a text that are kept.
const MAX_CHARS: usize = 1_024;
/// Bytes of a file that are looked at.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// A source of attributes that say where a process runs.
///
/// They are for [`TelemetryBuilder::resource_detectors`] and
/// `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`; `docs/configuration.md` lists their attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceDetector {
    /// The machine and its operating system: `host.name`, `host.arch`, `os.type` and others.
    Host,
    /// The program: `process.executable.name`, `process.command_args` without secrets and others.
    Process,
    /// The container, where the process runs in one: `container.id`.
    Container,
    /// The pod, where the process runs in one: `k8s.pod.name` and others, from variables.
    Kubernetes,
}

/// The names in the variable. `otel` is what other SDKs call what is always there.
const CHOICES: &[(&str, &[ResourceDetector])] = &[
    ("host", &[ResourceDetector::Host]),
    ("os", &[ResourceDetector::Host]),
    ("process", &[ResourceDetector::Process]),
    ("container", &[ResourceDetector::Container]),
    ("k8s", &[ResourceDetector::Kubernetes]),
    (
        "*",
        &[
            ResourceDetector::Host,
            ResourceDetector::Process,
            ResourceDetector::Container,
            ResourceDetector::Kubernetes,
        ],
    ),
    ("otel", &[]),
    ("none", &[]),
];

impl TelemetryBuilder {
    /// Adds what these detectors find to the resource, in place of those of
    /// `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`; none by default.
    ///
    /// What is given by [`resource_attribute`](Self::resource_attribute) or by the environment wins.
    ///
    /// ```
    /// use continuum_observability::{ExporterConfig, ResourceDetector, Telemetry};
    ///
    /// let telemetry = Telemetry::builder()
    ///     .exporter(ExporterConfig::None)
    ///     .resource_detectors([ResourceDetector::Host, ResourceDetector::Container])
    ///     .init()?;
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    pub fn resource_detectors(
        mut self,
        detectors: impl IntoIterator<Item = ResourceDetector>,
    ) -> Self {
        self.overrides.detectors = Some(detectors.into_iter().collect());
        self
    }
}

/// The builder's detectors, else those that the variable names.
pub(super) fn detectors(
    of_builder: Option<Vec<ResourceDetector>>,
    env: &Environment<'_>,
) -> Vec<ResourceDetector> {
    of_builder.unwrap_or_else(|| {
        let named = env.choices(env::RESOURCE_DETECTORS, CHOICES, |_| None);
        named.concat()
    })
}

/// What a detector found.
pub(super) type Detected = Vec<(&'static str, Value<'static>)>;

impl ResourceDetector {
    pub(super) fn detect(self, env: &Environment<'_>) -> Detected {
        match self {
            Self::Host => host::detect(env),
            Self::Process => process::detect(),
            Self::Container => container::detect(),
            Self::Kubernetes => kubernetes::detect(env),
        }
    }
}

/// Keeps what is there.
fn found<const N: usize>(attributes: [(&'static str, Option<String>); N]) -> Detected {
    attributes
        .into_iter()
        .filter_map(|(key, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some((key, Value::from(truncated(&text, MAX_CHARS).to_owned())))
        })
        .collect()
}

/// The beginning of a file as text, without the blanks around it.
fn read(path: impl AsRef<Path>) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::environment, *};

    #[test]
    fn detectors_are_named_in_a_list_and_the_builder_comes_first() {
        use ResourceDetector::{Container, Host, Kubernetes, Process};
        let rows: [(&str, &[ResourceDetector]); 5] = [
            ("", &[]),
            ("none", &[]),
            ("os,Process, otel", &[Host, Process]),
            ("k8s,container", &[Kubernetes, Container]),
            ("*", &[Host, Process, Container, Kubernetes]),
        ];
        for (list, expected) in rows {
            let variables = [("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", list)];
            let env = environment(&variables);
            assert_eq!(detectors(None, &env), expected, "{list}");
            assert_eq!(env.problems(), [""; 0]);
            assert_eq!(detectors(Some(vec![Process]), &env), [Process]);
        }
    }

    #[test]
    fn an_unknown_detector_is_named_and_the_others_are_used() {
        let variables = [("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "moon,container")];
        let env = environment(&variables);
        assert_eq!(detectors(None, &env), [ResourceDetector::Container]);
        assert_eq!(
            env.problems(),
            [
                "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS: expected one of host, os, process, container, \
              k8s, *, otel, none, not \"moon\""
            ]
        );
    }

    #[test]
    fn a_text_is_cut_and_an_empty_one_left_out() {
        let found = found([
            ("a", Some("ä".repeat(MAX_CHARS + 1))),
            ("b", Some(String::new())),
            ("c", None),
        ]);
        assert_eq!(found, [("a", Value::from("ä".repeat(MAX_CHARS)))]);
    }

    #[test]
    fn a_file_is_read_up_to_a_limit_and_need_not_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        std::fs::write(&path, vec![b'x'; 100 << 10]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 64 << 10);
        assert_eq!(read(dir.path().join("missing")), None);
        assert_eq!(read(dir.path()), None);
    }
}
