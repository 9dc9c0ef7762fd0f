//! The HTTP client of the SDK's exporters: the same as that of the spans, with its TLS.
//!
//! Position: called on the threads of the SDK, which wait for an answer anyway.
//!
//! Invariant: an answer is read up to [`MAX_BODY_BYTES`], and each phase of a request has a limit.

use super::OtlpError;
use crate::{
    TelemetryHandle,
    export::{EndpointConfig, http_agent},
};
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use std::{pin::Pin, time::Duration};
use ureq::Agent;

const MAX_BODY_BYTES: u64 = 64 * 1024;
/// The default of the specification.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends one request after the other.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
}

impl Client {
    /// One with the certificates of the spans' exporter.
    pub(super) fn new(telemetry: TelemetryHandle) -> Result<Self, OtlpError> {
        let mut endpoint = EndpointConfig::new("");
        endpoint.tls = telemetry.otlp_tls();
        let agent = http_agent(&endpoint);
        let agent = agent.map_err(|source| OtlpError::Client { source })?;
        Ok(Self { agent })
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = self
            .agent
            .configure_request(Request::from_parts(head, &body[..]))
            .timeout_connect(Some(TIMEOUT))
            .timeout_send_request(Some(TIMEOUT))
            .timeout_send_body(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_recv_body(Some(TIMEOUT))
            .build();
        let (head, mut body) = self.agent.run(request)?.into_parts();
        let body = body.with_config().limit(MAX_BODY_BYTES).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'life, 'sent>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'life: 'sent,
        Self: 'sent,
    {
        Box::pin(async { self.send(request) })
    }
}
