//! What one check of the doctor says.
//!
//! Invariant: what is not fine has a remedy.

use std::fmt;

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// What the environment says can be used.
    Settings,
    /// The host has an address.
    Address,
    /// Something listens there.
    Connection,
    /// It speaks what we speak.
    Protocol,
    /// The connection is encrypted as the endpoint says.
    Tls,
    /// It takes our credentials.
    Authorization,
    /// It takes a span.
    Delivery,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 7] = [
        Self::Settings,
        Self::Address,
        Self::Connection,
        Self::Protocol,
        Self::Tls,
        Self::Authorization,
        Self::Delivery,
    ];

    /// The name for people and scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Address => "address",
            Self::Connection => "connection",
            Self::Protocol => "protocol",
            Self::Tls => "tls",
            Self::Authorization => "authorization",
            Self::Delivery => "delivery",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Fine,
    /// Spans arrive, but something should be looked at.
    Warning,
    /// Spans do not arrive because of this.
    Failed,
    /// Not found out, since an earlier check failed.
    Skipped,
}

impl Outcome {
    /// The name for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn fine(check: Check, detail: impl Into<String>) -> Self {
        Self {
            check,
            outcome: Outcome::Fine,
            detail: detail.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(
        check: Check,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Warning,
            remedy: Some(remedy.into()),
            ..Self::fine(check, detail)
        }
    }

    pub(super) fn failed(
        check: Check,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Failed,
            ..Self::warning(check, detail, remedy)
        }
    }

    pub(super) fn skipped(check: Check) -> Self {
        Self {
            outcome: Outcome::Skipped,
            ..Self::fine(check, "not tried")
        }
    }
}
