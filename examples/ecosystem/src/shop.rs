//! The service that customers talk to: `axum`, `tower-http`, `sqlx`, `redis`, `reqwest` and `tonic`.

use crate::{
    listener, payment,
    propagation::{Propagation, request_span},
};
use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use continuum_observability::interop::redis_1::{ConnectionLikeExt as _, Traced};
use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_tracing::TracingMiddleware;
use sqlx::PgPool;
use std::net::SocketAddr;
use tonic::transport::Channel;
use tower_http::trace::TraceLayer;
use tracing::{error, instrument};

/// What the shop needs of others.
#[derive(Clone)]
#[expect(
    missing_debug_implementations,
    reason = "connections have nothing to show"
)]
pub struct Shop {
    orders: PgPool,
    cache: Traced<MultiplexedConnection>,
    stock: String,
    client: ClientWithMiddleware,
    payment: Channel,
}

impl Shop {
    /// A shop with its database, its cache, and the addresses of the other services.
    ///
    /// # Errors
    ///
    /// An address is none.
    pub fn new(
        orders: PgPool,
        cache: MultiplexedConnection,
        stock: SocketAddr,
        payment: SocketAddr,
    ) -> Result<Self> {
        let client = ClientBuilder::new(reqwest::Client::new())
            .with(TracingMiddleware::default())
            .with(Propagation);
        Ok(Self {
            orders,
            // `redis` tells nobody of its commands.
            cache: cache.traced(),
            stock: format!("http://{stock}"),
            client: client.build(),
            payment: Channel::from_shared(format!("http://{payment}"))?.connect_lazy(),
        })
    }

    /// Starts the service.
    ///
    /// # Errors
    ///
    /// It has no port.
    pub async fn start(self) -> Result<SocketAddr> {
        let routes = Router::new()
            .route("/orders/{id}", get(show))
            .layer(TraceLayer::new_for_http().make_span_with(request_span))
            .with_state(self);
        let (listener, address) = listener().await?;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(address)
    }

    /// What is known of an order: from the cache, or else from everybody.
    #[instrument(skip_all, fields(order.id = id), err)]
    async fn order(mut self, id: i32) -> Result<String> {
        let key = format!("order:{id}");
        let known: Option<String> = self.cache.get(&key).await?;
        if let Some(known) = known {
            return Ok(known);
        }
        let item: String = sqlx::query_scalar("SELECT item FROM orders WHERE id = $1")
            .bind(id)
            .fetch_one(&self.orders)
            .await
            .context("no such order")?;
        let left = self.left(&item).await?;
        payment::check(self.payment.clone()).await?;
        let order = format!("{item}, {left} left");
        let () = self.cache.set(&key, &order).await?;
        Ok(order)
    }

    async fn left(&self, item: &str) -> Result<String> {
        let url = format!("{}/stock/{item}", self.stock);
        let answer = self.client.get(url).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}

async fn show(State(shop): State<Shop>, Path(id): Path<i32>) -> Result<String, StatusCode> {
    shop.order(id).await.map_err(|error| {
        error!(order.id = id, "the order cannot be shown: {error:#}");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}
