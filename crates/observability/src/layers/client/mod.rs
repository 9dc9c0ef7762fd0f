//! Spans of HTTP requests that go out.
//!
//! Position: around the call of an HTTP client; the server's span becomes a child of this one, through
//! the headers that [`inject_trace_context`](crate::inject_trace_context) writes.
//!
//! Invariants: the span is named by its method, and by a template where the program gives one, never by
//! the URL; a response of 400 or above is an error.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "HTTP client spans".

#[cfg(feature = "reqwest_0_13")]
mod reqwest;

#[cfg(feature = "reqwest_0_13")]
pub use self::reqwest::{ClientExt, RequestBuilderExt};

use super::{
    http::{set_method, span_name},
    span::{LayerSpan, layer_span},
    spare,
};
use crate::{
    semconv::{Group, attribute, former},
    span::{SpanKind, url::Url},
};

layer_span! {
    /// An outgoing request; made by [`trace_http_request`].
    HttpRequest {
    }
}

/// A `METHOD` span around an outgoing HTTP request, for any client.
///
/// Of the URL neither credentials nor the values of parameters such as `token` are recorded; one that
/// is not absolute is not recorded at all.
///
/// ```
/// use continuum_observability::{
///     inject_trace_context, layers::client::trace_http_request, testing::TestRecorder,
/// };
/// use std::collections::HashMap;
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     trace_http_request("POST", "http://peer:8080/sync?token=abc").in_scope(|span| {
///         let mut headers = HashMap::new();
///         inject_trace_context(&mut headers);
///         assert!(headers.contains_key("traceparent"));
///         span.http_response_status(200);
///     });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "POST [client] http.request.method=POST url.full=http://peer:8080/sync?token=REDACTED \
///      server.address=peer server.port=8080 http.response.status_code=200\n"
/// );
/// ```
pub fn trace_http_request<'a>(method: &str, url: &str) -> HttpRequest<'a> {
    let mut span = LayerSpan::new(span_name(method, None), SpanKind::Client);
    set_method(&mut span, method);
    if let Some(url) = Url::parse(url) {
        target(&mut span, url);
    }
    HttpRequest(span)
}

fn target(span: &mut LayerSpan<'_>, url: Url<'_>) {
    span.set(attribute::URL_FULL, url.full);
    if span.has_former(Group::Http) {
        let host = match url.port {
            Some(port) => format!("{}:{port}", url.host),
            None => url.host.to_owned(),
        };
        span.put(former::HTTP_HOST, host.into());
    }
    let host = spare::joined([url.host]);
    span.set_stable(Group::Http, attribute::SERVER_ADDRESS, host);
    if let Some(port) = url.port {
        span.set_stable(Group::Http, attribute::SERVER_PORT, port);
    }
}

impl HttpRequest<'_> {
    /// Names the span `METHOD template` as well, such as `GET /users/{id}`.
    pub fn template(mut self, template: &str) -> Self {
        self.0.name_more(template);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{semconv::Conventions, testing::TestRecorder};

    fn tree(conventions: Conventions, work: impl FnOnce()) -> String {
        let recorder = TestRecorder::with_conventions(conventions);
        recorder.run(work);
        recorder.tree()
    }

    #[test]
    fn a_response_from_400_on_is_an_error_of_the_client() {
        let answered = |status| {
            tree(Conventions::Stable, || {
                let request = trace_http_request("GET", "").template("/users/{id}");
                let work = |span: &crate::SpanRef| {
                    span.http_response_status(status);
                    Ok::<_, &str>(())
                };
                request.run_sync(work).unwrap();
            })
        };
        assert_eq!(
            answered(302),
            "GET /users/{id} [client] OK http.request.method=GET http.response.status_code=302\n"
        );
        assert_eq!(
            answered(404),
            "GET /users/{id} [client] ERROR http.request.method=GET \
             http.response.status_code=404 error.type=404\n"
        );
    }

    #[test]
    fn a_method_that_nobody_knows_is_not_part_of_the_name() {
        assert_eq!(
            tree(Conventions::Stable, || trace_http_request("BREW", "/pot")
                .in_scope(|_| ())),
            "HTTP [client] http.request.method=_OTHER http.request.method_original=BREW\n"
        );
    }

    #[test]
    fn former_names_are_used_where_asked_for() {
        let request = || trace_http_request("GET", "https://a.example/x").in_scope(|_| ());
        assert_eq!(
            tree(Conventions::Legacy, request),
            "GET [client] http.method=GET http.url=https://a.example/x http.host=a.example:443\n"
        );
    }
}
