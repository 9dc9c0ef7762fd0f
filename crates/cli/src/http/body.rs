//! What is asked: a JSON body of limited size.
//!
//! Position: last extractor of a route, after the caller is known.
//!
//! Invariants:
//! - at most [`MAX_BODY_BYTES`] are held, whatever the request announces;
//! - a body that is somewhat too long is read to its end and thrown away, because a caller that is
//!   still sending would see a broken connection instead of the answer.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::problem::Problem;

/// The longest body that is accepted.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How much of a body is read in all before the connection is given up.
const MAX_READ_BYTES: usize = 16 * MAX_BODY_BYTES;

/// A request body that was JSON of the right shape.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::WrongContentType);
        }
        let bytes = read(request.into_body()).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| match error.classify() {
                Category::Data => Problem::WrongShape(error),
                Category::Syntax | Category::Eof | Category::Io => Problem::NotJson(error),
            })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

async fn read(mut body: Body) -> Result<Bytes, Problem> {
    let mut kept = Vec::new();
    let mut read_bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::BodyIncomplete);
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        read_bytes += data.len();
        if read_bytes > MAX_READ_BYTES {
            break;
        }
        if read_bytes <= MAX_BODY_BYTES {
            kept.extend_from_slice(data);
        } else {
            kept = Vec::new();
        }
    }
    if read_bytes > MAX_BODY_BYTES {
        return Err(Problem::BodyTooLarge {
            limit_bytes: MAX_BODY_BYTES,
        });
    }
    Ok(kept.into())
}
