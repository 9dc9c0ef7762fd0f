//! Requests of every kind, good and bad.

use std::{
    convert::Infallible,
    io::Write as _,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{body::MAX_REQUEST_BYTES, *};

const PROTOBUF: &str = "application/x-protobuf";

/// `resource_spans { scope_spans { span { name: "a" } } }`, with ids of ones.
fn message() -> Vec<u8> {
    let span = [
        &[0x0a, 16],
        &[1; 16][..],
        &[0x12, 8],
        &[1; 8],
        &[0x2a, 1, b'a'],
    ]
    .concat();
    let scope = [&[0x12, len(&span)][..], &span].concat();
    let resource = [&[0x12, len(&scope)][..], &scope].concat();
    [&[0x0a, len(&resource)][..], &resource].concat()
}

fn len(bytes: &[u8]) -> u8 {
    bytes.len().try_into().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A body of which nothing ever arrives.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

struct Answer {
    status: u16,
    grpc_status: Option<String>,
    text: String,
    /// The names of the spans that came out.
    names: Vec<String>,
}

async fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let (queue, mut received) = Queue::new(1);
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let response = routes(queue).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let grpc_status = trailers
        .get("grpc-status")
        .or(head.headers.get("grpc-status"));
    let spans = received.try_recv().map(|received| received.spans);
    Answer {
        status: head.status.as_u16(),
        grpc_status: grpc_status.map(|status| status.to_str().unwrap().to_owned()),
        text: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        names: spans
            .unwrap_or_default()
            .into_iter()
            .map(|span| span.name)
            .collect(),
    }
}

async fn post_traces(headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    post("/v1/traces", headers, body).await
}

#[tokio::test]
async fn protobuf_is_taken_plain_and_compressed() {
    let bodies = [
        ("identity", message()),
        ("gzip", gzip(&message())),
        ("deflate", deflate(&message())),
    ];
    for (packing, body) in bodies {
        let headers = [("content-type", PROTOBUF), ("content-encoding", packing)];
        let taken = post_traces(&headers, body).await;
        assert_eq!(
            (taken.status, taken.names),
            (200, vec!["a".to_owned()]),
            "{packing}"
        );
    }
    let plain = post_traces(&[("content-type", PROTOBUF)], message()).await;
    assert_eq!((plain.status, plain.names), (200, vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_arrive_is_given_up() {
    let refused = post_traces(&[("content-type", PROTOBUF)], Body::new(Never)).await;
    assert_eq!(refused.status, 408);
}

#[tokio::test]
async fn json_is_taken() {
    let span = format!(
        r#"{{"traceId":"{}","spanId":"{}","name":"b"}}"#,
        "01".repeat(16),
        "01".repeat(8)
    );
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
    let taken = post_traces(
        &[("content-type", "application/json; charset=utf-8")],
        request,
    )
    .await;
    assert_eq!((taken.status, taken.text.as_str()), (200, "{}"));
    assert_eq!(taken.names, ["b"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_the_reason() {
    let protobuf = ("content-type", PROTOBUF);
    let cases: [(&[_], &[u8], u16, &str); 6] = [
        (&[protobuf], b"\x0a\xff", 400, ""),
        (
            &[("content-type", "application/json")],
            b"[]",
            400,
            r#"{"message":"expected an object"}"#,
        ),
        (
            &[("content-type", "text/plain")],
            b"",
            415,
            "content-type is not",
        ),
        (&[], b"", 415, "content-type is not"),
        (
            &[protobuf, ("content-encoding", "zstd")],
            b"",
            415,
            "gzip, deflate or identity",
        ),
        (
            &[protobuf, ("content-encoding", "gzip")],
            b"not gzip",
            400,
            "",
        ),
    ];
    for (headers, body, status, reason) in cases {
        let refused = post_traces(headers, body).await;
        assert_eq!(
            (refused.status, refused.names.len()),
            (status, 0),
            "{headers:?}"
        );
        assert!(refused.text.contains(reason), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_packed_or_not() {
    let too_large = vec![0; MAX_REQUEST_BYTES + 1];
    let packed = post_traces(
        &[("content-type", PROTOBUF), ("content-encoding", "gzip")],
        gzip(&too_large),
    );
    assert_eq!(packed.await.status, 413);
    let plain = post_traces(&[("content-type", PROTOBUF)], too_large).await;
    assert_eq!(plain.status, 413);
    assert!(plain.text.ends_with("larger than 16 MiB"), "{}", plain.text);
}

#[tokio::test]
async fn a_call_is_taken_and_answered_with_its_status() {
    let framed =
        |is_packed: u8, message: &[u8]| [&[is_packed, 0, 0, 0, len(message)], message].concat();
    let headers = [
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
    ];
    for body in [framed(0, &message()), framed(1, &gzip(&message()))] {
        let taken = post(grpc::PATH, &headers, body).await;
        assert_eq!(
            (taken.grpc_status.as_deref(), taken.text.len()),
            (Some("0"), 5)
        );
        assert_eq!(taken.names, ["a"]);
    }
    for broken in [
        vec![],
        vec![0; 4],
        framed(0, b"\x0a\xff"),
        framed(0, &message())[..20].to_vec(),
    ] {
        let refused = post(grpc::PATH, &headers, broken).await;
        assert_eq!(
            (refused.status, refused.grpc_status.as_deref()),
            (200, Some("3"))
        );
    }
}

#[tokio::test]
async fn metrics_and_logs_are_thrown_away() {
    for path in OTHERS {
        let taken = post(path, &[("content-type", PROTOBUF)], vec![1, 2, 3]).await;
        assert_eq!((taken.status, taken.names.len()), (200, 0), "{path}");
    }
    let elsewhere = post("/", &[("content-type", PROTOBUF)], vec![]).await;
    assert_eq!(elsewhere.status, 404);
    assert!(elsewhere.text.contains("/v1/traces"), "{}", elsewhere.text);
}

#[tokio::test]
async fn who_sends_after_the_end_is_told() {
    let (queue, received) = Queue::new(1);
    drop(received);
    let refused = hand_over(&queue, message().into(), Encoding::Protobuf).await;
    assert_eq!(refused.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
}
