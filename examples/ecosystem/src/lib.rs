//! A shop made of other people's libraries: one trace, whoever makes the spans.
//!
//! `tower-http` makes the spans of requests, `reqwest-tracing` those of calls, `sqlx` tells of its
//! statements, `#[instrument]` has the spans of the code itself. All of
//! this is `tracing`, recorded by one layer ([`subscriber`]). `tonic` makes no spans and takes them from a function
//! that is there for it; `redis` and `rusqlite` tell of nothing: their connections are wrapped by `.traced()`.
//!
//! What to look at: [`shop`] asks all others, [`propagation`] carries the context between them, and with it, as
//! baggage, whose data is asked for. The test `one_trace` starts `PostgreSQL` and Redis, sends one request and draws its tree.

pub mod payment;
pub mod propagation;
pub mod shop;
pub mod stock;

use continuum_observability::interop::tracing::{ContinuumLayer, Rule};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    layer::{Layer as _, SubscriberExt as _},
};

/// What the shop records of what its libraries say.
pub fn subscriber() -> impl Subscriber {
    // Below `INFO` only what is worth a span: `h2` and `hyper` would be there too, if they were not ignored.
    let wanted = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("sqlx::query", LevelFilter::DEBUG)
        .with_target("tower_http::trace", LevelFilter::DEBUG)
        .with_target("h2", LevelFilter::TRACE)
        .with_target("hyper", LevelFilter::TRACE);
    let layer = ContinuumLayer::new("shop").with_rule(Rule::sqlx("postgresql"));
    tracing_subscriber::registry().with(layer.with_filter(wanted))
}

/// Serves on a free port and gives the address.
///
/// # Errors
///
/// There is no free port.
pub(crate) async fn listener() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
