//! A receiver of spans on a free port of this machine: OTLP over HTTP and gRPC.
//!
//! Position: a traced program → **here** → [`run`](crate::run), request by request through a queue.
//!
//! Invariants:
//! - only this machine can reach it;
//! - a request holds [`MAX_REQUEST_BYTES`](body::MAX_REQUEST_BYTES) at most, compressed or not, and what cannot be read
//!   is answered with the reason;
//! - the queue holds a few requests; while it is full, the program's exporter waits, not the program;
//! - metrics and logs are taken and thrown away, so that a program that sends them too is not told of errors.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP" and "OTLP/gRPC".

mod answer;
mod body;
mod encoding;
mod grpc;
mod refused;

#[cfg(test)]
mod tests;

use std::{future::Future, io, net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::post,
};
use continuum_observability::SpanRecord;
use tokio::{net::TcpListener, sync::mpsc};

use self::answer::Refusal;
pub(crate) use self::{encoding::Encoding, refused::Refused};

/// Requests that may wait to be looked at.
const QUEUED_REQUESTS: usize = 8;

/// The signals that are not traces.
const OTHERS: [&str; 4] = [
    "/v1/logs",
    "/v1/metrics",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
];

/// One request that was understood.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) spans: Vec<SpanRecord>,
    /// The message as it came, without compression.
    pub(crate) message: Bytes,
    pub(crate) encoding: Encoding,
}

/// Where requests go.
#[derive(Debug, Clone)]
struct Queue {
    sender: mpsc::Sender<Received>,
    refused: Arc<Refused>,
}

impl Queue {
    fn new(room: usize) -> (Self, mpsc::Receiver<Received>) {
        let (sender, received) = mpsc::channel(room);
        let refused = Arc::default();
        (Self { sender, refused }, received)
    }
}

/// A bound receiver that is not answering yet.
#[derive(Debug)]
pub(crate) struct Receiver {
    listener: TcpListener,
    queue: Queue,
}

impl Receiver {
    /// Takes a free port; what arrives there comes out of the queue.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub(crate) async fn bind() -> io::Result<(Self, mpsc::Receiver<Received>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (queue, received) = Queue::new(QUEUED_REQUESTS);
        Ok((Self { listener, queue }, received))
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell.
    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// What it refuses.
    pub(crate) fn refused(&self) -> Arc<Refused> {
        Arc::clone(&self.queue.refused)
    }

    /// Answers until `stop` completes, and then what is under way.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub(crate) async fn run(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        axum::serve(self.listener, routes(self.queue))
            .with_graceful_shutdown(stop)
            .await
    }
}

fn routes(queue: Queue) -> Router {
    let traces = Router::new()
        .route("/v1/traces", post(over_http))
        .route(grpc::PATH, post(over_grpc));
    let all = OTHERS
        .into_iter()
        .fold(traces, |routes, path| routes.route(path, post(throw_away)));
    all.fallback(somewhere_else).with_state(queue)
}

async fn over_http(State(queue): State<Queue>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let encoding = Encoding::of(&head.headers);
    let taken = async {
        let encoding = encoding.ok_or_else(Refusal::wrong_content_type)?;
        let message = body::read(&head.headers, body).await?;
        hand_over(&queue, message, encoding).await
    };
    match taken
        .await
        .inspect_err(|refusal| queue.refused.add(refusal))
    {
        Ok(()) => answer::accepted(encoding.unwrap_or_default()),
        Err(refusal) => refusal.answer(encoding.unwrap_or_default()),
    }
}

async fn over_grpc(State(queue): State<Queue>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let taken = async {
        let message = grpc::read(&head.headers, body).await?;
        hand_over(&queue, message, Encoding::Protobuf).await
    };
    grpc::answer(
        taken
            .await
            .inspect_err(|refusal| queue.refused.add(refusal)),
    )
}

async fn hand_over(queue: &Queue, message: Bytes, encoding: Encoding) -> Result<(), Refusal> {
    let received = Received {
        spans: encoding.decode(&message)?,
        message,
        encoding,
    };
    let handed_over = queue.sender.send(received).await;
    handed_over.map_err(|_closed| Refusal::stopping())
}

/// Takes what nobody asked for.
async fn throw_away(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let is_grpc = head.uri.path().ends_with("/Export");
    let read = body::read_raw(body).await.map(drop);
    if is_grpc {
        return grpc::answer(read);
    }
    let encoding = Encoding::of(&head.headers).unwrap_or_default();
    read.map_or_else(
        |refusal| refusal.answer(encoding),
        |()| answer::accepted(encoding),
    )
}

async fn somewhere_else(State(queue): State<Queue>, request: Request) -> Response {
    let path = request.uri().path();
    let message = format!("no OTLP signal has the path {path}; traces are taken at /v1/traces");
    let encoding = Encoding::of(request.headers()).unwrap_or_default();
    let refusal = Refusal::new(StatusCode::NOT_FOUND, message);
    queue.refused.add(&refusal);
    refusal.answer(encoding)
}
