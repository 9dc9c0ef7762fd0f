//! What an HTTP request says of itself, by the recorder's own HTTP layer.
//!
//! Position: called by the package's ASGI middleware.
//!
//! Invariant: names, redaction and caps are those of the Rust layer, since it is the one at work.

use crate::{span::PySpan, value::Text};
use continuum_observability::{layers::api::enrich_span_with_request, with_context};
use http::{
    HeaderName, HeaderValue, Method, Request, Uri, Version, header::HOST, uri::PathAndQuery,
};
use pyo3::prelude::*;

/// Records method, URL, headers and version of a request on a span.
#[pyfunction]
pub(crate) fn describe_request(
    span: &Bound<'_, PySpan>,
    method: Text,
    scheme: Text,
    target: Text,
    version: Text,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
) {
    let Some(state) = span.get().state() else {
        return;
    };
    let mut request = Request::new(());
    *request.method_mut() = method_named(&method.0);
    *request.version_mut() = match version.0.as_str() {
        "1.0" => Version::HTTP_10,
        "2" => Version::HTTP_2,
        "3" => Version::HTTP_3,
        _ => Version::HTTP_11,
    };
    for (name, value) in &headers {
        // A header that is none does not take the others with it.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            request.headers_mut().append(name, value);
        }
    }
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok());
    *request.uri_mut() = uri(&scheme.0, host, &target.0);
    with_context(state.context(), || enrich_span_with_request(&request));
}

/// What is no method is recorded like one that nobody knows.
fn method_named(name: &str) -> Method {
    let other = || Method::from_bytes(b"_OTHER").unwrap_or_default();
    name.parse().unwrap_or_else(|_| other())
}

/// The whole address where the host is known and usable, else the path.
fn uri(scheme: &str, host: Option<&str>, target: &str) -> Uri {
    let path = target.parse::<PathAndQuery>().ok();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let whole = host.and_then(|host| {
        let parts = Uri::builder().scheme(scheme).authority(host);
        parts.path_and_query(path.clone()).build().ok()
    });
    whole.unwrap_or_else(|| Uri::from(path))
}
