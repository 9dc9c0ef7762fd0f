//! The one call of OTLP over gRPC that carries spans: a message behind five bytes, answered with trailers.
//!
//! Source: "gRPC over HTTP2", in the repository of gRPC; OTLP specification 1.x, "OTLP/gRPC".

use std::future::ready;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, Full};

use super::{
    answer::Refusal,
    body::{read_raw, unpack},
};

pub(super) const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

const MEDIA_TYPE: &str = "application/grpc";
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// Whether the message is compressed, and its length as four bytes, the highest first.
const PREFIX_BYTES: usize = 5;

/// An empty message, not compressed.
const EMPTY_MESSAGE: [u8; PREFIX_BYTES] = [0; PREFIX_BYTES];

/// The message of a call.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let mut bytes = read_raw(body).await?;
    let Some(prefix) = bytes.first_chunk::<PREFIX_BYTES>() else {
        return Err(Refusal::unreadable(&"a call without a message"));
    };
    let [is_compressed, length @ ..] = *prefix;
    let message = bytes.split_off(PREFIX_BYTES);
    if u32::try_from(message.len()) != Ok(u32::from_be_bytes(length)) {
        return Err(Refusal::unreadable(&"the call is not one whole message"));
    }
    if is_compressed == 0 {
        return Ok(message);
    }
    let packing = headers.get(ENCODING).map(HeaderValue::as_bytes);
    unpack(packing.unwrap_or_default(), message)
}

/// An empty response, or the reason why there is none.
pub(super) fn answer(taken: Result<(), Refusal>) -> Response {
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    match taken {
        Ok(()) => {
            let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
            let message = Full::new(Bytes::from_static(&EMPTY_MESSAGE));
            let body = message.with_trailers(ready(Some(Ok(trailers))));
            ([media_type], Body::new(body)).into_response()
        }
        // A status without a message is all in the headers.
        Err(refusal) => {
            let status = (STATUS, HeaderValue::from_static(code(refusal.status)));
            let message = (MESSAGE, text(&refusal.message));
            ([media_type, status, message], Body::empty()).into_response()
        }
    }
}

/// The status of gRPC that says the same.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "8",    // resource exhausted
        StatusCode::SERVICE_UNAVAILABLE => "14", // unavailable
        StatusCode::REQUEST_TIMEOUT => "4",      // deadline exceeded
        _ => "3",                                // invalid argument
    }
}

/// A header's value; what cannot stand in one is a question mark.
fn text(message: &str) -> HeaderValue {
    let visible = |char: char| {
        if matches!(char, ' '..='~') && char != '%' {
            char
        } else {
            '?'
        }
    };
    let shown: String = message.chars().map(visible).collect();
    HeaderValue::try_from(shown).unwrap_or(HeaderValue::from_static(""))
}
