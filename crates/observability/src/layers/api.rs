//! Spans of the API layer: a tower layer that traces HTTP requests.
//!
//! Position: outermost in a service. Takes the caller's `traceparent`, answers with `trace_id`.
//!
//! Invariants: the span is named `METHOD route` with the route's template, never with the path that
//! was asked for; an answer of 500 or above, or a service error, is an error, anything below is not.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "HTTP server spans" (stable names).

use crate::{
    context::InContext,
    context::{FutureExt as _, get_trace_id},
    propagation::extract_trace_context,
    span::{Span, SpanKind, SpanRef, Status, get_tracer},
};
use http::{Extensions, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use std::{
    fmt::{self, Display},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower_layer::Layer;
use tower_service::Service;

type RouteOf = dyn Fn(&Extensions) -> Option<String> + Send + Sync;

/// Traces every HTTP request of a service.
///
/// With axum, name the spans by the matched route:
///
/// ```
/// use continuum_observability::layers::api::TraceLayer;
///
/// let layer = TraceLayer::new();
/// # let _ = layer;
/// ```
#[derive(Clone, Default)]
pub struct TraceLayer {
    route: Option<Arc<RouteOf>>,
}

impl TraceLayer {
    /// A layer that names spans by their method alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Finds the route's template in the request's extensions, such as axum's `MatchedPath`.
    #[must_use]
    pub fn route_by(
        mut self,
        route: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.route = Some(Arc::new(route));
        self
    }

    fn start<B>(&self, request: &Request<B>) -> Span {
        let method = request.method().as_str();
        let route = self
            .route
            .as_ref()
            .and_then(|route| route(request.extensions()));
        let name = route
            .as_ref()
            .map_or_else(|| method.to_owned(), |r| format!("{method} {r}"));
        let parent = extract_trace_context(request.headers());
        let mut builder = get_tracer("continuum.api")
            .span_builder(&name)
            .kind(SpanKind::Server)
            .parent(&parent)
            .attribute("http.request.method", method)
            .attribute("url.path", request.uri().path())
            .attribute("url.scheme", request.uri().scheme_str().unwrap_or("http"));
        if let Some(route) = &route {
            builder = builder.attribute("http.route", route.as_str());
        }
        builder.start()
    }
}

impl fmt::Debug for TraceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceLayer")
            .field("route_by", &self.route.is_some())
            .finish()
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`TraceLayer`] makes.
#[derive(Debug, Clone)]
pub struct Trace<S> {
    inner: S,
    layer: TraceLayer,
}

impl<S, B, R> Service<Request<B>> for Trace<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = InContext<TracedResponse<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let span = self.layer.start(&request);
        let view = span.view().clone();
        let inner = crate::with_context(&span.as_context(), || self.inner.call(request));
        TracedResponse { inner, span: view }.in_span(span)
    }
}

pin_project! {
    /// The answer to a traced request.
    #[derive(Debug)]
    pub struct TracedResponse<F> {
        #[pin]
        inner: F,
        span: SpanRef,
    }
}

impl<F, R, E: Display> Future for TracedResponse<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        match &mut result {
            Ok(response) => describe(this.span, response),
            Err(error) => this.span.record_failure(error),
        }
        Poll::Ready(result)
    }
}

fn describe<R>(span: &SpanRef, response: &mut Response<R>) {
    let status = response.status();
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_attribute("error.type", status.as_str());
        span.set_status(Status::error(status.canonical_reason().unwrap_or_default()));
    }
    if let Some(value) = get_trace_id().and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
        response.headers_mut().insert("trace_id", value);
    }
}
