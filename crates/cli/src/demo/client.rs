//! The client of the demo: JSON over loopback HTTP, as any program would do it.
//!
//! Position: `lesson`, `exam`, `fault` → **here** → the service.
//!
//! Invariant: an answer comes with the trace id that the service gave in its header.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use continuum_memory::{LearnRequest, LearnResponse, OutboxStatus, RecallRequest, RecallResponse};
use serde::{Serialize, de::DeserializeOwned};
use ureq::Agent;

/// Longer than any answer takes, so that a service that hangs ends the demo with an error.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Talks to one service.
pub(super) struct Client {
    agent: Agent,
    base: String,
}

/// An answer with its trace.
pub(super) struct Answer<T> {
    pub(super) body: T,
    pub(super) trace_id: String,
}

/// What came back, whatever its status.
struct Reply {
    status: u16,
    trace_id: String,
    body: Vec<u8>,
}

impl Client {
    pub(super) fn new(addr: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // The service is on this machine, whatever the environment says about the others.
            .proxy(None)
            .build();
        Self {
            agent: config.into(),
            base: format!("http://{addr}"),
        }
    }

    pub(super) fn learn(&self, key: &str, request: &LearnRequest) -> Result<Answer<LearnResponse>> {
        self.expect_success("/v1/learn", key, request)
    }

    pub(super) fn recall(
        &self,
        key: &str,
        request: &RecallRequest,
    ) -> Result<Answer<RecallResponse>> {
        self.expect_success("/v1/recall", key, request)
    }

    /// What the service has still to tell another node.
    pub(super) fn outbox(&self, key: &str) -> Result<OutboxStatus> {
        let mut response = self
            .agent
            .get(format!("{}/v1/outbox", self.base))
            .header("authorization", format!("Bearer {key}"))
            .call()?;
        let body = response.body_mut().read_to_vec()?;
        serde_json::from_slice(&body).context("the answer of /v1/outbox cannot be read")
    }

    /// Recalls where a server error is expected; returns its trace id.
    pub(super) fn recall_that_fails(&self, key: &str, request: &RecallRequest) -> Result<String> {
        let reply = self.post("/v1/recall", key, request)?;
        match reply.status {
            500..=599 => Ok(reply.trace_id),
            status => bail!("a damaged memory answered with {status} instead of an error"),
        }
    }

    fn expect_success<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        request: &impl Serialize,
    ) -> Result<Answer<T>> {
        let Reply {
            status,
            trace_id,
            body,
        } = self.post(path, key, request)?;
        if status != 200 {
            bail!(
                "{path} answered with {status}: {}",
                String::from_utf8_lossy(&body)
            );
        }
        let body = serde_json::from_slice(&body)
            .with_context(|| format!("the answer of {path} cannot be read"))?;
        Ok(Answer { body, trace_id })
    }

    fn post(&self, path: &str, key: &str, request: &impl Serialize) -> Result<Reply> {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .send(&serde_json::to_vec(request)?)
            .with_context(|| format!("{path} did not answer"))?;
        let header = response
            .headers()
            .get("trace_id")
            .and_then(|id| id.to_str().ok());
        let trace_id = header.context("an answer has no trace_id")?.to_owned();
        let status = response.status().as_u16();
        Ok(Reply {
            status,
            trace_id,
            body: response.body_mut().read_to_vec()?,
        })
    }
}
