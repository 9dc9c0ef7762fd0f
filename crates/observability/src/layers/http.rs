//! What incoming and outgoing HTTP requests have in common: methods, names, outcomes.
//!
//! Position: under `api` and `client`; what is recorded of a URL is decided in `span::url`.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "HTTP spans".

use super::{span::LayerSpan, spare};
use crate::{
    semconv::attribute,
    span::{SpanKind, SpanRef, Status, url::capped},
};
use std::borrow::Cow;

/// Methods that have a name of their own in the conventions.
const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE",
];

/// The method as it is recorded, where it is one that is known; all others are [`OTHER_METHOD`].
pub(crate) fn known_method(method: &str) -> Option<&'static str> {
    METHODS.iter().find(|known| **known == method).copied()
}

/// Stands for every method that is not known.
pub(crate) const OTHER_METHOD: &str = "_OTHER";

/// Stands for it in the name of a span.
pub(crate) const UNKNOWN_IN_NAME: &str = "HTTP";

/// Says which method a request has.
pub(super) fn set_method(span: &mut LayerSpan<'_>, method: &str) {
    if let Some(known) = known_method(method) {
        span.set(attribute::HTTP_REQUEST_METHOD, known);
    } else {
        span.set(attribute::HTTP_REQUEST_METHOD, OTHER_METHOD);
        let method = capped(method).to_owned();
        span.set(attribute::HTTP_REQUEST_METHOD_ORIGINAL, method);
    }
}

/// `METHOD target`, or `HTTP` in place of a method that anybody can make up.
pub(super) fn span_name(method: &str, target: Option<&str>) -> Cow<'static, str> {
    let method = known_method(method).unwrap_or(UNKNOWN_IN_NAME);
    match target {
        Some(target) if !target.is_empty() => spare::joined([method, " ", target]).into(),
        _ => method.into(),
    }
}

impl SpanRef {
    /// Records the status code of an HTTP response, and whether it is an error: from 500 on, and for
    /// the span of a client from 400 on.
    pub fn http_response_status(&self, status: u16) {
        self.http_outcome(status, "");
    }

    /// Records the length of a response's body in bytes.
    pub fn http_response_body_size(&self, bytes: u64) {
        self.set_attribute(attribute::HTTP_RESPONSE_BODY_SIZE, bytes);
    }

    /// Records the status code, with the words for it where it is an error that nobody has told of.
    pub(super) fn http_outcome(&self, status: u16, reason: &str) {
        self.set_conventional(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        let is_client = || self.kind() == Some(SpanKind::Client);
        if status >= 500 || (status >= 400 && is_client()) {
            if !self.has_attribute(attribute::ERROR_TYPE) {
                self.error_type(&status.to_string());
            }
            self.fail(Status::error(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_method_that_anybody_can_make_up() {
        assert_eq!(span_name("GET", Some("/x")), "GET /x");
        assert_eq!(span_name("get", Some("/x")), "HTTP /x");
        assert_eq!(span_name("PROPFIND", None), "HTTP");
        assert_eq!(span_name("POST", Some("")), "POST");
    }
}
