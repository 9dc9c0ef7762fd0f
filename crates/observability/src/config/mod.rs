//! Setting telemetry up: the program's wishes over the environment's over the defaults.
//!
//! Position: the first thing a program calls; makes the recorder and its exporter.
//!
//! [`TelemetryBuilder`] collects what the program says, `env` reads the variables, `settings`
//! decides, and [`Telemetry`] is the guard over what runs. `docs/configuration.md` is the table of
//! all variables.

mod builder;
mod choice;
#[cfg(feature = "opentelemetry_0_33")]
mod component;
#[cfg(feature = "console")]
mod console;
mod detect;
mod env;
mod error;
mod exporter;
#[cfg(feature = "config-file")]
mod file;
mod flush;
mod forgotten;
mod naming;
mod opening;
#[cfg(feature = "_otlp")]
mod otlp;
mod pairs;
mod panic;
mod propagation;
mod resource;
mod sampler;
mod secret;
mod settings;
mod signal;
mod telemetry;
#[cfg(feature = "zipkin")]
mod zipkin;

#[cfg(test)]
mod document;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

#[cfg(feature = "_otlp")]
pub use otlp::ResolvedOtlp;
pub use {
    builder::TelemetryBuilder,
    choice::{ExporterConfig, OtlpConfig},
    detect::ResourceDetector,
    error::{ConfigError, FlushError, Problem},
    flush::{Flush, Shutdown, Snapshot},
    telemetry::{Telemetry, TelemetryHandle, init_telemetry},
};

#[cfg(feature = "_fuzzing")]
pub(crate) use {file::problems_of as problems_of_file, pairs::parse_pairs, settings::problems_of};

pub(crate) use crate::span::redaction::{self, is_denied_key};
pub(crate) use env::process_variables;
