//! Requests through the layer, as trees.

use super::*;
use crate::{
    FutureExt as _, Sampler, SpanLimits, get_tracer, semconv::Conventions, testing::TestRecorder,
};
use ::http::{Request, Response, request};
use std::{
    convert::Infallible,
    future::{pending, ready},
};
use tower::{ServiceExt as _, service_fn};

async fn fine(_: Request<()>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

/// The tree of one request, answered by `status`, and the answer.
fn answered(
    layer: &TraceLayer,
    request: request::Builder,
    status: u16,
) -> (String, Response<String>) {
    let recorder = TestRecorder::new();
    let answer = recorder.run(|| {
        let service = layer.layer(service_fn(move |_| {
            let response = Response::builder().status(status).header("x-answer", "yes");
            ready(Ok::<_, Infallible>(response.body("ok".to_owned()).unwrap()))
        }));
        futures_util::FutureExt::now_or_never(service.oneshot(request.body(()).unwrap()))
    });
    (recorder.tree(), answer.unwrap().unwrap())
}

fn tree(layer: &TraceLayer, request: request::Builder) -> String {
    answered(layer, request, 200).0
}

#[test]
fn a_request_is_described_by_the_current_names() {
    let layer = TraceLayer::new().route_by(|_| Some("/users/{id}".to_owned()));
    let request = Request::post("/users/7?q=a&token=abc")
        .header("host", "api.example:8080")
        .header("user-agent", "probe/1")
        .header("content-length", "12")
        .header("x-forwarded-for", "10.0.0.1")
        .header("x-tenant-id", "acme");
    assert_eq!(
        tree(&layer, request),
        "POST /users/{id} [server] http.request.method=POST url.path=/users/7 \
         url.query=q=a&token=REDACTED url.scheme=http server.address=api.example \
         server.port=8080 network.protocol.version=1.1 user_agent.original=probe/1 \
         http.request.body.size=12 http.route=/users/{id} http.response.status_code=200 \
         http.response.body.size=2\n"
    );
}

#[test]
fn a_request_is_described_by_the_former_names_where_asked_for() {
    let recorder = TestRecorder::with_conventions(Conventions::Legacy);
    let request = Request::get("/users/7?q=a&token=abc")
        .header("host", "a.example")
        .body(())
        .unwrap();
    let service = TraceLayer::new().layer(service_fn(fine));
    recorder.run(|| futures_util::FutureExt::now_or_never(service.oneshot(request)));
    assert_eq!(
        recorder.tree(),
        "GET [server] http.method=GET http.target=/users/7?q=a&token=REDACTED http.scheme=http \
         http.host=a.example http.url=http://a.example/users/7?q=a&token=REDACTED \
         http.flavor=1.1 http.status_code=200 http.response.body.size=0\n"
    );
}

#[test]
fn an_error_of_the_server_is_an_error_and_one_of_the_client_is_not() {
    let of = |status| answered(&TraceLayer::new(), Request::get("/"), status).0;
    assert!(
        of(404).starts_with("GET [server] http.request.method=GET "),
        "{}",
        of(404)
    );
    assert!(
        of(503).starts_with("GET [server] ERROR(Service Unavailable) "),
        "{}",
        of(503)
    );
    assert!(of(503).contains(" error.type=503 "), "{}", of(503));
}

#[test]
fn an_error_of_the_service_is_recorded_and_passed_on() {
    let recorder = TestRecorder::new();
    let service = TraceLayer::new().layer(service_fn(async |_| {
        Err::<Response<String>, _>("out of order")
    }));
    let answer = recorder
        .run(|| futures_util::FutureExt::now_or_never(service.oneshot(Request::new(()))).unwrap());
    assert_eq!(answer.unwrap_err(), "out of order");
    let tree = recorder.tree();
    assert!(
        tree.starts_with("GET [server] ERROR(out of order) "),
        "{tree}"
    );
    assert!(
        tree.contains(" error.type=&str\n  · exception exception.type=&str"),
        "{tree}"
    );
}

#[test]
fn an_unknown_method_is_not_part_of_the_name() {
    let layer = TraceLayer::new().route_by(|_| Some("/pot".to_owned()));
    let tree = tree(&layer, Request::get("/pot").method("BREW"));
    assert!(
        tree.starts_with(
            "HTTP /pot [server] http.request.method=_OTHER http.request.method_original=BREW "
        ),
        "{tree}"
    );
}

#[test]
fn headers_are_recorded_only_when_asked_for_and_secrets_never() {
    let request = || {
        Request::get("/")
            .header("X-Request-Id", "r1")
            .header("x-request-id", "r2")
            .header("Authorization", "Bearer abc")
            .header("x-tenant-id", "acme")
            .header("x-user-id", "ann")
    };
    let plain = tree(&TraceLayer::new(), request());
    assert!(
        !plain.contains("header") && !plain.contains("acme"),
        "{plain}"
    );
    let layer = TraceLayer::new()
        .capture_request_headers(["X-Request-ID", "authorization", "x-none"])
        .capture_response_headers(["x-answer"])
        .tenant_header("X-Tenant-Id")
        .user_header("x-user-id");
    let tree = tree(&layer, request());
    assert!(
        tree.contains(
            " tenant.id=acme enduser.id=ann http.request.header.x-request-id=[r1,r2] \
             http.request.header.authorization=[[redacted]] http.response.status_code=200 "
        ),
        "{tree}"
    );
    assert!(
        tree.ends_with(" http.response.header.x-answer=[yes]\n"),
        "{tree}"
    );
}

#[test]
fn what_a_proxy_says_is_believed_only_behind_one() {
    let request = || {
        Request::get("/")
            .header("host", "inner:81")
            .header("x-forwarded-for", "192.0.2.1, 10.0.0.1")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "api.example")
    };
    let direct = TraceLayer::new().client_by(|_| Some("198.51.100.1".to_owned()));
    let seen = tree(&direct, request());
    assert!(
        seen.contains(" url.scheme=http server.address=inner server.port=81 "),
        "{seen}"
    );
    assert!(seen.contains(" client.address=198.51.100.1 "), "{seen}");
    let seen = tree(&direct.behind_proxy(), request());
    assert!(
        seen.contains(" url.scheme=https server.address=api.example server.port=443 "),
        "{seen}"
    );
    assert!(seen.contains(" client.address=192.0.2.1 "), "{seen}");
}

