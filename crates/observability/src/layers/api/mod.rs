//! Spans of the API layer: a tower layer that traces HTTP requests.
//!
//! Position: outermost in a service. Takes the caller's `traceparent`, answers with `trace_id`.
//! `request` and `service` do the work, this file has what can be chosen.
//!
//! Invariants: the span is named `METHOD route` with the route's template, never with the path that
//! was asked for; an answer of 500 or above, or a service error, is an error, anything below is not;
//! what a client sends decides about nothing unless a setting says so.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "HTTP server spans".

mod request;
mod service;
#[cfg(test)]
mod tests;

pub use request::enrich_span_with_request;
pub use service::{Trace, TracedResponse};

use crate::context::get_current_span;
use ::http::Extensions;
use std::{
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tower_layer::Layer;

type Lookup = Arc<dyn Fn(&Extensions) -> Option<String> + Send + Sync>;

/// Traces every HTTP request of a service.
///
/// The span lasts until the head of the response is there; a body that is streamed afterwards is not part
/// of it. A client that hangs up before leaves the event `cancelled`. The id of the trace is sent back
/// in the header `trace_id`.
///
/// With axum, name the spans by the matched route:
///
/// ```
/// use axum::{Router, extract::MatchedPath, routing::get};
/// use continuum_observability::layers::api::TraceLayer;
///
/// let layer = TraceLayer::new()
///     .route_by(|extensions| {
///         extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
///     })
///     .tenant_header("x-tenant-id")
///     .capture_request_headers(["x-request-id"])
///     .exclude("/healthz");
/// let app: Router = Router::new().route("/users/{id}", get(async || "ann")).layer(layer);
/// # let _ = app;
/// ```
#[derive(Clone, Default)]
pub struct TraceLayer {
    config: Arc<Config>,
}

/// What was chosen for a layer.
#[derive(Clone, Default)]
struct Config {
    route: Option<Lookup>,
    client: Option<Lookup>,
    /// Names of headers, and the attributes that they become.
    request_headers: Vec<(String, String)>,
    response_headers: Vec<(String, String)>,
    tenant_header: Option<String>,
    user_header: Option<String>,
    force_header: Option<String>,
    excluded: Vec<String>,
    behind_proxy: bool,
}

impl TraceLayer {
    /// A layer that names spans by their method alone.
    pub fn new() -> Self {
        Self::default()
    }

    fn change(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Finds the route's template in the request's extensions, such as axum's `MatchedPath`.
    #[must_use]
    pub fn route_by(
        self,
        route: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.change(|config| config.route = Some(Arc::new(route)))
    }

    /// Finds the client's address in the request's extensions, such as axum's `ConnectInfo`.
    #[must_use]
    pub fn client_by(
        self,
        client: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.change(|config| config.client = Some(Arc::new(client)))
    }

    /// Believes `X-Forwarded-For`, `-Proto` and `-Host` about client, scheme and server.
    ///
    /// Only for a service that is reached through a proxy which sets them: anybody else can write
    /// into them what they like.
    #[must_use]
    pub fn behind_proxy(self) -> Self {
        self.change(|config| config.behind_proxy = true)
    }

    /// Records the value of a header as `tenant.id`.
    ///
    /// Off unless asked for, because a header is only what the client says: name one that something in
    /// front of the service has checked.
    #[must_use]
    pub fn tenant_header(self, name: &str) -> Self {
        self.change(|config| config.tenant_header = Some(name.to_owned()))
    }

    /// Records the value of a header as `enduser.id`; the same holds as for the tenant's.
    #[must_use]
    pub fn user_header(self, name: &str) -> Self {
        self.change(|config| config.user_header = Some(name.to_owned()))
    }

    /// Records headers of requests as `http.request.header.<name>`.
    ///
    /// Those that carry secrets, such as `authorization`, are recorded as `[redacted]`.
    #[must_use]
    pub fn capture_request_headers<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.change(|config| {
            add_headers(&mut config.request_headers, "http.request.header.", names);
        })
    }

    /// Records headers of responses as `http.response.header.<name>`, secrets as `[redacted]`.
    #[must_use]
    pub fn capture_response_headers<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.change(|config| {
            add_headers(&mut config.response_headers, "http.response.header.", names);
        })
    }

    /// Records nothing of requests to a path, nor of what is done to answer them.
    ///
    /// A `*` at the end stands for any rest: `/static/*`.
    #[must_use]
    pub fn exclude(self, path: &str) -> Self {
        self.change(|config| config.excluded.push(path.to_owned()))
    }

    /// Records a request whatever the sampler says, if the header is `1` or `true`.
    ///
    /// Off unless asked for: who knows the name can have every request of theirs recorded.
    #[must_use]
    pub fn force_sampling_header(self, name: &str) -> Self {
        self.change(|config| config.force_header = Some(name.to_owned()))
    }
}

fn add_headers<'n>(
    headers: &mut Vec<(String, String)>,
    prefix: &str,
    names: impl IntoIterator<Item = &'n str>,
) {
    let names = names.into_iter().map(str::to_ascii_lowercase);
    headers.extend(names.map(|name| {
        let attribute = format!("{prefix}{name}");
        (name, attribute)
    }));
}

/// Asks code of the user's; if it panics, it has no answer.
fn guarded(lookup: Option<&Lookup>, extensions: &Extensions) -> Option<String> {
    let lookup = lookup?;
    catch_unwind(AssertUnwindSafe(|| lookup(extensions))).unwrap_or_default()
}

impl fmt::Debug for TraceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceLayer")
            .field("route_by", &self.config.route.is_some())
            .field("excluded", &self.config.excluded)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace::new(inner, Arc::clone(&self.config))
    }
}

/// Records on the current span why a request could not be served: exception, error status, type.
///
/// For errors that become an answer before the layer sees them.
///
/// ```
/// use continuum_observability::{get_tracer, layers::api::record_api_error, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     get_tracer("api").in_scope("validate", |_| {
///         record_api_error(&"x".parse::<u16>().unwrap_err());
///     });
/// });
/// assert!(recorder.tree().contains("error.type=core::num::error::ParseIntError"));
/// ```
pub fn record_api_error<E: Error>(error: &E) {
    let span = get_current_span();
    span.record_error(error);
    span.error_type(std::any::type_name::<E>());
}
