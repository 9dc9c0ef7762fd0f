//! The messages with which OTLP receivers answer.
//!
//! Position: between the transports and the result of an export.
//!
//! Invariants: no panic on any bytes; text of the other side is escaped and shortened before it gets
//! out of here or into an error.
//!
//! Source: OTLP specification 1.x, "Partial Success"; `google/rpc/status.proto`,
//! `google/rpc/error_details.proto`.

use super::super::{
    Exported, escape,
    wire::{Field, Fields, text},
};

const MAX_MESSAGE_CHARS: usize = 200;
/// Of a body this long the end may be missing: exporters keep 64 KiB, the head of gRPC included.
const LONG_BODY_BYTES: usize = 60 << 10;

/// Reads `ExportTraceServiceResponse`. Anything else, such as JSON, says nothing: the status did. A long
/// text may be cut, and stands behind the number.
pub(crate) fn partial_success(body: &[u8]) -> Exported {
    let of_body = if body.len() < LONG_BODY_BYTES {
        Fields::new
    } else {
        Fields::of_cut
    };
    let mut exported = Exported::default();
    for message in messages_in(of_body(body), 1) {
        let mut fields = of_body(message);
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
#[cfg(feature = "otlp-http")]
pub(crate) fn rpc_status_message(body: &[u8]) -> String {
    messages(body, 2).last().map(text).unwrap_or_default()
}

/// The wait that the `RetryInfo` of a `google.rpc.Status` asks for.
#[cfg(feature = "otlp-grpc")]
pub(crate) fn rpc_retry_delay(status: &[u8]) -> Option<std::time::Duration> {
    const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";
    let is_retry_info = |any: &&[u8]| messages(any, 1).last() == Some(RETRY_INFO);
    let any = messages(status, 3).find(is_retry_info)?;
    let delay = messages(messages(any, 2).last()?, 1).last()?;
    let (mut secs, mut nanos) = (0, 0);
    let mut fields = Fields::new(delay);
    while let Ok(Some(field)) = fields.next_field() {
        match field {
            (1, Field::Varint(value)) => secs = u64::try_from(value.cast_signed()).ok()?,
            (2, Field::Varint(value)) => nanos = u32::try_from(value).ok()?,
            _ => {}
        }
    }
    let nanos = std::time::Duration::from_nanos(nanos.into());
    std::time::Duration::from_secs(secs).checked_add(nanos)
}

fn messages(body: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    messages_in(Fields::new(body), number)
}

fn messages_in(mut fields: Fields<'_>, number: u32) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || fields.next_field().ok().flatten()).filter_map(move |field| {
        match field {
            (found, Field::Bytes(bytes)) if found == number => Some(bytes),
            _ => None,
        }
    })
}
