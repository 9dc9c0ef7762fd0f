//! What is asked: a JSON body of limited size.
//!
//! Position: last extractor of a route, after the caller is known.
//!
//! Invariant: at most [`MAX_BODY_BYTES`] are held, whatever the request announces.

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
const MAX_BODY_BYTES: usize = 1024 * 1024;

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
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::BodyIncomplete);
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            return Err(Problem::BodyTooLarge {
                limit_bytes: MAX_BODY_BYTES,
            });
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.into())
}
