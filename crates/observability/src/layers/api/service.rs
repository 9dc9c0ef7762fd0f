//! The service that traces, and its future.
//!
//! Position: between the server and the service inside, which runs in the context of the span.

use super::{
    Config,
    request::{body_size, header_values},
};
use crate::{
    context::{FutureExt as _, InContext, encode_hex, with_context},
    span::{Exception, SpanRef},
};
use ::http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    fmt::{self, Display},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower_service::Service;

/// The header that tells the client its trace.
static TRACE_ID: HeaderName = HeaderName::from_static("trace_id");

/// The service that [`TraceLayer`](super::TraceLayer) makes.
#[derive(Clone)]
pub struct Trace<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> Trace<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }
}

impl<S: fmt::Debug> fmt::Debug for Trace<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Trace<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display,
    R: Body,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = InContext<TracedResponse<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let caller = self.config.caller(&request);
        if self.config.is_excluded(request.uri().path()) {
            let context = caller.with_telemetry_disabled();
            let inner = with_context(&context, || self.inner.call(request));
            return self.traced(inner, SpanRef::default()).with_context(context);
        }
        let span = self.config.start(&request, &caller);
        let scope = span.as_context().attach();
        let inner = scope.run(|| self.inner.call(request));
        self.traced(inner, span.view().clone()).in_span(span)
    }
}

impl<S> Trace<S> {
    fn traced<F>(&self, inner: F, span: SpanRef) -> TracedResponse<F> {
        TracedResponse {
            inner,
            span,
            config: Arc::clone(&self.config),
        }
    }
}

pin_project! {
    /// The answer to a traced request.
    pub struct TracedResponse<F> {
        #[pin]
        inner: F,
        span: SpanRef,
        config: Arc<Config>,
    }
}

impl<F> fmt::Debug for TracedResponse<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedResponse")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

impl<F, R: Body, E: Display> Future for TracedResponse<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        match &mut result {
            Ok(response) => describe(this.span, response, this.config),
            Err(error) => {
                if this.span.is_recording() {
                    this.span.escaped(&Exception::of_text(error), true);
                }
                this.span.error_type(std::any::type_name::<E>());
            }
        }
        Poll::Ready(result)
    }
}

fn describe<R: Body>(span: &SpanRef, response: &mut Response<R>, config: &Config) {
    let status = response.status();
    span.http_outcome(
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
    );
    // The server announces the length later than this, where it is known only from the body.
    let size = body_size(response.headers()).or_else(|| response.body().size_hint().exact());
    if let Some(size) = size {
        span.http_response_body_size(size);
    }
    for (name, key) in &config.response_headers {
        if let Some(values) = header_values(response.headers(), name) {
            span.set_attribute(key, values);
        }
    }
    if let Some(value) = trace_id_of(span) {
        response.headers_mut().insert(TRACE_ID.clone(), value);
    }
}

fn trace_id_of(span: &SpanRef) -> Option<HeaderValue> {
    let trace_id = span.context().trace_id();
    if !trace_id.is_valid() {
        return None;
    }
    let mut digits = [0; 32];
    encode_hex(&trace_id.to_bytes(), &mut digits);
    HeaderValue::from_bytes(&digits).ok()
}
