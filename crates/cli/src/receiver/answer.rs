//! What the sender of a request is told.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP Response": an empty `ExportTraceServiceResponse`, or a
//! `google.rpc.Status`, in the encoding of the request.

use std::fmt::Display;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::{body::MAX_REQUEST_BYTES, encoding::Encoding};

/// The field `message` of `google.rpc.Status`: number 2, with a length.
const MESSAGE_TAG: u8 = 0x12;

/// One byte is enough for the length of a shorter text.
const MAX_MESSAGE_BYTES: usize = 0x7f;

/// Why a request was not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: String) -> Self {
        Self { status, message }
    }

    pub(super) fn unreadable(why: &impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why.to_string())
    }

    pub(super) fn too_large() -> Self {
        let limit = MAX_REQUEST_BYTES >> 20;
        let message = format!("the request is larger than {limit} MiB");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub(super) fn wrong_content_type() -> Self {
        let message = "content-type is not application/x-protobuf or application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned())
    }

    pub(super) fn stopping() -> Self {
        let message = "the traced program has ended".to_owned();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    pub(super) fn answer(self, encoding: Encoding) -> Response {
        let body = match encoding {
            Encoding::Json => json!({ "message": self.message }).to_string().into_bytes(),
            Encoding::Protobuf => status_message(&self.message),
        };
        (
            self.status,
            [(header::CONTENT_TYPE, encoding.media_type())],
            body,
        )
            .into_response()
    }
}

/// An encoded `google.rpc.Status` that holds a text alone.
fn status_message(text: &str) -> Vec<u8> {
    let end = text.floor_char_boundary(MAX_MESSAGE_BYTES);
    let shown = text.get(..end).unwrap_or_default();
    let length = u8::try_from(shown.len()).unwrap_or_default();
    [&[MESSAGE_TAG, length], shown.as_bytes()].concat()
}

/// Everything was taken.
pub(super) fn accepted(encoding: Encoding) -> Response {
    let body = match encoding {
        Encoding::Json => "{}",
        Encoding::Protobuf => "",
    };
    ([(header::CONTENT_TYPE, encoding.media_type())], body).into_response()
}
