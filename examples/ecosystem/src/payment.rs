//! The service that takes money, as far as asking it whether it is well: `tonic` and its health protocol.

use crate::listener;
use anyhow::{Result, ensure};
use continuum_observability::{inject_trace_context, interop::tracing::grpc_request_span};
use std::net::SocketAddr;
use tonic::{
    Status,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower_http::trace::TraceLayer;
use tracing::{field::Empty, instrument};

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
    let spans = TraceLayer::new_for_grpc().make_span_with(grpc_request_span);
    let server = Server::builder().layer(spans).add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    Ok(address)
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
