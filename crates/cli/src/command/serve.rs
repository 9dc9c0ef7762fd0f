//! `continuum serve`: the service, until somebody stops it.
//!
//! Position: command line → **here** → `http::Server`.
//!
//! Invariant: an interrupt or a termination finishes the requests under way and delivers their
//! spans; the exit status is then 0.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Args;
use continuum_observability::init_telemetry;
use tokio::runtime::Runtime;

use super::data_dir::DataDir;
use crate::http::{Server, Service};

/// How long the last spans may take to arrive.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Answer learn and recall requests over HTTP
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8787")]
    addr: SocketAddr,
    #[command(flatten)]
    data_dir: DataDir,
}

const EXAMPLES: &str = "\
Examples:
  continuum serve
  continuum serve --addr 0.0.0.0:8787 --data-dir /var/lib/continuum
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 continuum serve

Routes, with Authorization: Bearer <key> or X-API-Key: <key>:
  POST /v1/learn    {session_id, user_message?, ai_response?, speaker?, at?, metadata?}
  POST /v1/recall   {query, max_concepts = 10, k = 10}
  GET  /healthz     without a key

Stops on SIGINT and SIGTERM, after answering what is under way.";

impl Serve {
    pub(super) fn run(self) -> Result<()> {
        let telemetry = init_telemetry()?;
        let data_dir = self.data_dir.resolve()?;
        let service = Service::open(&data_dir)?;
        let runtime = Runtime::new().context("no runtime")?;
        runtime.block_on(serve(self.addr, service, &data_dir.display().to_string()))?;
        drop(runtime);
        telemetry
            .shutdown(FLUSH_TIMEOUT)
            .context("the last spans were not delivered")
    }
}

async fn serve(addr: SocketAddr, service: Service, data_dir: &str) -> Result<()> {
    let stop = stop_signal()?;
    let server = Server::bind(addr, service)
        .await
        .with_context(|| format!("cannot listen on {addr}"))?;
    let addr = server.local_addr()?;
    writeln!(
        io::stderr(),
        "continuum listens on http://{addr}, data in {data_dir}"
    )?;
    server.run(stop).await.context("the server failed")
}

/// Completes when the process is asked to stop.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes when the process is asked to stop.
#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature on every platform"
)]
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a handler there is nothing to wait for; the process then ends as it always did.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
