//! The other node: its address, the key it gave us, and its answers.
//!
//! Position: `delivery` → **here** → `POST /sync` of the other node.
//!
//! Invariants:
//! - every request carries the trace context of the span around it;
//! - the key appears in no span, log or error; it is not sent on to where a redirection points;
//! - a URL with a credential in it is refused and not repeated.

use std::{error::Error, fmt, time::Duration};

use anyhow::{Context as _, Result, ensure};
use continuum_memory::SyncResponse;
use continuum_observability::inject_trace_context;
use tokio::task::JoinError;
use ureq::{Agent, http::Uri};

use super::retry::Failure;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More than any answer of a node.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

const SECRET_IN_URL: &str = "the URL of a peer has no user, password or query: \
    give its key with --peer-key or CONTINUUM_PEER_KEY";

/// Another node, to which this one tells what it learns.
pub struct Peer {
    agent: Agent,
    url: String,
    address: String,
    port: u16,
    key: String,
}

impl Peer {
    /// A node at a URL such as `http://10.0.0.2:8787`, with the key that was created there.
    ///
    /// # Errors
    ///
    /// When the URL is not one of HTTP, or has a user or a query in it.
    pub fn new(url: &str, key: impl Into<String>) -> Result<Self> {
        // Before anything repeats it. An `@` that belongs to a path can be written as `%40`.
        ensure!(!url.contains(['@', '?']), SECRET_IN_URL);
        let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL"))?;
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => 0,
        };
        ensure!(default_port > 0, "{url} is not a URL of http or https");
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            // Nodes talk to each other directly, whatever the environment says about other traffic.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Ok(Self {
            agent: config.into(),
            url: format!("{}/sync", url.trim_end_matches('/')),
            address: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
            key: key.into(),
        })
    }

    /// The host of the node.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The port of the node.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Sends an entry and waits for the answer.
    pub(super) fn send(&self, entry: &[u8]) -> Result<SyncResponse, PushError> {
        let mut request = self
            .agent
            .post(&self.url)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        if let Some(headers) = request.headers_mut() {
            inject_trace_context(headers);
        }
        let mut response = request.send(entry).map_err(PushError::Unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(PushError::Refused { status });
        }
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES);
        let body = body.read_to_vec().map_err(PushError::Unreachable)?;
        serde_json::from_slice(&body).map_err(PushError::NotANode)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why an entry is not known to be at the other node.
#[derive(Debug)]
pub(super) enum PushError {
    /// There was no answer. It may have been stored all the same; sending it again does no harm.
    Unreachable(ureq::Error),
    /// The answer was not a success.
    Refused {
        /// The status of the answer.
        status: u16,
    },
    /// What answered is not a node of this program.
    NotANode(serde_json::Error),
    /// The thread that did the work panicked.
    Crashed(JoinError),
}

impl PushError {
    /// Whether other entries would meet with the same.
    pub(super) fn is_of_the_peer(&self) -> bool {
        match self {
            Self::Refused { status } => matches!(status, 300..=399 | 401 | 404 | 408 | 429 | 500..),
            Self::Unreachable(_) | Self::NotANode(_) => true,
            Self::Crashed(_) => false,
        }
    }
}

impl Failure for PushError {
    /// The other node has read the entry and cannot take it.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 400 | 413 | 415 | 422
            }
        )
    }
}

impl Error for PushError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreachable(error) => error.source(),
            Self::Refused { .. } => None,
            Self::NotANode(error) => error.source(),
            Self::Crashed(error) => error.source(),
        }
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "the peer does not answer: {error}"),
            Self::Refused { status } => write!(f, "the peer answered with status {status}"),
            Self::NotANode(error) => write!(f, "the answer of the peer cannot be read: {error}"),
            Self::Crashed(error) => write!(f, "the delivery could not be finished: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_url_of_http() {
        let peer = Peer::new("https://node.example/", "cp_secret").unwrap();
        assert_eq!((peer.address(), peer.port()), ("node.example", 443));
        assert_eq!(peer.url, "https://node.example/sync");
        assert!(!format!("{peer:?}").contains("cp_secret"));
        for wrong in ["node.example", "ftp://node.example", "http://", ""] {
            assert!(Peer::new(wrong, "").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_in_a_url_is_refused_and_not_repeated() {
        for url in [
            "http://ann:hunter22@node.example",
            "http://ann:hunter/22@node.example/base",
            "ann:hunter22@node.example",
            "https://node.example/?token=hunter22",
        ] {
            let error = format!("{:#}", Peer::new(url, "").unwrap_err());
            assert!(error.contains("--peer-key"), "{error}");
            assert!(
                !error.contains("hunter") && !error.contains("ann"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_the_entry_is_to_blame_for_does_not_stop_the_others() {
        for status in [400, 413, 422] {
            let error = PushError::Refused { status };
            assert!(error.is_final() && !error.is_of_the_peer(), "{status}");
        }
        for status in [302, 401, 404, 429, 500, 503] {
            let error = PushError::Refused { status };
            assert!(!error.is_final() && error.is_of_the_peer(), "{status}");
        }
        let forbidden = PushError::Refused { status: 403 };
        assert!(!forbidden.is_final() && !forbidden.is_of_the_peer());
    }
}
