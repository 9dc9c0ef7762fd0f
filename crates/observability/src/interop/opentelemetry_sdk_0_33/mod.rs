//! Exporters written for the `opentelemetry` SDK, release 0.33, as exporters of this one.
//!
//! Position: an [`Exporter`] that decodes requests and hands their spans to a [`SpanExporter`]. The other way round,
//! `otlp` sends log records and metrics through that SDK.
//!
//! Invariants:
//! - the future of an export is driven on the export thread, and dropped at the deadline;
//! - the other exporter is told of the resource before the first span, and again when it changes.
//!
//! Source: OpenTelemetry specification, Trace SDK, "Span Exporter".

mod convert;
#[cfg(feature = "_otlp_sdk")]
mod otlp;
#[cfg(test)]
mod tests;

#[cfg(feature = "_otlp_sdk")]
pub use otlp::OtlpError;
#[cfg(feature = "otlp-logs")]
pub use otlp::OtlpLogs;
#[cfg(feature = "otlp-metrics")]
pub use otlp::OtlpMetrics;

use crate::{EncodedRequest, ExportError, Exported, Exporter, ResourceRecord, decode_request};
use opentelemetry_sdk::{error::OTelSdkError, trace::SpanExporter};
use std::{
    fmt,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Instant,
};

/// Sends spans through an exporter written for the `opentelemetry` SDK.
///
/// Values that its model lacks (maps, bytes, lists of several types) become JSON text.
///
/// ```
/// use continuum_observability::{Telemetry, interop::opentelemetry_sdk_0_33::SdkExporter};
/// use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// let theirs = InMemorySpanExporter::default();
/// let exporter = theirs.clone();
/// let telemetry = Telemetry::builder()
///     .exporter_with("theirs", move || Box::new(SdkExporter::new(exporter.clone())))
///     .init()?;
/// continuum_observability::get_tracer("docs").in_scope("recall", |_| ());
/// telemetry.force_flush(std::time::Duration::from_secs(5)).unwrap();
/// assert_eq!(theirs.get_finished_spans().unwrap()[0].name, "recall");
/// # Ok::<(), continuum_observability::ConfigError>(())
/// ```
pub struct SdkExporter<E> {
    exporter: E,
    resource: Option<Arc<ResourceRecord>>,
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
}

impl<E: SpanExporter> SdkExporter<E> {
    /// Wraps an exporter that blocks, or that brings along what drives its futures.
    pub fn new(exporter: E) -> Self {
        Self {
            exporter,
            resource: None,
            #[cfg(feature = "tokio")]
            runtime: None,
        }
    }

    /// The same for an exporter that wants to be called within a Tokio runtime, such as those on
    /// `tonic` and the asynchronous `reqwest`. The runtime must be driven by threads of its own.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn in_runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    fn tell_resource(&mut self, resource: &Arc<ResourceRecord>) {
        if self.resource.as_ref() != Some(resource) {
            self.exporter.set_resource(&convert::resource(resource));
            self.resource = Some(Arc::clone(resource));
        }
    }
}

impl<E: SpanExporter> Exporter for SdkExporter<E> {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let spans = decode_request(request.bytes())?;
        if let Some(span) = spans.first() {
            self.tell_resource(&span.resource);
        }
        let batch = spans.into_iter().map(convert::span).collect();
        #[cfg(feature = "tokio")]
        let _entered = self.runtime.as_ref().map(tokio::runtime::Handle::enter);
        match block_on(self.exporter.export(batch), deadline) {
            Some(Ok(())) => Ok(Exported::default()),
            Some(Err(error)) => Err(other(&error)),
            None => Err(ExportError::Deadline {
                endpoint: self.name().to_owned(),
                attempts: 1,
            }),
        }
    }

    fn shutdown(&mut self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        #[cfg(feature = "tokio")]
        let _entered = self.runtime.as_ref().map(tokio::runtime::Handle::enter);
        // Nobody is left to tell; what it could not write, it has been given before.
        let _failed = self.exporter.shutdown_with_timeout(left).is_err();
    }

    fn name(&self) -> &'static str {
        "opentelemetry-sdk"
    }
}

impl<E: fmt::Debug> fmt::Debug for SdkExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkExporter")
            .field("exporter", &self.exporter)
            .finish_non_exhaustive()
    }
}

fn other(error: &OTelSdkError) -> ExportError {
    ExportError::Other {
        reason: error.to_string(),
    }
}

/// Drives a future on this thread; `None` when the deadline came first.
fn block_on<F: Future>(future: F, deadline: Instant) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
