//! Zipkin JSON, version 2: for those who have a Zipkin, or something that reads its format.
//!
//! Position: an [`Exporter`] that decodes requests and posts their spans as one JSON array.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation"; Zipkin API, v2.

mod span;
#[cfg(test)]
mod tests;

use super::{
    EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, decode_request, network::Post,
    wire::text,
};
use std::time::Instant;

const EXAMPLE: &str = "http://localhost:9411/api/v2/spans";

/// Posts spans to a Zipkin.
///
/// Attempts are repeated as over OTLP. Links have no place in the format; they become tags
/// `otlp.link.0` and so on, in which an OpenTelemetry Collector finds them again.
///
/// # Examples
///
/// ```no_run
/// use continuum_observability::{EndpointConfig, ZipkinExporter};
///
/// let exporter = ZipkinExporter::new(EndpointConfig::new("http://localhost:9411/api/v2/spans"))?;
/// # Ok::<(), continuum_observability::ExportError>(())
/// ```
#[derive(Debug)]
pub struct ZipkinExporter {
    post: Post,
    body: String,
}

impl ZipkinExporter {
    /// Checks the configuration; connects only when there is something to send.
    ///
    /// # Errors
    ///
    /// [`ExportError::Config`] when endpoint, a header, a certificate, the compression or the proxy
    /// cannot be used.
    pub fn new(config: EndpointConfig) -> Result<Self, ExportError> {
        let said = |_content_type: &str, body: &[u8]| text(body);
        Ok(Self {
            post: Post::new(config, EXAMPLE, "application/json", said)?,
            body: String::new(),
        })
    }
}

impl Exporter for ZipkinExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let spans = decode_request(request.bytes())?;
        self.body.clear();
        span::write_all(&mut self.body, &spans);
        self.post.send(self.body.as_bytes(), deadline)?;
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "zipkin"
    }

    fn destination(&self) -> &str {
        self.post.shown_endpoint()
    }
}
