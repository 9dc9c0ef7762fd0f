//! What is done at the edges of a program: helpers of the layers, headers written and read, requests.
//!
//! Position: scenarios of `main`, which counts what [`Edges::rounds`] does.
//!
//! Invariant: what a round is given is made before anything is counted, and used again: a carrier keeps
//! its room, and a request comes back as the body of its response.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    pin::{Pin, pin},
    task::{self, Poll, Waker},
};

use anyhow::{Result, bail};
use continuum_observability::{
    Baggage, Context, SpanContext, Tracer, extract_trace_context, inject_context,
    layers::{
        api::{Trace, TraceLayer},
        cache::trace_cache_operation,
        client::trace_http_request,
        database::trace_query,
        memory::trace_recall,
    },
    propagation::trace_context::parse_traceparent,
};
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer as _;
use tower_service::Service;

const QUERY: &str = "what did we decide about the schema?";
const SQL: &str = "SELECT name, weight FROM entities WHERE tenant = ? AND weight > ?";
const CACHE_KEY: &str = "search:5d41402abc4b2a76b9719d911017c592";
const URL: &str = "http://peer:8080/items/42";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the rounds work on.
pub(crate) struct Edges {
    carrier: HashMap<String, String>,
    caller: Context,
    service: Trace<Answer>,
    request: Option<Request<()>>,
}

impl Edges {
    pub(crate) fn new() -> Result<Self> {
        let mut baggage = Baggage::new();
        for (key, value) in [
            ("tenant", "acme"),
            ("user.id", "42"),
            ("region", "eu-west-1"),
        ] {
            baggage.insert(key, value)?;
        }
        let parent = parse_traceparent(PARENT).unwrap_or(SpanContext::INVALID);
        let caller = Context::root()
            .with_remote_span_context(parent)
            .with_baggage(baggage);
        let mut carrier = HashMap::new();
        inject_context(&caller, &mut carrier);
        let mut request = Request::get("/items/42").body(())?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("bench"));
        headers.insert("traceparent", HeaderValue::from_static(PARENT));
        Ok(Self {
            carrier,
            caller,
            service: TraceLayer::new().layer(Answer),
            request: Some(request),
        })
    }

    /// Does the work of a scenario that often.
    pub(crate) fn rounds(&mut self, scenario: &str, tracer: Tracer, count: i64) -> Result<()> {
        let round: fn(&mut Self, Tracer, i64) = match scenario {
            "hundred_recalls" => |_, tracer, number| hundred(tracer, || recall(number)),
            "hundred_queries" => |_, tracer, number| hundred(tracer, || query(number)),
            "hundred_cache_operations" => |_, tracer, number| hundred(tracer, || cache(number)),
            "hundred_http_calls" => |_, tracer, number| hundred(tracer, || call(number)),
            "inject" => |edges, _, _| edges.inject(),
            "extract" => |edges, _, _| edges.extract(),
            "http_request" => |edges, _, _| edges.serve(),
            _ => bail!("no scenario {scenario}"),
        };
        for number in 0..count {
            round(self, tracer, black_box(number));
        }
        Ok(())
    }

    fn inject(&mut self) {
        self.carrier.clear();
        inject_context(&self.caller, black_box(&mut self.carrier));
    }

    fn extract(&self) {
        black_box(extract_trace_context(black_box(&self.carrier)));
    }

    fn serve(&mut self) {
        if let Some(request) = self.request.take() {
            let mut answer = pin!(self.service.call(request));
            let mut context = task::Context::from_waker(Waker::noop());
            if let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut context) {
                self.request = Some(response.into_body().0);
            }
        }
    }
}

fn hundred(tracer: Tracer, work: impl Fn()) {
    let _root = tracer.start_as_current_span("root");
    for _ in 0..100 {
        work();
    }
}

fn recall(number: i64) {
    let span = trace_recall(black_box(QUERY)).max_concepts(10);
    black_box(span.tenant_id("acme").in_scope(|_| black_box(number)));
}

fn query(number: i64) {
    let span = trace_query(black_box(SQL)).table("entities");
    black_box(span.tenant_id("acme").in_scope(|_| black_box(number)));
}

fn cache(number: i64) {
    let span = trace_cache_operation("GET", black_box(CACHE_KEY));
    black_box(span.tenant_id("acme").in_scope(|_| black_box(number)));
}

fn call(number: i64) {
    let span = trace_http_request("GET", black_box(URL));
    black_box(span.tenant_id("acme").in_scope(|_| black_box(number)));
}

/// A service that sends the request back.
struct Answer;

impl Service<Request<()>> for Answer {
    type Response = Response<Returned>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Returned>, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Returned(request))))
    }
}

/// A body of no bytes, with the request that it answers.
struct Returned(Request<()>);

impl Body for Returned {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}
