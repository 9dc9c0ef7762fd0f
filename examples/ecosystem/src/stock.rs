//! The service that knows how many of an item there are: `axum`, `tower-http` and `rusqlite`.

use crate::{listener, propagation::request_span};
use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use continuum_observability::interop::rusqlite_0_41::ConnectionExt as _;
use rusqlite::Connection;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tower_http::trace::TraceLayer;

type Shelves = Arc<Mutex<Connection>>;

/// Starts the service.
///
/// # Errors
///
/// It has no database, or no port.
pub async fn start() -> Result<SocketAddr> {
    let shelves = Connection::open_in_memory()?;
    shelves.execute_batch("CREATE TABLE shelf (item TEXT, count INTEGER)")?;
    shelves.execute("INSERT INTO shelf VALUES ('lamp', 3)", ())?;
    let routes = Router::new()
        .route("/stock/{item}", get(count))
        .layer(TraceLayer::new_for_http().make_span_with(request_span))
        .with_state(Arc::new(Mutex::new(shelves)));
    let (listener, address) = listener().await?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

async fn count(
    State(shelves): State<Shelves>,
    Path(item): Path<String>,
) -> Result<String, StatusCode> {
    const SQL: &str = "SELECT count FROM shelf WHERE item = ?1";
    let shelves = shelves.lock().unwrap_or_else(PoisonError::into_inner);
    // `rusqlite` tells nobody of its statements.
    let count = shelves
        .traced()
        .query_row(SQL, [item], |row| row.get::<_, u32>(0));
    count
        .map(|count| count.to_string())
        .map_err(|_unknown| StatusCode::NOT_FOUND)
}
