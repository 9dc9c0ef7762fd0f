//! Why spans did not get out, in one line that names the place and the remedy.
//!
//! Position: returned by every exporter, logged once by the export thread, never seen by the code
//! that is traced.
//!
//! Invariant: no text holds a header value or the password of an endpoint.

use std::{error::Error, fmt, io, time::Duration};

use super::DecodeError;

/// Why a request was not, or not completely, delivered.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// The endpoint, a header or a proxy cannot be used at all.
    ///
    /// Final: nothing will be delivered until the configuration is corrected.
    Config {
        /// The offending setting, such as `endpoint`.
        setting: &'static str,
        /// What is wrong with it and what it should look like.
        reason: String,
    },
    /// No connection, or it broke before an answer came.
    ///
    /// The request may have arrived nevertheless. A retry may help and the attempts allowed are
    /// spent. If frequent, check that the collector runs and that the endpoint is right.
    Connection {
        /// Where the request was sent.
        endpoint: String,
        /// What the network said, with a remedy where one is known.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The other side did not answer in the exporter's protocol.
    ///
    /// Final: the endpoint is most likely another kind of receiver.
    Protocol {
        /// Where the request was sent.
        endpoint: String,
        /// What was wrong, with a remedy where one is known.
        reason: String,
    },
    /// An encrypted connection could not be agreed: a certificate is not trusted, or was asked for.
    ///
    /// Final: correct the certificates, or the scheme of the endpoint.
    Tls {
        /// Where the request was sent.
        endpoint: String,
        /// What was wrong, with a remedy where one is known.
        reason: String,
    },
    /// The collector answered over gRPC with a status that is not a success.
    ///
    /// A retry may help where [`is_retryable`](Self::is_retryable) says so, and the attempts allowed
    /// are spent; every other status is final.
    Rpc {
        /// Where the request was sent.
        endpoint: String,
        /// The gRPC status code, such as 14, *unavailable*.
        code: u32,
        /// What the collector said, with a remedy where one is known.
        reason: String,
        /// How often it was tried.
        attempts: u32,
        /// How long the collector asked to wait, where it did.
        retry_after: Option<Duration>,
    },
    /// The collector answered with an HTTP status that is not a success.
    ///
    /// A retry may help for 429, 502, 503 and 504, where the attempts allowed are spent; every
    /// other status is final.
    Status {
        /// Where the request was sent.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What the collector said, with a remedy where one is known.
        reason: String,
        /// How often it was tried.
        attempts: u32,
        /// How long the collector asked to wait, where it did.
        retry_after: Option<Duration>,
    },
    /// The deadline passed before an attempt could be finished.
    ///
    /// The request may have arrived nevertheless. If frequent, raise the export timeout or look at
    /// the collector's load.
    Deadline {
        /// Where the request was sent.
        endpoint: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The terminal or file did not take the bytes.
    ///
    /// A retry may help once there is space or permission again.
    Write {
        /// The file, or the name of the stream.
        target: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The request is not valid OTLP; a defect of whoever encoded it.
    Decode(DecodeError),
    /// An exporter from elsewhere failed.
    ///
    /// Whether a retry helps is not known.
    Other {
        /// What it said.
        reason: String,
    },
    /// Some of several exporters failed; the others delivered the request.
    ///
    /// Look at each failure by itself.
    Several {
        /// The name of each exporter that failed, with its error.
        failures: Vec<(&'static str, Self)>,
        /// How many exporters there are.
        of: usize,
    },
}

impl ExportError {
    /// Whether the same request could succeed at a later time.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Deadline { .. } | Self::Write { .. } => true,
            Self::Status { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            // *Resource exhausted* may be a quota for good, unless the other side says when it ends.
            Self::Rpc {
                code, retry_after, ..
            } => matches!(code, 1 | 4 | 10 | 11 | 14 | 15) || (*code == 8 && retry_after.is_some()),
            Self::Several { failures, .. } => {
                failures.iter().any(|(_, error)| error.is_retryable())
            }
            Self::Config { .. }
            | Self::Protocol { .. }
            | Self::Tls { .. }
            | Self::Decode(_)
            | Self::Other { .. } => false,
        }
    }
}

#[cfg(feature = "_network")]
impl ExportError {
    /// How long the other side asked to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Rpc { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error of the last attempt, with the number of attempts.
    pub(super) fn after(mut self, count: u32) -> Self {
        if let Self::Connection { attempts, .. }
        | Self::Status { attempts, .. }
        | Self::Rpc { attempts, .. }
        | Self::Deadline { attempts, .. } = &mut self
        {
            *attempts = count;
        }
        self
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { setting, reason } => write!(f, "invalid {setting}: {reason}"),
            Self::Connection {
                endpoint,
                reason,
                attempts,
            } => {
                write!(
                    f,
                    "no connection after {}: {reason} [{endpoint}]",
                    Attempts(*attempts)
                )
            }
            Self::Protocol { endpoint, reason } => {
                write!(f, "not a receiver for this exporter: {reason} [{endpoint}]")
            }
            Self::Tls { endpoint, reason } => write!(f, "no TLS: {reason} [{endpoint}]"),
            Self::Rpc {
                endpoint,
                code,
                reason,
                attempts,
                ..
            } => {
                let attempts = Attempts(*attempts);
                write!(
                    f,
                    "answered {} after {attempts}: {reason} [{endpoint}]",
                    Code(*code)
                )
            }
            Self::Status {
                endpoint,
                status,
                reason,
                attempts,
                ..
            } => {
                write!(
                    f,
                    "answered {status} after {}: {reason} [{endpoint}]",
                    Attempts(*attempts)
                )
            }
            Self::Deadline { endpoint, attempts } => write!(
                f,
                "no answer before the deadline after {}; \
                 raise the export timeout or check the collector [{endpoint}]",
                Attempts(*attempts)
            ),
            Self::Write { target, source } => {
                write!(
                    f,
                    "cannot write spans: {source}; check space and permissions [{target}]"
                )
            }
            Self::Decode(error) => write!(f, "cannot decode the request: {error}"),
            Self::Other { reason } => f.write_str(reason),
            Self::Several { failures, of } => {
                write!(f, "by {} of {of} exporters", failures.len())?;
                failures
                    .iter()
                    .try_for_each(|(name, error)| write!(f, "; {name}: {error}"))
            }
        }
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Write { source, .. } => Some(source),
            Self::Decode(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DecodeError> for ExportError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attempt{}",
            self.0,
            if self.0 == 1 { "" } else { "s" }
        )
    }
}

/// A gRPC status code by its name in the specification of gRPC.
struct Code(u32);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 17] = [
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "gRPC status {}", self.0),
        }
    }
}
