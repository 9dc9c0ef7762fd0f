//! [`grpc_request_span`]: the span of a gRPC request, for servers that ask for one.
//!
//! Position: called by `tonic` or by `tower-http` with each request that comes in.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "Semantic conventions for gRPC".

use super::SpanExt as _;
use crate::{extract_trace_context, span::url::capped};
use http::Request;
use tracing::{Span, info_span};

/// Makes the span of a gRPC request that comes in, under the caller's.
///
/// It is a server span with the name of the method, `grpc.health.v1.Health/Check`, and has `rpc.system`, `rpc.service`
/// and `rpc.method`. For `tonic` alone it is `Server::builder().trace_fn(grpc_request_span)`. With `tower-http` the
/// span has `rpc.grpc.status_code` too, and the error status where that is none of success:
/// `Server::builder().layer(TraceLayer::new_for_grpc().make_span_with(grpc_request_span))`. The span that `tower-http`
/// makes by itself says of a call no more than `POST`.
///
/// Its target is `continuum_observability::grpc`, its level `INFO`.
///
/// ```
/// use continuum_observability::{
///     interop::tracing::{ContinuumLayer, grpc_request_span}, testing::TestRecorder,
/// };
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(ContinuumLayer::new("application"));
/// let recorder = TestRecorder::new();
/// let request = http::Request::post("/shop.Orders/Show").body(())?;
/// tracing::subscriber::with_default(subscriber, || {
///     recorder.run(|| grpc_request_span(&request).in_scope(|| ()));
/// });
/// assert_eq!(
///     recorder.tree(),
///     "shop.Orders/Show [server] rpc.system=grpc rpc.service=shop.Orders rpc.method=Show\n"
/// );
/// # Ok::<(), http::Error>(())
/// ```
pub fn grpc_request_span<B>(request: &Request<B>) -> Span {
    let path = capped(request.uri().path().trim_start_matches('/'));
    let name = Some(path).filter(|path| !path.is_empty());
    let (service, method) = path.rsplit_once('/').unzip();
    let span = info_span!(
        target: "continuum_observability::grpc",
        "grpc",
        otel.name = name,
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method.or(name),
    );
    span.set_parent(&extract_trace_context(request.headers()));
    span
}
