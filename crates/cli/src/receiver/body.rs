//! The body of a request, within a limit before and after it is unpacked.

use std::{
    io::{self, Read},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::answer::Refusal;

/// The largest request, as it comes and unpacked; exporters send some hundred KiB.
pub(super) const MAX_REQUEST_BYTES: usize = 16 << 20;

/// How long a request may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// The message of a request over HTTP.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let bytes = read_raw(body).await?;
    match headers.get(header::CONTENT_ENCODING) {
        None => Ok(bytes),
        Some(packing) => unpack(packing.as_bytes(), bytes),
    }
}

/// The body as it comes.
pub(super) async fn read_raw(body: Body) -> Result<Bytes, Refusal> {
    let reading = timeout(
        ARRIVAL_TIMEOUT,
        Limited::new(body, MAX_REQUEST_BYTES).collect(),
    );
    let Ok(read) = reading.await else {
        let message = "the request took too long to arrive".to_owned();
        return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message));
    };
    let collected = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Refusal::too_large()
        } else {
            Refusal::unreadable(&error)
        }
    });
    Ok(collected?.to_bytes())
}

/// What is inside of a compressed body.
pub(super) fn unpack(packing: &[u8], bytes: Bytes) -> Result<Bytes, Refusal> {
    match packing {
        b"identity" => Ok(bytes),
        b"gzip" => read_within_limit(MultiGzDecoder::new(&*bytes)),
        b"deflate" => read_within_limit(ZlibDecoder::new(&*bytes)),
        _ => {
            let message = "the compression is not gzip, deflate or identity".to_owned();
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}

fn read_within_limit(unpacking: impl Read) -> Result<Bytes, Refusal> {
    let mut unpacked = Vec::new();
    let more_than_allowed = MAX_REQUEST_BYTES as u64 + 1;
    let read: io::Result<usize> = unpacking.take(more_than_allowed).read_to_end(&mut unpacked);
    read.map_err(|error| Refusal::unreadable(&error))?;
    if unpacked.len() > MAX_REQUEST_BYTES {
        return Err(Refusal::too_large());
    }
    Ok(unpacked.into())
}
