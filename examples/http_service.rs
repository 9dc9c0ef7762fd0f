//! Patterns "HTTP Requests, Incoming" and "Outgoing": two services and a client in one trace.
//!
//! `cargo run --example http_service` starts an assistant and a store on free ports, asks the assistant
//! one question, and prints:
//!
//! ```text
//! ask
//! └─ GET                         url.full=http://127.0.0.1:44115/answer/schema
//!    └─ GET /answer/{topic}      url.path=/answer/schema http.response.status_code=200
//!       └─ GET                   url.full=http://127.0.0.1:33287/facts/schema
//!          └─ GET /facts/{topic} url.path=/facts/schema http.response.status_code=200
//! ```
//!
//! What to look at: [`TraceLayer`] reads the caller's headers and names the span by the route; [`call`]
//! writes them. For `reqwest` there is `send_traced`, by the cargo feature `reqwest_0_13`.

#![expect(clippy::print_stdout, reason = "prints the answer")]

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use axum::extract::{MatchedPath, Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Router, routing::get};
use continuum_observability::layers::api::TraceLayer;
use continuum_observability::layers::client::trace_http_request;
use continuum_observability::{get_tracer, init_telemetry, inject_trace_context, spawn_blocking};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    let store = serve(store()).await?;
    let assistant = serve(assistant(store)).await?;
    println!("{}", ask(&assistant, "schema").await?);
    Ok(())
}

async fn ask(assistant: &str, topic: &str) -> Result<String> {
    let url = format!("{assistant}/answer/{topic}");
    get_tracer("client")
        .in_span("ask", async |_| get_text(url).await)
        .await
}

/// A service that asks another one; its state is the address of that.
fn assistant(store: String) -> Router {
    let routes = Router::new().route("/answer/{topic}", get(answer));
    routes.layer(trace_layer()).with_state(store)
}

async fn answer(
    State(store): State<String>,
    Path(topic): Path<String>,
) -> Result<String, (StatusCode, String)> {
    let fact = get_text(format!("{store}/facts/{topic}")).await;
    fact.map(|fact| format!("As far as I remember, {fact}."))
        .map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
}

fn store() -> Router {
    let fact = async |Path(topic): Path<String>| match topic.as_str() {
        "schema" => Ok("the schema is versioned"),
        _ => Err(StatusCode::NOT_FOUND),
    };
    Router::new()
        .route("/facts/{topic}", get(fact))
        .layer(trace_layer())
}

/// Spans are named by the route, such as `GET /facts/{topic}`, which axum knows.
fn trace_layer() -> TraceLayer {
    TraceLayer::new().route_by(|extensions: &Extensions| {
        extensions
            .get::<MatchedPath>()
            .map(|path| path.as_str().to_owned())
    })
}

/// The client blocks, so that it gets a thread of its own, with the current context.
async fn get_text(url: String) -> Result<String> {
    spawn_blocking(move || call(&url)).await?
}

fn call(url: &str) -> Result<String> {
    trace_http_request("GET", url).run_sync(|span| {
        let mut request = ureq::get(url).config().http_status_as_error(false).build();
        request.headers_mut().map(inject_trace_context);
        let mut response = request.call()?;
        span.http_response_status(response.status().as_u16());
        ensure!(
            response.status().is_success(),
            "answered {}",
            response.status()
        );
        Ok(response.body_mut().read_to_string()?)
    })
}

/// Serves on a free port until the program ends, and gives the address.
async fn serve(service: Router) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, service).await });
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use continuum_observability::FutureExt as _;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    /// The spans of a service are recorded by the test instead of the global recorder.
    fn recorded(recorder: &TestRecorder, service: Router) -> Router {
        let context = recorder.context();
        let in_context = move |request: Request, next: Next| {
            async { next.run(request).await }.with_context(context.clone())
        };
        service.layer(from_fn(in_context))
    }

    /// The tree of one question, without the attributes that HTTP brings with it.
    async fn tree(topic: &str, answer: &str) -> String {
        let recorder = TestRecorder::new();
        let store = serve(recorded(&recorder, store())).await.unwrap();
        let assistant = serve(recorded(&recorder, assistant(store))).await.unwrap();
        let answered = recorder.run_async(ask(&assistant, topic)).await;
        assert_eq!(answered.unwrap_or_else(|error| error.to_string()), answer);
        assert_no_findings(&recorder);
        let tree = recorder.tree();
        let lines = tree
            .lines()
            .filter_map(|line| line.split(" http.request.").next());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn one_trace_leads_from_the_client_through_both_services() {
        assert_eq!(
            tree("schema", "As far as I remember, the schema is versioned.").await,
            "ask\n  \
             GET [client] OK\n    \
             GET /answer/{topic} [server]\n      \
             GET [client] OK\n        \
             GET /facts/{topic} [server]"
        );
    }

    #[tokio::test]
    async fn a_fact_that_is_missing_fails_the_callers_but_not_the_store() {
        let event = "· exception exception.type=anyhow::Error exception.message=answered";
        assert_eq!(
            tree("weather", "answered 502 Bad Gateway").await,
            format!(
                "ask\n  \
                 GET [client] ERROR(answered 502 Bad Gateway)\n    {event} 502 Bad Gateway\n    \
                 GET /answer/{{topic}} [server] ERROR(Bad Gateway)\n      \
                 GET [client] ERROR(answered 404 Not Found)\n        {event} 404 Not Found\n        \
                 GET /facts/{{topic}} [server]"
            )
        );
    }
}
