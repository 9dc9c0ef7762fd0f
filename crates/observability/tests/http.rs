//! Requests between two programs: `reqwest` on one side, `axum` on the other, TCP between them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{Extensions, StatusCode},
    middleware::{Next, from_fn},
    routing::{get, post},
};
use continuum_observability::{
    Context, FutureExt as _, get_baggage, get_current_span, get_tracer,
    layers::{
        api::TraceLayer,
        client::{ClientExt as _, RequestBuilderExt as _},
    },
    set_baggage,
    testing::TestRecorder,
};
use std::net::SocketAddr;

fn route(extensions: &Extensions) -> Option<String> {
    let path = extensions.get::<MatchedPath>()?;
    Some(path.as_str().to_owned())
}

/// Serves on a free port, with the recorder of the calling test.
async fn serve() -> SocketAddr {
    let greet = async || {
        let tenant = get_baggage("tenant").unwrap_or_default();
        get_current_span().set_attribute("greeted", tenant);
        "hello"
    };
    let recorder = Context::root();
    let with_recorder = move |request: Request, next: Next| {
        async move { next.run(request).await }.with_context(recorder.clone())
    };
    let app = Router::new()
        .route("/greet/{name}", get(greet))
        .route("/broken", post(async || StatusCode::BAD_GATEWAY))
        .layer(TraceLayer::new().route_by(route))
        .layer(from_fn(with_recorder));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The tree of what `work` did with the address of a server, whose port is left out.
async fn tree(work: impl AsyncFnOnce(SocketAddr)) -> String {
    let recorder = TestRecorder::new();
    let address = recorder
        .run_async(async {
            let address = serve().await;
            get_tracer("test")
                .in_span("work", async |_| work(address).await)
                .await;
            address
        })
        .await;
    recorder.tree().replace(&address.port().to_string(), "PORT")
}

#[tokio::test]
async fn one_trace_leads_from_the_client_into_the_server() {
    let tree = tree(async |address| {
        set_baggage("tenant", "acme");
        let url = format!("http://ann:secret@{address}/greet/bob?token=secret&q=1");
        let answer = reqwest::Client::new().get(url).send_traced().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "hello");
    });
    assert_eq!(
        tree.await,
        "work
  GET [client] http.request.method=GET \
         url.full=http://127.0.0.1:PORT/greet/bob?token=REDACTED&q=1 server.address=127.0.0.1 \
         server.port=PORT http.response.status_code=200 http.response.body.size=5
    GET /greet/{name} [server] http.request.method=GET url.path=/greet/bob \
         url.query=token=REDACTED&q=1 url.scheme=http server.address=127.0.0.1 server.port=PORT \
         network.protocol.version=1.1 http.route=/greet/{name} greeted=acme \
         http.response.status_code=200 http.response.body.size=5
"
    );
}

#[tokio::test]
async fn a_request_can_name_its_template_and_its_tenant() {
    let tree = tree(async |address| {
        let (client, tenant) = (reqwest::Client::new(), String::from("acme"));
        let greet = |name| client.get(format!("http://{address}/greet/{name}"));
        let sent =
            greet("ann").send_traced_with(|span| span.template("/greet/{name}").tenant_id(&tenant));
        sent.await.unwrap();
        let executed = client.execute_traced_with(greet("bob").build().unwrap(), |span| {
            span.attribute("greeting.kind", "short")
        });
        executed.await.unwrap();
    });
    let tree = tree.await;
    let clients: Vec<_> = tree.lines().filter(|l| l.contains("[client]")).collect();
    assert!(
        clients[0].starts_with("  GET /greet/{name} [client] ")
            && clients[0].contains(" tenant.id=acme "),
        "{tree}"
    );
    assert!(
        clients[1].starts_with("  GET [client] ") && clients[1].contains(" greeting.kind=short "),
        "{tree}"
    );
}

#[tokio::test]
async fn a_response_that_is_an_error_is_one_on_both_sides() {
    let tree = tree(async |address| {
        let client = reqwest::Client::new();
        let request = client
            .post(format!("http://{address}/broken"))
            .build()
            .unwrap();
        let answer = client.execute_traced(request).await.unwrap();
        assert_eq!(answer.status(), 502);
        assert!(answer.headers().contains_key("trace_id"));
    });
    let tree = tree.await;
    assert!(
        tree.contains("\n  POST [client] ERROR(Bad Gateway) "),
        "{tree}"
    );
    assert!(
        tree.contains("\n    POST /broken [server] ERROR(Bad Gateway) "),
        "{tree}"
    );
    assert_eq!(tree.matches(" error.type=502").count(), 2, "{tree}");
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_is_an_exception_without_secrets() {
    let tree = tree(async |_| {
        // Nobody listens on a port that was free a moment ago.
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let url = format!("http://ann:secret@{address}/x?api_key=secret");
        let error = reqwest::Client::new().get(url).send_traced().await;
        assert!(error.unwrap_err().to_string().contains("api_key=secret"));
    });
    let tree = tree.await;
    assert!(
        tree.contains("\n  GET [client] ERROR(error sending request for url (http://"),
        "{tree}"
    );
    assert!(
        tree.contains(" error.type=connect\n    · exception exception.type=reqwest::error::Error "),
        "{tree}"
    );
    let causes = " exception.stacktrace=caused by: ";
    assert!(tree.contains(causes) && tree.contains("refused"), "{tree}");
    assert!(
        tree.contains("api_key=REDACTED") && !tree.contains("secret"),
        "{tree}"
    );
}
