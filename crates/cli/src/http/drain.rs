//! Reads what a refused request is still sending, and throws it away.
//!
//! Position: outermost layer of the routes. A caller that is still sending when the connection is
//! closed may see a broken connection instead of the answer, and the next request on a connection
//! that both sides would have kept fails.
//!
//! Invariants:
//! - nothing of such a body is held;
//! - no more than [`MAX_DRAINED_BYTES`] are read, for no longer than [`DRAIN_TIMEOUT`].

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::{sync::oneshot, time::timeout};

const MAX_DRAINED_BYTES: usize = 16 * 1024 * 1024;

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers a request, but first reads what nobody wanted of its body.
pub(super) async fn drain(request: Request, next: Next) -> Response {
    // Who waits to be told to go on has sent nothing yet, and is not told (RFC 9110, 10.1.1).
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (give_back, mut returned) = oneshot::channel();
    let lent = Body::new(Lent {
        body,
        give_back: Some(give_back),
    });
    let response = next.run(Request::from_parts(parts, lent)).await;
    if let Ok(rest) = returned.try_recv() {
        // Running out of time is the same as running out of bytes: the connection is given up.
        drop(timeout(DRAIN_TIMEOUT, read_to_end(rest)).await);
    }
    response
}

async fn read_to_end(mut body: Body) {
    let mut read_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read_bytes += frame.data_ref().map_or(0, Bytes::len);
        if read_bytes > MAX_DRAINED_BYTES {
            return;
        }
    }
}

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Body,
    give_back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.body);
        if let Some(give_back) = self.give_back.take().filter(|_| !body.is_end_stream()) {
            // Nobody takes it back when the whole request was given up.
            give_back.send(body).unwrap_or_default();
        }
    }
}
