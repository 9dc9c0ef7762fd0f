//! What is asked: a JSON body of limited size.
//!
//! Position: last extractor of a route, after the caller is known.
//!
//! Invariants:
//! - no more than the limit of the route is held, whatever the request announces;
//! - a body that trickles in is given up after [`BODY_TIMEOUT`].

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Deserializer, error::Category};
use tokio::time::timeout;

use super::{misfit::misfit, problem::Problem};

/// The longest body of most routes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request body that was JSON of the right shape.
pub(super) struct JsonBody<T, const LIMIT_BYTES: usize = MAX_BODY_BYTES>(pub(super) T);

impl<S: Sync, T: DeserializeOwned, const LIMIT_BYTES: usize> FromRequest<S>
    for JsonBody<T, LIMIT_BYTES>
{
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::WrongContentType);
        }
        let reading = timeout(BODY_TIMEOUT, read(request.into_body(), LIMIT_BYTES));
        let bytes = reading.await.unwrap_or(Err(Problem::BodyTooSlow))?;
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json);
    let value = value.map_err(|error| match error.inner().classify() {
        Category::Data => Problem::WrongShape(misfit(&error)),
        Category::Syntax | Category::Eof | Category::Io => Problem::NotJson(error.into_inner()),
    })?;
    json.end().map_err(Problem::NotJson)?;
    Ok(value)
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

async fn read(mut body: Body, limit_bytes: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::BodyIncomplete);
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > limit_bytes {
            return Err(Problem::BodyTooLarge { limit_bytes });
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use axum::body::HttpBody;
    use http_body::Frame;
    use serde_json::Value;
    use tokio::time::{Interval, interval};

    use super::*;

    /// A body that sends one byte a second and never ends.
    struct Trickle(Interval);

    impl HttpBody for Trickle {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let tick = self.0.poll_tick(cx);
            tick.map(|_| Some(Ok(Frame::data(Bytes::from_static(b" ")))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_in_is_given_up() {
        let request = Request::post("/")
            .header("content-type", "application/json")
            .body(Body::new(Trickle(interval(Duration::from_secs(1)))))
            .unwrap();
        let read = JsonBody::<Value>::from_request(request, &()).await;
        assert!(matches!(read, Err(Problem::BodyTooSlow)));
    }
}
