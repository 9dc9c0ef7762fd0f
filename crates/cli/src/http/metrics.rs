//! The metrics of the service at `/metrics`, on an address of their own.
//!
//! Position: command line → **here**, beside the API.
//!
//! Invariants: whoever reaches the address reads them without a key, so that it is never the API's; a
//! scrape is not traced; of tenants there are only names that somebody asked for.

use std::{io, net::SocketAddr};

use axum::{Router, http::header, response::IntoResponse, routing::get};
use continuum_observability::{SpanMetrics, TelemetryHandle};
use tokio::net::TcpListener;

/// A bound address that answers a scrape by Prometheus.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    telemetry: TelemetryHandle,
}

impl MetricsServer {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn bind(addr: SocketAddr, telemetry: TelemetryHandle) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        Ok(Self {
            listener,
            telemetry,
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is dropped.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub async fn run(self) -> io::Result<()> {
        let telemetry = self.telemetry;
        let app = Router::new().route("/metrics", get(async move || scrape(telemetry)));
        axum::serve(self.listener, app).await
    }
}

fn scrape(telemetry: TelemetryHandle) -> impl IntoResponse {
    let content_type = [(header::CONTENT_TYPE, SpanMetrics::CONTENT_TYPE)];
    (content_type, telemetry.render_metrics())
}
