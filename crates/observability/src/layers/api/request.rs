//! What the span of a request says at its start.
//!
//! Position: asked by `service` once for each request.
//!
//! Invariant: everything here was written by a stranger: it is capped, redacted, and never part of
//! the name.

use super::{Config, guarded};
use crate::{
    config::redaction::{REDACTED, is_denied_key},
    context::{Context, get_current_span},
    layers::{
        http::{set_method, span_name},
        span::LayerSpan,
    },
    propagation::extract_trace_context,
    semconv::{Group, attribute, former},
    span::{
        Span, SpanKind, Value,
        url::{Url, capped, host_and_port, redact_query},
    },
};
use ::http::{
    HeaderMap, HeaderValue, Request, Uri, Version,
    header::{self, AsHeaderName},
    uri::PathAndQuery,
};
use std::borrow::Cow;

impl Config {
    /// The context of the caller: its trace and its baggage.
    pub(super) fn caller<B>(&self, request: &Request<B>) -> Context {
        let mut context = extract_trace_context(request.headers());
        context.forced |= self.is_forced(request.headers());
        context
    }

    pub(super) fn is_excluded(&self, path: &str) -> bool {
        self.excluded.iter().any(|excluded| {
            excluded
                .strip_suffix('*')
                .map_or(path == excluded, |start| path.starts_with(start))
        })
    }

    fn is_forced(&self, headers: &HeaderMap) -> bool {
        let name = self.force_header.as_deref();
        let value = name.and_then(|name| headers.get(name)?.to_str().ok());
        value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    /// Starts the span of a request.
    pub(super) fn start<B>(&self, request: &Request<B>, caller: &Context) -> Span {
        let route = guarded(self.route.as_ref(), request.extensions());
        let name = span_name(request.method().as_str(), route.as_deref());
        let mut span = LayerSpan::new(name, SpanKind::Server).parent(caller);
        describe(&mut span, request, self.behind_proxy);
        if let Some(route) = route {
            span.set(attribute::HTTP_ROUTE, route);
        }
        if let Some(client) = self.client_address(request) {
            span.set(attribute::CLIENT_ADDRESS, client);
        }
        for (header, key) in [
            (&self.tenant_header, attribute::TENANT_ID),
            (&self.user_header, attribute::ENDUSER_ID),
        ] {
            if let Some(value) = header
                .as_ref()
                .and_then(|name| text(request.headers(), name.as_str()))
            {
                span.put(key, value.into());
            }
        }
        for (name, key) in &self.request_headers {
            if let Some(values) = header_values(request.headers(), name) {
                span.put(key, values);
            }
        }
        span.start()
    }

    fn client_address<'r, B>(&self, request: &'r Request<B>) -> Option<Cow<'r, str>> {
        let forwarded = || forwarded(request.headers(), "x-forwarded-for");
        self.behind_proxy
            .then(forwarded)
            .flatten()
            .map(Cow::Borrowed)
            .or_else(|| guarded(self.client.as_ref(), request.extensions()).map(Cow::Owned))
    }
}

/// Records on the current span what the layer would say of a request.
///
/// For a service without [`TraceLayer`](super::TraceLayer).
///
/// ```
/// use continuum_observability::{
///     get_tracer, layers::api::enrich_span_with_request, testing::TestRecorder,
/// };
///
/// let request = http::Request::get("/users?token=abc").body(()).unwrap();
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     get_tracer("api").in_scope("handle", |_| enrich_span_with_request(&request));
/// });
/// assert_eq!(
///     recorder.tree(),
///     "handle http.request.method=GET url.path=/users url.query=token=REDACTED url.scheme=http \
///      network.protocol.version=1.1\n"
/// );
/// ```
pub fn enrich_span_with_request<B>(request: &Request<B>) {
    let mut span = LayerSpan::new("", SpanKind::Server);
    describe(&mut span, request, false);
    span.describe(&get_current_span());
}

