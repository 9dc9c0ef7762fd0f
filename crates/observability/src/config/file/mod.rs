//! `OTEL_CONFIG_FILE`: settings from a file of OpenTelemetry's declarative configuration.
//!
//! Position: between the builder and the environment. `node` reads YAML and `substitute` what it takes
//! from the environment; `map` hands out keys; the others give them a meaning, as what a builder says.
//!
//! Invariants:
//! - a file that breaks the schema is an error, with every fault at its line and column; what the schema
//!   has and this recorder has not is a problem like one of the environment;
//! - no header and no attribute of the file is part of a message: it may be a secret;
//! - with a file no variable counts, except those that it names and those that it cannot replace.
//!
//! Source: OpenTelemetry specification, "Declarative configuration"; opentelemetry-configuration 1.1.

mod exporter;
mod map;
mod node;
mod provider;
mod resource;
mod sampler;
mod substitute;
#[cfg(test)]
mod tests;

use super::{
    env::{self, Environment},
    settings::Overrides,
};
use crate::{ExporterConfig, PropagationFormat};
use map::{Map, Report};
use std::{fs::File, io::Read as _, path::Path};

/// A longer file is none of settings.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The newest schema whose keys are known.
const MINOR_VERSION: u32 = 1;

/// What the file says, in the words of the builder, and of the environment where that has no word.
#[derive(Debug, Default)]
struct Told {
    overrides: Overrides,
    variables: Vec<(&'static str, String)>,
}

/// Completes what the program said by the file that the environment names; the environment then says
/// no more than the file takes from it.
pub(super) fn apply(overrides: &mut Overrides, env: &mut Environment<'_>) {
    let Some(path) = env.text(env::CONFIG_FILE) else {
        return;
    };
    complete(overrides, env, &path, read(Path::new(&path)));
}

/// The same with what is in the file, or why it cannot be read.
fn complete(
    overrides: &mut Overrides,
    env: &mut Environment<'_>,
    path: &str,
    text: Result<String, String>,
) {
    let report = Report::new(path);
    let told = match text {
        Ok(text) => told(&text, &report, env),
        Err(reason) => {
            report.whole_file(reason);
            Told::default()
        }
    };
    let processors = report.processors();
    let (errors, unsupported) = report.into_problems();
    for problem in errors {
        env.refuse_file(problem);
    }
    for problem in unsupported {
        env.add(problem);
    }
    if overrides.exporters.is_empty() {
        env.exporters_are_of(processors);
    }
    overrides.complete(told.overrides);
    env.hide_behind(told.variables);
}

/// What is wrong with a file, given by its name and what is in it, where the environment has one variable.
#[cfg(feature = "_fuzzing")]
pub(crate) fn problems_of(path: &str, text: &str, variable: (&str, &str)) -> Vec<super::Problem> {
    let (name, value) = variable;
    let mut env = Environment::new(|asked| (asked == name).then(|| value.to_owned()));
    let mut overrides = Overrides::default();
    complete(&mut overrides, &mut env, path, Ok(text.to_owned()));
    let _settings = super::settings::Settings::resolve(overrides, &env);
    env.into_problems()
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err("expected a file of at most 1 MiB".to_owned());
    }
    Ok(text)
}

fn told(text: &str, report: &Report, env: &Environment<'_>) -> Told {
    let mut told = Told::default();
    let root = match node::load(text, &|name| env.any(name)) {
        Ok(root) => root,
        Err(fault) => {
            report.error(fault.place, fault.reason);
            return told;
        }
    };
    let Some(root) = Map::of(&root, String::new(), report) else {
        return told;
    };
    read_version(&root);
    if root.flag("disabled") == Some(true) {
        told.variables
            .push((env::SDK_DISABLED.name(), "true".to_owned()));
    }
    read_log_level(&root, &mut told);
    read_propagator(&root, &mut told);
    resource::read(&root, env, &mut told);
    provider::read(&root, &mut told);
    for key in ["meter_provider", "logger_provider"] {
        root.unsupported(key, "metrics and logs are not set up by this recorder");
    }
    for key in ["instrumentation/development", "distribution"] {
        root.unsupported(key, "nothing of it has a meaning here");
    }
    root.finish_open();
    told
}

fn read_version(root: &Map<'_>) {
    let Some(version) = root.required_text("file_format") else {
        return;
    };
    let stable = version.split('-').next().unwrap_or_default();
    let mut numbers = stable.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(1)), Some(Ok(minor))) if minor > MINOR_VERSION => {
            let reason = format!("what is newer than 1.{MINOR_VERSION} is not understood");
            root.not_here("file_format", reason);
        }
        (Some(Ok(1)), Some(Ok(_))) => {}
        _ => root.wrong("file_format", "a version from \"1.0\" on, below 2"),
    }
}

fn read_log_level(root: &Map<'_>, told: &mut Told) {
    const LEVELS: [(&str, &str); 6] = [
        ("trace", "debug"),
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warn"),
        ("error", "error"),
        ("fatal", "error"),
    ];
    let Some(level) = root.text("log_level") else {
        return;
    };
    let name = level.trim_end_matches(['2', '3', '4']);
    match LEVELS.iter().find(|(known, _)| *known == name) {
        Some((_, ours)) => told
            .variables
            .push((env::LOG_LEVEL.name(), (*ours).to_owned())),
        None => root.wrong("log_level", "trace, debug, info, warn, error or fatal"),
    }
}

/// Without formats nothing is written or read, as the schema says.
fn read_propagator(root: &Map<'_>, told: &mut Told) {
    let mut formats = Vec::new();
    let mut names: Vec<String> = Vec::new();
    if let Some(propagator) = root.map("propagator") {
        for format in propagator.maps("composite") {
            if let Some(only) = format.only() {
                names.push(only.name.to_owned());
                formats.extend(format_named(&format, only.name));
                only.settings.finish();
            }
        }
        let list = propagator.text("composite_list").unwrap_or_default();
        for name in list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if !names.iter().any(|known| known == name) && name != "none" {
                names.push(name.to_owned());
                formats.extend(format_named(&propagator, name));
            }
        }
        propagator.finish();
    }
    told.overrides.propagation.set_formats(formats);
}

fn format_named(map: &Map<'_>, name: &str) -> Option<PropagationFormat> {
    let found = super::propagation::format(name);
    if found.is_none() {
        let reason = format!(
            "there is no such propagator here, but {}",
            super::propagation::FORMATS
        );
        map.report.error(map.place, reason);
    }
    found
}

/// An exporter that takes nothing, for a file whose exporters are not to be had here.
fn nowhere() -> ExporterConfig {
    ExporterConfig::None
}
