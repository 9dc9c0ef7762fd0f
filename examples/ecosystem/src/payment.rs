//! The service that takes money, as far as asking it whether it is well: `tonic` and its health protocol.

use crate::{listener, propagation::continue_trace};
use anyhow::{Result, ensure};
use axum::http::Request;
use continuum_observability::inject_trace_context;
use std::net::SocketAddr;
use tonic::{
    Status,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tracing::{Span, field::Empty, info_span, instrument};

/// Starts the service.
///
/// # Errors
///
/// It has no port.
pub async fn start() -> Result<SocketAddr> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("payment", tonic_health::ServingStatus::Serving)
        .await;
    let (listener, address) = listener().await?;
    let server = Server::builder().trace_fn(request_span).add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    Ok(address)
}

/// Makes the span of a request that comes in, under the caller's.
fn request_span(request: &Request<()>) -> Span {
    let method = request.uri().path().trim_start_matches('/');
    let span = info_span!(
        "grpc",
        otel.name = method,
        otel.kind = "server",
        rpc.system = "grpc"
    );
    continue_trace(&span, request.headers());
    span
}

/// Asks whether the service is well.
///
/// # Errors
///
/// It is not, or does not answer.
#[instrument(
    name = "grpc.health.v1.Health/Check",
    skip_all,
    fields(otel.kind = "client", rpc.system = "grpc", otel.status_description = Empty)
)]
pub(crate) async fn check(channel: Channel) -> Result<()> {
    let mut client = HealthClient::with_interceptor(channel, |mut request: tonic::Request<()>| {
        inject_trace_context(request.metadata_mut().as_mut());
        Ok::<_, Status>(request)
    });
    let service = "payment".to_owned();
    let answer = client.check(HealthCheckRequest { service }).await?;
    ensure!(
        answer.get_ref().status() == ServingStatus::Serving,
        "payment is not serving"
    );
    Ok(())
}