/// What can be said of any request.
fn describe<'a, B>(span: &mut LayerSpan<'a>, request: &'a Request<B>, behind_proxy: bool) {
    let (uri, headers) = (request.uri(), request.headers());
    let proxied = |name| behind_proxy.then(|| forwarded(headers, name)).flatten();
    set_method(span, request.method().as_str());
    let scheme = proxied("x-forwarded-proto")
        .or_else(|| uri.scheme_str())
        .unwrap_or("http");
    target(span, capped(uri.path()), uri.query().map(redact_query));
    span.set(attribute::URL_SCHEME, scheme);
    let host = proxied("x-forwarded-host")
        .or_else(|| text(headers, header::HOST))
        .or_else(|| uri.host());
    if let Some(host) = host {
        server(span, host, scheme);
        if span.has_former(Group::Http) {
            whole_url(span, &format!("{scheme}://{host}{}", path_and_query(uri)));
        }
    }
    if let Some(version) = version(request.version()) {
        span.set(attribute::NETWORK_PROTOCOL_VERSION, version);
    }
    if let Some(agent) = text(headers, header::USER_AGENT) {
        span.set(attribute::USER_AGENT_ORIGINAL, agent);
    }
    if let Some(size) = body_size(headers) {
        span.set(attribute::HTTP_REQUEST_BODY_SIZE, size);
    }
}

fn target<'a>(span: &mut LayerSpan<'a>, path: &'a str, query: Option<Cow<'a, str>>) {
    let query = query.filter(|query| !query.is_empty());
    if span.has_former(Group::Http) {
        let whole = match &query {
            Some(query) => Cow::Owned(format!("{path}?{query}")),
            None => Cow::Borrowed(path),
        };
        span.put(former::HTTP_TARGET, whole.into());
    }
    span.set_stable(Group::Http, attribute::URL_PATH, path);
    if let Some(query) = query {
        span.set_stable(Group::Http, attribute::URL_QUERY, query);
    }
}

fn server<'a>(span: &mut LayerSpan<'a>, host: &'a str, scheme: &str) {
    span.set_former(Group::Http, former::HTTP_HOST, host);
    if let Some((address, port)) = host_and_port(host) {
        let port = port.unwrap_or(if scheme == "https" { 443 } else { 80 });
        span.set_stable(Group::Http, attribute::SERVER_ADDRESS, address);
        span.set_stable(Group::Http, attribute::SERVER_PORT, port);
    }
}

/// The URL as the client wrote it, which only the former conventions have on a server's span.
fn whole_url(span: &mut LayerSpan<'_>, url: &str) {
    if let Some(url) = Url::parse(url) {
        span.put(former::HTTP_URL, url.full.into());
    }
}

fn path_and_query(uri: &Uri) -> &str {
    let whole = uri.path_and_query().map(PathAndQuery::as_str);
    // A request about the server itself has `*` there.
    whole
        .filter(|whole| whole.starts_with('/'))
        .unwrap_or_default()
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// The length of a body as its sender announced it.
pub(super) fn body_size(headers: &HeaderMap) -> Option<u64> {
    let announced = headers.get(header::CONTENT_LENGTH)?;
    announced.to_str().ok()?.parse().ok()
}

/// All values of a header; one that carries a secret says that it is there.
pub(super) fn header_values(headers: &HeaderMap, name: &str) -> Option<Value<'static>> {
    let shown = |value: &HeaderValue| {
        if is_denied_key(name) || value.is_sensitive() {
            REDACTED.to_owned()
        } else {
            capped(&String::from_utf8_lossy(value.as_bytes())).to_owned()
        }
    };
    let values: Vec<String> = headers.get_all(name).iter().map(shown).collect();
    (!values.is_empty()).then(|| values.into())
}

/// The text of a header's first value.
#[inline]
fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    Some(capped(headers.get(name)?.to_str().ok()?))
}

/// What the proxy nearest to the client says.
fn forwarded<'r>(headers: &'r HeaderMap, name: &str) -> Option<&'r str> {
    let value = headers.get(name)?.to_str().ok()?;
    let first = value.split(',').next().map(str::trim)?;
    (!first.is_empty()).then(|| capped(first))
}
