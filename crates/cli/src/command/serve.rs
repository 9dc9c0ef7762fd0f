//! `continuum serve`: the service, until somebody stops it.
//!
//! Position: command line → **here** → `http::Server`, and `http::MetricsServer` where that is wanted.
//!
//! Invariants:
//! - an interrupt or a termination finishes the requests and the delivery under way and exports their
//!   spans; the exit status is then 0;
//! - the key of the other node may come by the environment, where other users do not see it.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use continuum_observability::{ConfigError, SpanMetrics, Telemetry, TelemetryHandle};
use tokio::runtime::Runtime;

use super::{data_dir::DataDir, ranking::Ranking};
use crate::{
    http::{MetricsServer, Server, Service},
    log::{self, LogFormat},
    worker::Peer,
};

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
    /// Another node that is told everything that is learned here
    #[arg(long, value_name = "URL", requires = "peer_key")]
    peer: Option<String>,
    /// The key that was created for this node at the other one
    #[arg(
        long,
        value_name = "KEY",
        env = "CONTINUUM_PEER_KEY",
        hide_env_values = true
    )]
    peer_key: Option<String>,
    /// The form of log lines
    #[arg(long, value_enum, default_value = "text", env = "CONTINUUM_LOG_FORMAT")]
    log_format: LogFormat,
    /// Another address, at which /metrics answers Prometheus without a key
    #[arg(long, value_name = "ADDR")]
    metrics_addr: Option<SocketAddr>,
    #[command(flatten)]
    ranking: Ranking,
}

const EXAMPLES: &str = "\
Examples:
  continuum serve
  continuum serve --addr 0.0.0.0:8787 --data-dir /var/lib/continuum
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 continuum serve
  continuum serve --log-format json --metrics-addr 127.0.0.1:9464

Routes, with Authorization: Bearer <key> or X-API-Key: <key>:
  POST /v1/learn    {session_id, user_message?, ai_response?, speaker?, at?, metadata?}
  POST /v1/recall   {query, max_concepts = 10, k = 10}, the query in plain words
  GET  /v1/outbox   what is still to be told to the peer, and what was given up
  POST /v1/outbox/retry   tries again what was given up
  POST /sync        for other nodes, with the key of a peer
  GET  /healthz     without a key

Two nodes, the second told by the first:
  KEY=$(continuum key create --peer first --data-dir ./second)
  continuum serve --addr 127.0.0.1:8788 --data-dir ./second
  CONTINUUM_PEER_KEY=$KEY continuum serve --peer http://127.0.0.1:8788

Stops on SIGINT and SIGTERM, after answering what is under way.";

impl Serve {
    pub(super) fn run(self) -> Result<()> {
        let telemetry = self.telemetry()?;
        let data_dir = self.data_dir.resolve()?;
        log::init(self.log_format);
        let peer = self.peer.zip(self.peer_key);
        let peer = peer.map(|(url, key)| Peer::new(&url, key)).transpose()?;
        let service = Service::open_with(&data_dir, peer, self.ranking.config()?)?;
        let runtime = Runtime::new().context("no runtime")?;
        let metrics = self.metrics_addr.zip(Some(telemetry.handle()));
        let data_dir = data_dir.display().to_string();
        runtime.block_on(serve(self.addr, service, metrics, &data_dir))?;
        drop(runtime);
        telemetry
            .shutdown(FLUSH_TIMEOUT)
            .context("the last spans were not delivered")
    }

    /// Spans, and metrics of them where somebody may read those.
    fn telemetry(&self) -> Result<Telemetry, ConfigError> {
        let mut telemetry = Telemetry::builder();
        if self.metrics_addr.is_some() {
            telemetry = telemetry.metrics(SpanMetrics::new());
        }
        telemetry.init()
    }
}

async fn serve(
    addr: SocketAddr,
    service: Service,
    metrics: Option<(SocketAddr, TelemetryHandle)>,
    data_dir: &str,
) -> Result<()> {
    let stop = stop_signal()?;
    let server = Server::bind(addr, service)
        .await
        .with_context(|| format!("cannot listen on {addr}"))?;
    let addr = server.local_addr()?;
    tracing::info!("continuum listens on http://{addr}, data in {data_dir}");
    let Some((addr, telemetry)) = metrics else {
        return server.run(stop).await.context("the server failed");
    };
    let metrics = bind_metrics(addr, telemetry).await?;
    tokio::select! {
        ended = server.run(stop) => ended.context("the server failed"),
        failed = metrics.run() => failed.context("the server of the metrics failed"),
    }
}

async fn bind_metrics(addr: SocketAddr, telemetry: TelemetryHandle) -> Result<MetricsServer> {
    let metrics = MetricsServer::bind(addr, telemetry)
        .await
        .with_context(|| format!("cannot listen on {addr} for metrics"))?;
    tracing::info!("metrics at http://{}/metrics", metrics.local_addr()?);
    Ok(metrics)
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