#[test]
fn the_answer_has_the_id_of_the_trace() {
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::get("/").header("traceparent", header);
    let (_, answer) = answered(&TraceLayer::new(), request, 200);
    assert_eq!(
        answer.headers()["trace_id"],
        "0af7651916cd43dd8448eb211c80319c"
    );
}

#[test]
fn of_an_excluded_path_nothing_is_recorded_but_the_trace_goes_on() {
    let layer = TraceLayer::new().exclude("/healthz").exclude("/static/*");
    let recorder = TestRecorder::new();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let seen = recorder.run(|| {
        ["/healthz", "/static/app.js", "/healthz/deep"].map(|path| {
            let service = layer.layer(service_fn(async |_| {
                let inner = get_tracer("t").in_scope("inner", |_| crate::get_trace_id());
                Ok::<_, Infallible>(Response::new(inner.unwrap().to_string()))
            }));
            let request = Request::get(path).header("traceparent", traceparent);
            let answer = service.oneshot(request.body(()).unwrap());
            let answer = futures_util::FutureExt::now_or_never(answer)
                .unwrap()
                .unwrap();
            assert_eq!(answer.body(), &traceparent[3..35]);
            answer.headers().contains_key("trace_id")
        })
    });
    assert_eq!(seen, [false, false, true]);
    let tree = recorder.tree();
    assert!(tree.starts_with("GET [server] http.request.method=GET url.path=/healthz/deep "));
    assert_eq!(tree.matches("inner").count(), 1, "{tree}");
}

#[test]
fn a_header_forces_sampling_only_where_it_was_named() {
    let layer = TraceLayer::new().force_sampling_header("x-force-trace");
    let recorded = |layer: &TraceLayer, value: &str| {
        let recorder = TestRecorder::with(Sampler::AlwaysOff, SpanLimits::default());
        let service = layer.layer(service_fn(async |_| {
            get_tracer("t").in_scope("inner", |_| ());
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
        let request = Request::get("/")
            .header("X-Force-Trace", value)
            .body(())
            .unwrap();
        recorder.run(|| futures_util::FutureExt::now_or_never(service.oneshot(request)));
        recorder.spans().len()
    };
    assert_eq!(recorded(&layer, "1"), 2);
    assert_eq!(recorded(&layer, "True"), 2);
    assert_eq!(recorded(&layer, "0"), 0);
    assert_eq!(recorded(&TraceLayer::new(), "1"), 0);
}

#[test]
fn a_client_that_hangs_up_leaves_an_event() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let service = TraceLayer::new().layer(service_fn(|_| {
            pending::<Result<Response<String>, Infallible>>()
        }));
        let answer = service.oneshot(Request::new(()));
        assert!(futures_util::FutureExt::now_or_never(answer).is_none());
    });
    let tree = recorder.tree();
    assert!(
        tree.ends_with("network.protocol.version=1.1\n  · cancelled\n"),
        "{tree}"
    );
}

#[test]
fn a_lookup_that_panics_has_no_answer() {
    let layer = TraceLayer::new()
        .route_by(|_| std::panic::resume_unwind(Box::new("the lookup's own failure")));
    assert!(tree(&layer, Request::get("/")).starts_with("GET [server] "));
}

#[tokio::test]
async fn the_service_runs_inside_the_span_from_its_call_on() {
    let recorder = TestRecorder::new();
    let service = TraceLayer::new().layer(service_fn(|_| {
        let at_call = crate::get_span_id();
        async move {
            tokio::task::yield_now().await;
            assert_eq!(crate::get_span_id(), at_call);
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    }));
    let answer = service
        .oneshot(Request::new(()))
        .with_context(recorder.context());
    answer.await.unwrap();
    assert_eq!(recorder.spans().len(), 1);
}

#[test]
fn what_a_handler_says_of_its_error_is_not_replaced_by_the_status_code() {
    let recorder = TestRecorder::new();
    let service = TraceLayer::new().layer(service_fn(|_| {
        record_api_error(&"x".parse::<u8>().unwrap_err());
        let response = Response::builder().status(500).body(String::new());
        ready(Ok::<_, Infallible>(response.unwrap()))
    }));
    let answer =
        recorder.run(|| futures_util::FutureExt::now_or_never(service.oneshot(Request::new(()))));
    assert_eq!(answer.unwrap().unwrap().status(), 500);
    let tree = recorder.tree();
    let status = "GET [server] ERROR(invalid digit found in string)";
    assert!(tree.starts_with(status), "{tree}");
    let kind = "error.type=core::num::error::ParseIntError";
    assert!(tree.contains(kind), "{tree}");
    assert!(tree.contains("http.response.status_code=500"), "{tree}");
}

#[test]
fn an_error_of_a_handler_is_recorded_on_the_current_span() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        get_tracer("t").in_scope("work", |_| {
            record_api_error(&"x".parse::<u8>().unwrap_err());
        });
    });
    let tree = recorder.tree();
    let status = "work ERROR(invalid digit found in string) error.type=core::num";
    assert!(tree.starts_with(status), "{tree}");
}
