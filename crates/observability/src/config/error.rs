//! Why telemetry could not be set up, or not be delivered in time.
//!
//! Position: returned by `init_telemetry`, the builder, `force_flush` and `shutdown`.
//!
//! Invariant: no text here holds the value of a header or of a resource attribute.

use std::{fmt, time::Duration};

/// One setting that cannot be used, and what would be usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    setting: String,
    reason: String,
}

impl Problem {
    pub(super) fn new(setting: &str, reason: impl Into<String>) -> Self {
        Self {
            setting: setting.to_owned(),
            reason: reason.into(),
        }
    }

    /// The variable, or the method of the builder, that the value came from.
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.reason)
    }
}

/// Telemetry was not set up; nothing was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Values that cannot be used: given to the builder, or in the environment while checks are
    /// strict (`CONTINUUM_STRICT_CONFIG=true`). Final: correct the named settings.
    Invalid(Vec<Problem>),
    /// Another [`Telemetry`](super::Telemetry) of this process is active. Keep one guard for the
    /// life of the program; call its `shutdown` before setting telemetry up anew.
    AlreadyActive,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::AlreadyActive => f.write_str(
                "telemetry is already active in this process: keep the first guard, or call its \
                 shutdown() before setting telemetry up anew",
            ),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Not everything that was recorded has been delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The deadline passed first. Delivery may still complete; the counts in
    /// [`stats`](super::TelemetryHandle::stats) tell.
    TimedOut {
        /// How long was waited.
        timeout: Duration,
    },
    /// The exporter lost or was refused spans; they are counted and not offered again. The reason
    /// was written to standard error.
    SpansLost,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { timeout } => write!(f, "not all spans were delivered in {timeout:?}"),
            Self::SpansLost => f.write_str("some spans were lost on export"),
        }
    }
}

impl std::error::Error for FlushError {}
