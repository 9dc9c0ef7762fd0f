//! What a receiver's answer means.
//!
//! Position: between the HTTP response and the result of [`super::OtlpHttpExporter`].
//!
//! Invariants: at most [`MAX_BODY_BYTES`] of an answer are read; text of the other side is escaped
//! and shortened before it gets into an error.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP Response".

use std::{io::Read as _, time::Duration};

use ureq::{
    Body,
    http::{Response, header},
};

use super::{
    super::{
        Exported, escape,
        wire::{Field, Fields, text},
    },
    retry::retry_after,
};

const MAX_BODY_BYTES: u64 = 64 * 1024;
const MAX_MESSAGE_CHARS: usize = 200;

/// A status that is not a success.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn may_be_retried(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }
}

/// Sorts an answer into success and refusal.
pub(super) fn read(mut response: Response<Body>) -> Result<Exported, Refusal> {
    let status = response.status().as_u16();
    let body = read_body(response.body_mut());
    if response.status().is_success() {
        return Ok(partial_success(&body));
    }
    let field = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let retry_after = field(header::RETRY_AFTER.as_str())
        .and_then(|value| retry_after(value, field(header::DATE.as_str())));
    let is_protobuf = field(header::CONTENT_TYPE.as_str())
        .is_some_and(|value| value.starts_with("application/x-protobuf"));
    let said = if is_protobuf {
        rpc_status_message(&body)
    } else {
        text(&body)
    };
    let location = field(header::LOCATION.as_str()).unwrap_or_default();
    Err(Refusal {
        status,
        reason: explain(status, said.trim(), location),
        retry_after,
    })
}

/// Reads to the end where it can, since only then the connection is kept; a body that breaks off
/// does not change what the status said.
fn read_body(body: &mut Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    let limit = MAX_BODY_BYTES;
    let _read_as_far_as_possible = body
        .as_reader()
        .take(limit)
        .read_to_end(&mut bytes)
        .is_err();
    bytes
}

/// Reads `ExportTraceServiceResponse`. Anything else, such as JSON, says nothing: the status did.
fn partial_success(body: &[u8]) -> Exported {
    let mut exported = Exported::default();
    for message in messages(body, 1) {
        let mut fields = Fields::new(message);
        while let Ok(Some(field)) = fields.next_field() {
            match field {
                (1, Field::Varint(count)) => {
                    exported.rejected = u64::try_from(count.cast_signed()).unwrap_or_default();
                }
                (2, Field::Bytes(bytes)) if !bytes.is_empty() => {
                    exported.message = Some(escape::line(&text(bytes), MAX_MESSAGE_CHARS));
                }
                _ => {}
            }
        }
    }
    exported
}

/// The `message` of a `google.rpc.Status`.
fn rpc_status_message(body: &[u8]) -> String {
    messages(body, 2).last().map(text).unwrap_or_default()
}

fn messages(body: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields::new(body);
    std::iter::from_fn(move || fields.next_field().ok().flatten()).filter_map(move |field| {
        match field {
            (found, Field::Bytes(bytes)) if found == number => Some(bytes),
            _ => None,
        }
    })
}

fn explain(status: u16, said: &str, location: &str) -> String {
    let remedy = match status {
        300..=399 => "redirects are not followed, use the address it points to as the endpoint",
        401 | 403 => "check the credentials in the export headers",
        404 | 405 => "check the path, receivers usually take traces at /v1/traces",
        413 => "lower the batch size or raise the receiver's limit",
        415 => "the receiver does not take application/x-protobuf",
        429 | 502..=504 => "the receiver is overloaded or restarting",
        _ => "",
    };
    let said = escape::line(
        if location.is_empty() { said } else { location },
        MAX_MESSAGE_CHARS,
    );
    match (said.is_empty(), remedy.is_empty()) {
        (false, false) => format!("{said}; {remedy}"),
        (false, true) => said,
        (true, false) => remedy.to_owned(),
        (true, true) => "no reason given".to_owned(),
    }
}
