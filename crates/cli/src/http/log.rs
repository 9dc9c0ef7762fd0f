//! One log line for each request, inside the span of the request.
//!
//! Position: under the trace layer.
//!
//! Invariant: a line has the route's template and the status, nothing of what was sent.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};

/// Answers a request and logs how.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = path.as_ref().map_or("", MatchedPath::as_str);
    let status = response.status();
    if status.is_server_error() {
        tracing::error!(%method, route, status = status.as_u16(), "request failed");
    } else {
        tracing::info!(%method, route, status = status.as_u16(), "request answered");
    }
    response
}
