//! The routes: learn, recall, what other nodes are told and tell, and whether the service is there.
//!
//! Position: `caller` and `body` → **here** → `continuum-memory`.
//!
//! Invariants:
//! - a route is in the [`table`] with the key that it takes, or it does not exist;
//! - a handler never panics; a panic below it on a blocking thread becomes an answer.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, MatchedPath, State},
    middleware::from_fn,
    routing::{MethodRouter, get, post},
};
use continuum_memory::{
    LearnRequest, LearnResponse, MemoryError, OutboxStatus, RecallRequest, RecallResponse,
    SyncEntry, SyncResponse,
};
use continuum_observability::{get_trace_id, layers::api::TraceLayer, spawn_blocking};
use serde::Serialize;
use tokio::task::JoinError;

use super::{
    body::JsonBody,
    caller::{Caller, PeerCaller},
    drain::drain,
    log::log,
    problem::Problem,
    service::Service,
};

/// The longest body of an entry from another node: a learn as it was sent, and what is around it.
const MAX_ENTRY_BYTES: usize = 2 * 1024 * 1024;

/// A route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The only method that it takes.
    pub method: &'static str,
    /// Its path.
    pub path: &'static str,
    /// Whose key it takes.
    pub access: Access,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Whoever has the key of a tenant.
    Tenant,
    /// Another node with the key of a peer.
    Peer,
}

/// Every route with its handler; nothing is answered that is not in here.
fn table() -> [(Route, MethodRouter<Service>); 6] {
    let route = |method, path, access| Route {
        method,
        path,
        access,
    };
    [
        (route("GET", "/healthz", Access::Open), get(healthz)),
        (route("POST", "/v1/learn", Access::Tenant), post(learn)),
        (route("POST", "/v1/recall", Access::Tenant), post(recall)),
        (route("GET", "/v1/outbox", Access::Tenant), get(outbox)),
        (
            route("POST", "/v1/outbox/retry", Access::Tenant),
            post(retry_outbox),
        ),
        (route("POST", "/sync", Access::Peer), post(sync)),
    ]
}

/// Every route of the API.
pub fn routes() -> impl Iterator<Item = Route> {
    table().into_iter().map(|(route, _)| route)
}

/// The routes of the service, traced.
pub fn router(service: Service) -> Router {
    let route = |extensions: &axum::http::Extensions| {
        extensions
            .get::<MatchedPath>()
            .map(|path| path.as_str().to_owned())
    };
    let unrouted = Router::new();
    let routed = table()
        .into_iter()
        .fold(unrouted, |router, (route, handler)| {
            router.route(route.path, handler)
        });
    routed
        .fallback(async || Problem::RouteUnknown)
        .method_not_allowed_fallback(async || Problem::WrongMethod)
        // `JsonBody` has a limit of its own, which answers in the form of this API.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(log))
        .layer(TraceLayer::new().route_by(route))
        .layer(from_fn(drain))
        .with_state(service)
}

/// An answer together with the trace that explains it.
#[derive(Serialize)]
struct Traced<T> {
    #[serde(flatten)]
    answer: T,
    trace_id: Option<String>,
}

impl<T> Traced<T> {
    fn json(answer: T) -> Json<Self> {
        Json(Self {
            answer,
            trace_id: get_trace_id().map(|id| id.to_string()),
        })
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn healthz() -> Json<Traced<Health>> {
    Traced::json(Health { status: "ok" })
}

async fn learn(
    State(service): State<Service>,
    Caller(memory): Caller,
    JsonBody(request): JsonBody<LearnRequest>,
) -> Result<Json<Traced<LearnResponse>>, Problem> {
    let own = memory.clone();
    let response = blocking(move || own.learn(&request)).await?;
    service.has_learned(memory, &response);
    Ok(Traced::json(response))
}

async fn recall(
    Caller(memory): Caller,
    JsonBody(request): JsonBody<RecallRequest>,
) -> Result<Json<Traced<RecallResponse>>, Problem> {
    blocking(move || memory.recall(&request))
        .await
        .map(Traced::json)
}

/// What is still to be told to another node, and what was given up.
async fn outbox(Caller(memory): Caller) -> Result<Json<Traced<OutboxStatus>>, Problem> {
    blocking(move || memory.outbox().status())
        .await
        .map(Traced::json)
}

/// How many dead letters are jobs again.
#[derive(Serialize)]
struct Revived {
    revived: usize,
}

/// Tries again what was given up.
async fn retry_outbox(
    State(service): State<Service>,
    Caller(memory): Caller,
) -> Result<Json<Traced<Revived>>, Problem> {
    let revived = blocking(move || memory.outbox().revive()).await?;
    service.has_promised();
    Ok(Traced::json(Revived { revived }))
}

/// Takes what another node has learned.
async fn sync(
    State(service): State<Service>,
    PeerCaller(peer): PeerCaller,
    JsonBody(entry): JsonBody<SyncEntry, MAX_ENTRY_BYTES>,
) -> Result<Json<Traced<SyncResponse>>, Problem> {
    blocking(move || service.memory().receive(&peer, &entry))
        .await
        .map(Traced::json)
}

/// Runs work on the store where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, Problem> {
    match spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err::<_, JoinError>(_) => Err(Problem::Crashed),
    }
}
