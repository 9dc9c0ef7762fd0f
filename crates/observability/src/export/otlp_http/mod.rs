//! OTLP over HTTP with protobuf bodies: the default way out.
//!
//! Position: [`EncodedRequest`] → **this** → a collector. The client is `ureq`: it blocks, which is
//! right for a thread of its own, needs no async runtime in the user's process, and brings rustls
//! with ring in a small tree.
//!
//! Invariants:
//! - the body goes from the borrowed slice to the socket;
//! - no thread is started: a *global* timeout would make `ureq` resolve names on a new thread for
//!   every request, and so would a timeout of its resolver. Each later phase (connect, send,
//!   answer) gets the time that is left at the start of the attempt instead. A peer that stalls
//!   in one phase is cut off at the deadline; only one that is slow in several phases can
//!   stretch the last attempt beyond it, and the lookup of a name takes what the system allows;
//! - no attempt begins, and no wait ends, after the deadline;
//! - redirects are not followed: headers with credentials stay with the endpoint they are for.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP".

mod answer;
mod config;
mod retry;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

pub use self::{config::OtlpHttpConfig, retry::RetryPolicy};

use std::{
    fmt, io,
    time::{Duration, Instant},
};

use ureq::{
    Agent,
    http::{self, HeaderName, HeaderValue, Uri},
};

use self::answer::Refusal;
use super::{EncodedRequest, ExportError, Exported, Exporter, Pause, escape};

/// Sends requests to an OTLP/HTTP receiver over one connection that is kept open.
///
/// Attempts that may succeed later (no connection, 429, 502, 503, 504) are repeated as
/// [`RetryPolicy`] says, at least as late as the receiver's `Retry-After`, never past the deadline.
///
/// # Examples
///
/// ```no_run
/// use continuum_observability::{OtlpHttpConfig, OtlpHttpExporter};
///
/// let config = OtlpHttpConfig::new("http://localhost:4318/v1/traces");
/// let exporter = OtlpHttpExporter::new(config)?;
/// # Ok::<(), continuum_observability::ExportError>(())
/// ```
///
/// Spec: OTLP 1.x, "OTLP/HTTP".
pub struct OtlpHttpExporter {
    agent: Agent,
    endpoint: Uri,
    shown_endpoint: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    retry: RetryPolicy,
    pause: Pause,
}

impl OtlpHttpExporter {
    /// Checks the configuration; connects only when there is something to send.
    ///
    /// # Errors
    ///
    /// [`ExportError::Config`] when endpoint, a header or the proxy cannot be used.
    pub fn new(config: OtlpHttpConfig) -> Result<Self, ExportError> {
        let (endpoint, headers) = (config.checked_endpoint()?, config.checked_headers()?);
        Ok(Self {
            agent: config.agent()?,
            endpoint,
            shown_endpoint: config::without_credentials(&config.endpoint),
            headers,
            retry: config.retry,
            pause: config.pause,
        })
    }

    fn attempt(&self, body: &[u8], remaining: Duration) -> Result<Exported, Failure> {
        let mut request = self
            .agent
            .post(&self.endpoint)
            .config()
            .timeout_connect(Some(remaining))
            .timeout_send_request(Some(remaining))
            .timeout_send_body(Some(remaining))
            .timeout_recv_response(Some(remaining))
            .timeout_recv_body(Some(remaining))
            .build();
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.iter().cloned());
            let content_type = HeaderValue::from_static("application/x-protobuf");
            headers.insert(http::header::CONTENT_TYPE, content_type);
        }
        let response = request.send(body).map_err(Failure::Transport)?;
        answer::read(response).map_err(Failure::Refused)
    }

    fn error(&self, failure: Failure, attempts: u32) -> ExportError {
        let endpoint = self.shown_endpoint.clone();
        match failure {
            Failure::Refused(Refusal {
                status,
                reason,
                retry_after,
            }) => {
                let reason = self.with_hint(reason);
                ExportError::Status {
                    endpoint,
                    status,
                    reason,
                    attempts,
                    retry_after,
                }
            }
            Failure::Transport(ureq::Error::Timeout(_)) => {
                ExportError::Deadline { endpoint, attempts }
            }
            Failure::Transport(error) => {
                let retryable = is_connection_error(&error);
                let reason = self.with_hint(escape::line(&error.to_string(), 200));
                if retryable {
                    ExportError::Connection {
                        endpoint,
                        reason,
                        attempts,
                    }
                } else {
                    ExportError::Protocol { endpoint, reason }
                }
            }
        }
    }

    /// The commonest mistake has a port of its own.
    fn with_hint(&self, reason: String) -> String {
        if self.endpoint.port_u16() == Some(4317) {
            format!("{reason}; 4317 is the gRPC port, use 4318 for HTTP")
        } else {
            reason
        }
    }
}

impl Exporter for OtlpHttpExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let mut attempts = 0;
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                let endpoint = self.shown_endpoint.clone();
                return Err(ExportError::Deadline { endpoint, attempts });
            }
            attempts += 1;
            let failure = match self.attempt(request.bytes(), remaining) {
                Ok(exported) => return Ok(exported),
                Err(failure) => failure,
            };
            let wait = self.retry.backoff(attempts, failure.retry_after());
            let in_time = wait < deadline.saturating_duration_since(Instant::now());
            let allowed = failure.may_be_retried() && attempts < self.retry.max_attempts;
            if !(allowed && in_time && (self.pause)(wait)) {
                return Err(self.error(failure, attempts));
            }
        }
    }

    fn name(&self) -> &'static str {
        "otlp-http"
    }
}

impl fmt::Debug for OtlpHttpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpHttpExporter")
            .field("endpoint", &self.shown_endpoint)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Why one attempt failed.
enum Failure {
    Refused(Refusal),
    Transport(ureq::Error),
}

impl Failure {
    fn may_be_retried(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.may_be_retried(),
            Self::Transport(error) => is_connection_error(error),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Transport(_) => None,
        }
    }
}

/// Whether the network failed, rather than the other side speaking something else.
fn is_connection_error(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
        ureq::Error::Timeout(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        _ => false,
    }
}
