//! How the context goes from one part of the shop to the next: by headers, read where a request arrives and
//! written where one is sent.

use async_trait::async_trait;
use axum::{
    extract::MatchedPath,
    http::{self, Extensions},
};
use continuum_observability::{
    extract_trace_context, inject_trace_context, interop::tracing::SpanExt as _,
};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use tower_http::trace::{DefaultMakeSpan, MakeSpan as _};
use tracing::{Level, Span};

/// Makes the span of a request that comes in, under the caller's, and names it by its route.
pub fn request_span<B>(request: &http::Request<B>) -> Span {
    let span = DefaultMakeSpan::new().level(Level::INFO).make_span(request);
    span.set_parent(&extract_trace_context(request.headers()));
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        let name = format!("{} {}", request.method(), route.as_str());
        span.native().update_name(&name);
        span.set_attribute("http.route", route.as_str());
    }
    span
}

/// Writes the context of a call into its headers, inside of the call's own span.
#[derive(Debug)]
pub(crate) struct Propagation;

#[async_trait]
impl Middleware for Propagation {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        inject_trace_context(request.headers_mut());
        next.run(request, extensions).await
    }
}
