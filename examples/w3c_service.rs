//! A service that passes the W3C Trace Context on, for the public conformance harness.
//!
//! `cargo run --release --example w3c_service -- PORT` listens on that port of 127.0.0.1; with port
//! 0, or none, a free one is chosen. The address is printed as the first line.
//!
//! A POST to any path takes a JSON array of `{"url": ..., "arguments": ...}` and, for each in order,
//! posts the arguments as JSON to the url, with a span of its own. The answer is 200 after all of
//! them. That is the service that `test/test.py` of the w3c/trace-context repository drives;
//! `cargo xtask conformance w3c` runs the two against each other.
//!
//! What to look at: the whole of the propagation is the [`TraceLayer`] around the routes, which
//! reads the caller's headers, and one call of [`inject_trace_context`], which writes ours.

#![expect(clippy::print_stdout, reason = "prints the address that it listens on")]

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::{Json, Router, http::StatusCode, routing::post};
use continuum_observability::layers::{api::TraceLayer, client::trace_http_request};
use continuum_observability::{init_telemetry, inject_trace_context, spawn_blocking};
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

/// The harness gives up after 5 seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// One call that this service is asked to make.
#[derive(Debug, Deserialize)]
struct Call {
    url: String,
    arguments: Value,
}

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse().context("the argument is a port")?,
        None => 0,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router()).await?;
    Ok(())
}

fn router() -> Router {
    let agent = Agent::config_builder()
        .timeout_global(Some(CALL_TIMEOUT))
        .build()
        .new_agent();
    Router::new()
        .fallback(post(move |calls| make_all(agent, calls)))
        .layer(TraceLayer::new())
}

/// Makes the calls one after the other; the first that fails ends the request.
async fn make_all(agent: Agent, Json(calls): Json<Vec<Call>>) -> Result<(), (StatusCode, String)> {
    let work = spawn_blocking(move || calls.iter().try_for_each(|call| make(&agent, call)));
    let made = work.await.map_err(anyhow::Error::from).flatten();
    made.map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")))
}

fn make(agent: &Agent, call: &Call) -> Result<()> {
    trace_http_request("POST", &call.url).run_sync(|span| {
        let mut request = agent.post(&call.url).content_type("application/json");
        request.headers_mut().map(inject_trace_context);
        let answer = request.send(&serde_json::to_vec(&call.arguments)?)?;
        span.http_response_status(answer.status().as_u16());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use continuum_observability::testing::{TestRecorder, assert_no_findings};
    use continuum_observability::{FutureExt as _, TraceId};

    /// The address of a service whose spans are recorded by the test.
    async fn serve(recorder: &TestRecorder) -> String {
        let context = recorder.context();
        let in_context = move |request: Request, next: Next| {
            async { next.run(request).await }.with_context(context.clone())
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, router().layer(from_fn(in_context))).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn what_arrives_is_passed_on_with_each_call() {
        let recorder = TestRecorder::new();
        let service = serve(&recorder).await;
        let calls = serde_json::json!([{"url": format!("{service}/leaf"), "arguments": []}]);
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let post = move || {
            let request = ureq::post(format!("{service}/branch")).header("traceparent", trace);
            let request = request.content_type("application/json");
            request.send(&calls.to_string()).unwrap().status().as_u16()
        };
        assert_eq!(spawn_blocking(post).await.unwrap(), 200);
        let tree = recorder.tree();
        let shape: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(" http.").next())
            .collect();
        assert_eq!(
            shape,
            ["POST [server]", "  POST [client] OK", "    POST [server]"]
        );
        let trace_id = TraceId::from_bytes(recorder.spans()[0].trace_id);
        assert_eq!(trace_id.to_string(), trace[3..35]);
        assert_no_findings(&recorder);
    }
}
