//! OTLP over HTTP with protobuf bodies: the default way out.
//!
//! Position: [`EncodedRequest`] → **this** → [`Post`] → a collector.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP".

#[cfg(test)]
mod tests;

use super::{
    super::{
        EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, network::Post, wire::text,
    },
    answer,
};
use std::time::Instant;

const EXAMPLE: &str = "http://localhost:4318/v1/traces";
const PROTOBUF: &str = "application/x-protobuf";

/// Sends requests to an OTLP/HTTP receiver over one connection that is kept open.
///
/// Attempts that may succeed later (no connection, 429, 502, 503, 504) are repeated as
/// [`RetryPolicy`](crate::RetryPolicy) says, at least as late as the receiver's `Retry-After`, never
/// past the deadline.
///
/// # Examples
///
/// ```no_run
/// use continuum_observability::{EndpointConfig, OtlpHttpExporter};
///
/// let config = EndpointConfig::new("http://localhost:4318/v1/traces");
/// let exporter = OtlpHttpExporter::new(config)?;
/// # Ok::<(), continuum_observability::ExportError>(())
/// ```
///
/// Spec: OTLP 1.x, "OTLP/HTTP".
#[derive(Debug)]
pub struct OtlpHttpExporter {
    post: Post,
}

impl OtlpHttpExporter {
    /// Checks the configuration; connects only when there is something to send.
    ///
    /// # Errors
    ///
    /// [`ExportError::Config`] when endpoint, a header, a certificate, the compression or the proxy
    /// cannot be used.
    pub fn new(config: EndpointConfig) -> Result<Self, ExportError> {
        let post = Post::new(config, EXAMPLE, PROTOBUF, said)?;
        Ok(Self { post })
    }
}

impl Exporter for OtlpHttpExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let answer = self.post.send(request.bytes(), deadline)?;
        Ok(answer::partial_success(&answer))
    }

    fn name(&self) -> &'static str {
        "otlp-http"
    }

    fn destination(&self) -> &str {
        self.post.shown_endpoint()
    }
}

/// A refusal's body is a `google.rpc.Status`, or whatever a proxy on the way writes.
fn said(content_type: &str, body: &[u8]) -> String {
    if content_type.starts_with(PROTOBUF) {
        answer::rpc_status_message(body)
    } else {
        text(body)
    }
}
