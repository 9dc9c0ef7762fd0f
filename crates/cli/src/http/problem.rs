//! Every answer that is not a success: a problem document with its status.
//!
//! Position: returned by `caller`, `body`, `route`; the only place that turns an error into a status.
//!
//! Invariants:
//! - a document names the trace in which the request was recorded, and what to do;
//! - a document repeats no text that was sent, except the name of a field that is not known, shortened;
//! - what the caller cannot change (5xx) is described without paths and without SQL: the trace has
//!   the details.
//!
//! Source: RFC 9457, "Problem Details for HTTP APIs".

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use continuum_memory::MemoryError;
use continuum_observability::get_trace_id;
use serde::Serialize;

use super::route::{Route, routes};

/// Every route, so that whoever has missed one sees it.
static USE_A_ROUTE: LazyLock<String> = LazyLock::new(|| {
    let route = |route: Route| format!("{} {}", route.method, route.path);
    format!("use {}", routes().map(route).collect::<Vec<_>>().join(", "))
});

/// Why a request is not answered.
#[derive(Debug)]
pub(super) enum Problem {
    /// There is no key, or not in a form that is understood.
    KeyMissing,
    /// Nobody has this key.
    KeyUnknown,
    /// No other node has this key.
    PeerUnknown,
    /// No route has this path.
    RouteUnknown,
    /// The route exists, with another method.
    WrongMethod,
    /// The content type is not JSON.
    WrongContentType,
    /// The body did not arrive completely.
    BodyIncomplete,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body is longer than its limit.
    BodyTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body is not JSON.
    NotJson(serde_json::Error),
    /// The body is JSON, but not the object that the route takes, for this reason.
    WrongShape(String),
    /// The memory refused.
    Memory(MemoryError),
    /// The thread that did the work panicked.
    Crashed,
}

/// The document that is sent.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: String,
    remedy: &'a str,
    trace_id: Option<String>,
}

impl Problem {
    /// The table of errors and statuses.
    fn status(&self) -> StatusCode {
        match self {
            Self::NotJson(_) | Self::BodyIncomplete => StatusCode::BAD_REQUEST,
            Self::KeyMissing | Self::KeyUnknown | Self::PeerUnknown => StatusCode::UNAUTHORIZED,
            Self::Memory(MemoryError::NotThePeers) => StatusCode::FORBIDDEN,
            Self::RouteUnknown => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::WrongShape(_) | Self::Memory(MemoryError::Input(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Memory(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Memory(_) | Self::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::KeyMissing => "the request has no API key".to_owned(),
            Self::KeyUnknown => "the API key is unknown".to_owned(),
            Self::PeerUnknown => "the key is not that of a peer".to_owned(),
            Self::RouteUnknown => "there is no such route".to_owned(),
            Self::WrongMethod => "the route does not take this method".to_owned(),
            Self::WrongContentType => "the content type is not application/json".to_owned(),
            Self::BodyIncomplete => "the body did not arrive completely".to_owned(),
            Self::BodyTooSlow => "the body did not arrive in time".to_owned(),
            Self::BodyTooLarge { limit_bytes } => {
                format!("the body is longer than {limit_bytes} bytes")
            }
            Self::NotJson(error) => format!("the body is not JSON: {error}"),
            Self::WrongShape(reason) => format!("the body is not as expected: {reason}"),
            Self::Memory(MemoryError::Input(error)) => error.to_string(),
            Self::Memory(error @ MemoryError::NotThePeers) => error.to_string(),
            Self::Memory(error) if error.is_transient() => "the memory is busy".to_owned(),
            Self::Memory(_) => "the memory could not be read or written".to_owned(),
            Self::Crashed => "the request could not be finished".to_owned(),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::KeyMissing => "send Authorization: Bearer <key>, or X-API-Key: <key>",
            Self::KeyUnknown => "create a key with: continuum key create --tenant <name>",
            Self::PeerUnknown => "create a key with: continuum key create --peer <name>",
            Self::RouteUnknown | Self::WrongMethod => &USE_A_ROUTE,
            Self::WrongContentType => "send Content-Type: application/json",
            Self::BodyIncomplete => "send as many bytes as Content-Length says, then wait",
            Self::BodyTooSlow => "send the whole body right after the headers",
            Self::BodyTooLarge { .. } => {
                "split the text over several requests, or send less metadata"
            }
            Self::NotJson(_) => "send one JSON object, in UTF-8",
            Self::WrongShape(_) => "correct what the detail names",
            Self::Memory(MemoryError::Input(error)) => error.remedy(),
            Self::Memory(error @ MemoryError::NotThePeers) => error.remedy(),
            Self::Memory(error) if error.is_transient() => error.remedy(),
            Self::Memory(_) | Self::Crashed => "look at the trace for the reason",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let document = Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.detail(),
            remedy: self.remedy(),
            trace_id: get_trace_id().map(|id| id.to_string()),
        };
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        // RFC 9110, section 11.6.1, and section 10.2.3.
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<MemoryError> for Problem {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}
