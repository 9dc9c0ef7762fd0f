//! One HTTP/1.1 request with a body, and what its answer means.
//!
//! Position: under the exporters that speak HTTP. The client is `ureq`: it blocks, which is right for
//! a thread of its own, needs no async runtime in the user's process, and brings rustls with ring
//! in a small tree.
//!
//! Invariants:
//! - the body goes from the borrowed slice to the socket, unless it is compressed;
//! - no thread is started: a *global* timeout would make `ureq` resolve names on a new thread for
//!   every request, and so would a timeout of its resolver. Each later phase (connect, send,
//!   answer) gets the time that is left at the start of the attempt instead. A peer that stalls
//!   in one phase is cut off at the deadline; only one that is slow in several phases can
//!   stretch the last attempt beyond it, and the lookup of a name takes what the system allows;
//! - at most [`MAX_BODY_BYTES`] of an answer are read;
//! - redirects are not followed: headers with credentials stay with the endpoint they are for.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP Response"; RFC 9110.

use super::{
    super::{ExportError, Pause, escape},
    Compression, EndpointConfig, RetryPolicy,
    connect::{UNKNOWN_HOST, without_connection},
    endpoint::USER_AGENT,
    retry::retry_after,
    tls,
};
use http::{HeaderName, HeaderValue, Response, Uri, header};
use std::{
    fmt,
    io::{self, Read as _},
    time::{Duration, Instant},
};
use ureq::{Agent, Body, Proxy};

const MAX_BODY_BYTES: u64 = 64 * 1024;
const MAX_MESSAGE_CHARS: usize = 200;

/// Reads what the other side says about a refusal, from the type and the bytes of its body.
type Explain = fn(&str, &[u8]) -> String;

/// Sends bodies of one kind to one endpoint, over one connection that is kept open.
pub(in super::super) struct Post {
    agent: Agent,
    endpoint: Uri,
    shown_endpoint: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    compression: Compression,
    retry: RetryPolicy,
    pause: Pause,
    content_type: HeaderValue,
    explain: Explain,
}

impl Post {
    /// Checks the configuration; connects only when there is something to send.
    pub(in super::super) fn new(
        config: EndpointConfig,
        example: &str,
        content_type: &'static str,
        explain: Explain,
    ) -> Result<Self, ExportError> {
        let (endpoint, headers) = (config.checked_endpoint(example)?, config.checked_headers()?);
        config.compression.check()?;
        Ok(Self {
            agent: agent(&config)?,
            endpoint,
            shown_endpoint: config.shown(),
            headers,
            compression: config.compression,
            retry: config.retry,
            pause: config.pause,
            content_type: HeaderValue::from_static(content_type),
            explain,
        })
    }

    /// The endpoint without its secrets.
    pub(in super::super) fn shown_endpoint(&self) -> &str {
        &self.shown_endpoint
    }

