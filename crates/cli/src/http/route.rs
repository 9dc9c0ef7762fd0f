//! The routes: learn, recall, and whether the service is there.
//!
//! Position: `caller` and `body` → **here** → `continuum-memory`.
//!
//! Invariant: a handler never panics; a panic below it on a blocking thread becomes an answer.

use std::{path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, MatchedPath},
    middleware::from_fn,
    routing::{get, post},
};
use continuum_memory::{
    ApiKeys, LearnRequest, LearnResponse, Memory, MemoryConfig, MemoryError, RecallRequest,
    RecallResponse,
};
use continuum_observability::{get_trace_id, layers::api::TraceLayer, spawn_blocking};
use serde::Serialize;
use tokio::task::JoinError;

use super::{body::JsonBody, caller::Caller, drain::drain, problem::Problem};

/// What the routes work on: the memories of a data directory and the keys to them.
#[derive(Debug, Clone)]
pub struct Service {
    memory: Memory,
    keys: Arc<ApiKeys>,
}

impl Service {
    /// Opens a data directory, and creates it where it is missing.
    ///
    /// # Errors
    ///
    /// A [`MemoryError`] when it cannot be used or another process has it open.
    pub fn open(data_dir: &Path) -> Result<Self, MemoryError> {
        Ok(Self {
            memory: Memory::open(data_dir, MemoryConfig::default())?,
            keys: Arc::new(ApiKeys::open(data_dir)?),
        })
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.keys)
    }
}

/// The routes of the service, traced.
pub fn router(service: Service) -> Router {
    let route = |extensions: &axum::http::Extensions| {
        extensions
            .get::<MatchedPath>()
            .map(|path| path.as_str().to_owned())
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/v1/learn", post(learn))
        .route("/v1/recall", post(recall))
        .fallback(async || Problem::RouteUnknown)
        .method_not_allowed_fallback(async || Problem::WrongMethod)
        // `JsonBody` has a limit of its own, which answers in the form of this API.
        .layer(DefaultBodyLimit::disable())
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
    Caller(memory): Caller,
    JsonBody(request): JsonBody<LearnRequest>,
) -> Result<Json<Traced<LearnResponse>>, Problem> {
    blocking(move || memory.learn(&request))
        .await
        .map(Traced::json)
}

async fn recall(
    Caller(memory): Caller,
    JsonBody(request): JsonBody<RecallRequest>,
) -> Result<Json<Traced<RecallResponse>>, Problem> {
    blocking(move || memory.recall(&request))
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
