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
    /// The other side did not answer in HTTP, or TLS could not be agreed.
    ///
    /// Final: the endpoint is most likely not an OTLP/HTTP receiver.
    Protocol {
        /// Where the request was sent.
        endpoint: String,
        /// What was wrong, with a remedy where one is known.
        reason: String,
    },
    /// The collector answered with a status that is not a success.
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
}

impl ExportError {
    /// Whether the same request could succeed at a later time.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Deadline { .. } | Self::Write { .. } => true,
            Self::Status { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            Self::Config { .. } | Self::Protocol { .. } | Self::Decode(_) => false,
        }
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
                write!(f, "not an OTLP/HTTP receiver: {reason} [{endpoint}]")
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
