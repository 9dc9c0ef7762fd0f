//! Everything after the end of a span: framing, and the ways out of the process.
//!
//! Position: `recorder` → **export** → a collector, a terminal, a file, a test. The export thread
//! frames finished spans as OTLP requests and hands each to one [`Exporter`]. Exporters that pass
//! bytes through never look inside; those that need fields use [`decode_request`].
//!
//! Invariants:
//! - an exporter is called on the export thread only, one call at a time;
//! - bytes are borrowed, never cloned, on the way to the wire;
//! - hostile answers and damaged bytes give an error, never a panic.
//!
//! Source: OpenTelemetry specification, Trace SDK, "Span Exporter"; OTLP specification 1.x.

#[cfg(feature = "console")]
mod console;
mod decode;
mod error;
mod escape;
mod file;
mod json;
mod memory;
mod network;
#[cfg(feature = "_otlp")]
mod otlp;
mod record;
mod recovery;
mod request;
mod several;
mod tail;
mod tree;
mod wire;
mod worker;
#[cfg(feature = "zipkin")]
mod zipkin;

#[cfg(test)]
pub(crate) mod sample;

#[cfg(feature = "console")]
pub use self::console::{ConsoleExporter, color_is_wanted};
#[cfg(any(feature = "metrics", feature = "_otlp_sdk"))]
pub(crate) use self::decode::decode_resource;
#[cfg(feature = "metrics")]
pub(crate) use self::json::plain_text;
#[cfg(feature = "tracing")]
pub(crate) use self::json::push_string;
#[cfg(feature = "opentelemetry_sdk_0_33")]
pub(crate) use self::json::write_plain_json;
#[cfg(feature = "_otlp_sdk")]
pub(crate) use self::network::http_agent;
#[cfg(feature = "_network")]
pub use self::network::{EndpointConfig, RetryPolicy};
#[cfg(feature = "otlp-grpc")]
pub use self::otlp::OtlpGrpcExporter;
#[cfg(feature = "otlp-http")]
pub use self::otlp::OtlpHttpExporter;
#[cfg(feature = "zipkin")]
pub use self::zipkin::ZipkinExporter;
pub use self::{
    decode::{DecodeError, decode_request},
    error::ExportError,
    file::FileExporter,
    memory::InMemoryExporter,
    network::{Compression, OtlpProtocol, TlsFiles},
    record::{AnyValue, EventRecord, LinkRecord, ResourceRecord, ScopeRecord, SpanRecord},
    tree::{Palette, TreeStyle, render_tree, safe_line},
};
pub(crate) use self::{
    decode::{decode_scope, decode_span},
    escape::push_escaped,
    recovery::Recovery,
    request::RequestBuilder,
    several::Several,
    tail::Tail,
    tree::arrange,
    worker::{ExporterFactory, start},
};
#[cfg(feature = "_fuzzing")]
pub(crate) use self::{
    json::write_request,
    network::retry_after,
    otlp::{
        after_connect, partial_success, rpc_error, rpc_message, rpc_retry_delay, rpc_status_message,
    },
};

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Sleeps between two attempts; `false` when the wait was cut short and no more attempts are wanted.
pub type Pause = Arc<dyn Fn(Duration) -> bool + Send + Sync>;

/// Finished spans on their way out: one encoded OTLP `ExportTraceServiceRequest`.
#[derive(Clone, Copy)]
pub struct EncodedRequest<'a> {
    bytes: &'a [u8],
    span_count: u64,
}

impl<'a> EncodedRequest<'a> {
    /// Wraps an encoded request that holds `span_count` spans.
    pub fn new(bytes: &'a [u8], span_count: u64) -> Self {
        Self { bytes, span_count }
    }

    /// The complete protobuf message, ready to be sent as it is.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many spans the message holds.
    pub fn span_count(&self) -> u64 {
        self.span_count
    }
}

impl fmt::Debug for EncodedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedRequest")
            .field("bytes", &self.bytes.len())
            .field("span_count", &self.span_count)
            .finish()
    }
}

/// What became of a request that reached its destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Spans that the destination refused while it took the others.
    pub rejected: u64,
    /// What the destination had to say; may be a warning although nothing was rejected.
    pub message: Option<String>,
}

/// A way out of the process for finished spans.
///
/// Called on the export thread only, one call at a time, so that an implementation may block until
/// the deadline and needs no locks. Spans of a failed call are counted as lost, not offered again:
/// retrying is the exporter's own business.
///
/// # Examples
///
/// ```
/// use continuum_observability::{EncodedRequest, ExportError, Exported, Exporter};
/// use std::time::Instant;
///
/// struct Counter(u64);
///
/// impl Exporter for Counter {
///     fn export(
///         &mut self,
///         request: &EncodedRequest<'_>,
///         _deadline: Instant,
///     ) -> Result<Exported, ExportError> {
///         self.0 += request.span_count();
///         Ok(Exported::default())
///     }
///
///     fn name(&self) -> &'static str {
///         "counter"
///     }
/// }
/// ```
///
/// Spec: Trace SDK, "Span Exporter".
pub trait Exporter: Send {
    /// Delivers one request, giving up at the deadline.
    ///
    /// # Errors
    ///
    /// [`ExportError`] when nothing, or not everything, was delivered.
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError>;

    /// Writes out what is still held back; nothing is exported afterwards.
    fn shutdown(&mut self, _deadline: Instant) {}

    /// A short name for warnings, such as `otlp-http`.
    fn name(&self) -> &'static str;

    /// Where the spans go, for warnings: a path, or an address without what is secret in it. The name
    /// where that says enough.
    fn destination(&self) -> &str {
        self.name()
    }
}
