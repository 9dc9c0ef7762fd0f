//! OTLP over gRPC, spoken directly on HTTP/2.
//!
//! Position: [`EncodedRequest`] → **this** → a collector. One unary call needs a header, five bytes
//! before the message and two trailers; with `h2` that is this folder, where `tonic` would bring
//! a stack of services, balancers and generated code into the user's build.
//!
//! Invariants:
//! - the runtime belongs to the connection and runs on the export thread, only while that waits for
//!   an answer: the user's runtime is not touched, and no other thread is started;
//! - names are looked up on the export thread, which takes what the system allows; everything after
//!   that ends at the deadline;
//! - the bytes of a request are copied once, behind the head of the message, and never decoded.
//!
//! Source: OTLP specification 1.x, "OTLP/gRPC"; gRPC over HTTP2.

mod connection;
mod message;
mod proxy;
#[cfg(test)]
pub(super) mod server;
mod status;

#[cfg(feature = "_fuzzing")]
pub(crate) use self::{message::content as rpc_message, proxy::after_connect, status::rpc_error};
#[cfg(test)]
mod tests;

use self::{
    connection::{Connection, Failure, Target},
    status::RpcStatus,
};
use super::{
    super::{EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, Pause, RetryPolicy},
    answer,
};
use bytes::Bytes;
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Sends requests to an OTLP/gRPC receiver over one connection that is kept open.
///
/// Attempts that may succeed later are repeated as [`RetryPolicy`] says, at least as late as the
/// receiver's `RetryInfo`, never past the deadline.
///
/// It blocks and brings its own runtime, so call it on a thread that runs none, such as the export
/// thread.
///
/// # Examples
///
/// ```no_run
/// use continuum_observability::{EndpointConfig, OtlpGrpcExporter};
///
/// let exporter = OtlpGrpcExporter::new(EndpointConfig::new("http://localhost:4317"))?;
/// # Ok::<(), continuum_observability::ExportError>(())
/// ```
///
/// Spec: OTLP 1.x, "OTLP/gRPC".
pub struct OtlpGrpcExporter {
    target: Target,
    connection: Option<Connection>,
    retry: RetryPolicy,
    pause: Pause,
}

impl OtlpGrpcExporter {
    /// Checks the configuration; connects only when there is something to send.
    ///
    /// # Errors
    ///
    /// [`ExportError::Config`] when endpoint, a header, a certificate, the compression or the proxy
    /// cannot be used.
    pub fn new(config: EndpointConfig) -> Result<Self, ExportError> {
        Ok(Self {
            target: Target::new(&config)?,
            connection: None,
            retry: config.retry,
            pause: config.pause,
        })
    }
}

/// One attempt. The other side may have closed a connection that was kept, which shows only when
/// it is used: that costs a new connection, not an attempt.
fn attempt(
    kept: &mut Option<Connection>,
    target: &Target,
    message: &Bytes,
    remaining: Duration,
) -> Result<Exported, ExportError> {
    let deadline = Instant::now() + remaining;
    if let Some(connection) = kept.take() {
        match connection.call(target, message, deadline) {
            Err(Failure::Lost(_)) => {}
            other => return settle(kept, target, other),
        }
    }
    let answer = Connection::open(target, deadline)
        .and_then(|connection| connection.call(target, message, deadline));
    settle(kept, target, answer)
}

/// Keeps the connection, and reads the answer.
fn settle(
    kept: &mut Option<Connection>,
    target: &Target,
    answer: Result<(Connection, connection::Answer), Failure>,
) -> Result<Exported, ExportError> {
    let (connection, answer) = answer.map_err(|failure| target.error(failure))?;
    *kept = Some(connection);
    match RpcStatus::of(&answer) {
        Some(status) if status.is_ok() => {
            Ok(answer::partial_success(message::content(&answer.body)))
        }
        Some(status) => Err(status.into_error(target.shown())),
        None => Err(target.no_grpc(answer.status)),
    }
}

impl Exporter for OtlpGrpcExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let message = message::framed(request.bytes(), self.target.compression());
        let (target, connection) = (&self.target, &mut self.connection);
        self.retry
            .run(&self.pause, target.shown(), deadline, |remaining| {
                attempt(connection, target, &message, remaining)
            })
    }

    fn shutdown(&mut self, _deadline: Instant) {
        self.connection = None;
    }

    fn name(&self) -> &'static str {
        "otlp-grpc"
    }

    fn destination(&self) -> &str {
        self.target.shown()
    }
}

impl fmt::Debug for OtlpGrpcExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpGrpcExporter")
            .field("endpoint", &self.target.shown())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