    /// Sends `body`, again where that may help; returns the body of the answer.
    pub(in super::super) fn send(
        &self,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, ExportError> {
        let compressed: Option<Vec<u8>> = match self.compression {
            #[cfg(feature = "gzip")]
            Compression::Gzip => Some(super::compression::gzip(body, Vec::new())),
            _ => None,
        };
        let body = compressed.as_deref().unwrap_or(body);
        let attempt = |remaining| self.attempt(body, remaining);
        self.retry
            .run(&self.pause, &self.shown_endpoint, deadline, attempt)
    }

    fn attempt(&self, body: &[u8], remaining: Duration) -> Result<Vec<u8>, ExportError> {
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
            headers.insert(header::CONTENT_TYPE, self.content_type.clone());
            if let Some(encoding) = self.compression.encoding() {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
        }
        let response = request
            .send(body)
            .map_err(|error| self.transport_error(error))?;
        self.read(response)
    }

    /// Sorts an answer into success and refusal.
    fn read(&self, mut response: Response<Body>) -> Result<Vec<u8>, ExportError> {
        let body = read_body(response.body_mut());
        if response.status().is_success() {
            return Ok(body);
        }
        let field = |name| {
            let value = response.headers().get(name);
            value.and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let status = response.status().as_u16();
        let said = match field(header::LOCATION) {
            Some(location) => location.to_owned(),
            None => (self.explain)(field(header::CONTENT_TYPE).unwrap_or_default(), &body),
        };
        Err(ExportError::Status {
            endpoint: self.shown_endpoint.clone(),
            status,
            reason: self.with_hint(with_remedy(status, said.trim())),
            attempts: 0,
            retry_after: field(header::RETRY_AFTER)
                .and_then(|value| retry_after(value, field(header::DATE))),
        })
    }

    fn transport_error(&self, error: ureq::Error) -> ExportError {
        let endpoint = self.shown_endpoint.clone();
        let attempts = 0;
        let tls = match &error {
            ureq::Error::Io(error) => tls::refusal(error),
            ureq::Error::Rustls(error) => Some(tls::reason(error)),
            _ => None,
        };
        if let Some(reason) = tls {
            return ExportError::Tls { endpoint, reason };
        }
        let reason = match &error {
            ureq::Error::Io(error) => without_connection(error),
            ureq::Error::HostNotFound => Some(UNKNOWN_HOST.to_owned()),
            _ => None,
        };
        let said = reason.unwrap_or_else(|| escape::line(&error.to_string(), MAX_MESSAGE_CHARS));
        let reason = self.with_hint(said);
        match error {
            ureq::Error::Timeout(_) => ExportError::Deadline { endpoint, attempts },
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                ExportError::Protocol { endpoint, reason }
            }
            ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
                ExportError::Connection {
                    endpoint,
                    reason,
                    attempts,
                }
            }
            _ => ExportError::Protocol { endpoint, reason },
        }
    }

    /// The commonest mistake has a port of its own.
    pub(in super::super) fn with_hint(&self, reason: String) -> String {
        if self.endpoint.port_u16() == Some(4317) {
            format!("{reason}; 4317 is the gRPC port, use 4318 for HTTP")
        } else {
            reason
        }
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("endpoint", &self.shown_endpoint)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// One connection is enough for one export thread.
pub(crate) fn agent(config: &EndpointConfig) -> Result<Agent, ExportError> {
    let proxy = config.proxy.as_deref().map(Proxy::new).transpose();
    let proxy = proxy.map_err(|_invalid| ExportError::Config {
        setting: "proxy",
        reason: "expected a URL such as http://proxy:3128".into(),
    })?;
    let tls = config.tls.read()?.http1_client();
    let tls = tls.map_err(|error| ExportError::Config {
        setting: "client_key",
        reason: error.to_string(),
    })?;
    let config = Agent::config_builder()
        .proxy(proxy)
        .tls_config(tls)
        .user_agent(USER_AGENT)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .max_idle_age(Duration::from_mins(1))
        .build();
    Ok(config.new_agent())
}

/// Reads to the end where it can, since only then the connection is kept; a body that breaks off
/// does not change what the status said.
fn read_body(body: &mut Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    let limit = MAX_BODY_BYTES;
    let _read_as_far_as_possible = body
        .as_reader()
        .take(limit)
        .read_to_end(&mut bytes)
        .is_err();
    bytes
}

fn with_remedy(status: u16, said: &str) -> String {
    let remedy = match status {
        300..=399 => "redirects are not followed, use the address it points to as the endpoint",
        401 | 403 => "check the credentials in the export headers",
        404 | 405 => "check the path, receivers usually take traces at /v1/traces",
        413 => "lower the batch size or raise the receiver's limit",
        415 => "the receiver does not take application/x-protobuf",
        429 | 502..=504 => "the receiver is overloaded or restarting",
        _ => "",
    };
    let said = escape::line(said, MAX_MESSAGE_CHARS);
    match (said.is_empty(), remedy.is_empty()) {
        (false, false) => format!("{said}; {remedy}"),
        (false, true) => said,
        (true, false) => remedy.to_owned(),
        (true, true) => "no reason given".to_owned(),
    }
}
