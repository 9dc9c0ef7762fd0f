//! The exporter against a real socket.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;

use super::{
    super::super::network::{
        server::{Received, Reply, Server},
        tunnel::proxy,
    },
    *,
};
use std::time::Duration;

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";

fn ok() -> Reply {
    Reply::Answer(200, PROTOBUF, Vec::new())
}

fn status(status: u16, body: &str) -> Reply {
    Reply::Answer(status, "", body.as_bytes().to_vec())
}

fn partial(rejected_spans: i64, error_message: &str) -> Reply {
    let error_message = error_message.to_owned();
    let partial_success = Some(ExportTracePartialSuccess {
        rejected_spans,
        error_message,
    });
    let body = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    Reply::Answer(200, PROTOBUF, body)
}

fn config(endpoint: String) -> EndpointConfig {
    let mut config = EndpointConfig::new(endpoint);
    config.retry.initial_backoff = Duration::from_millis(1);
    config
}

fn send(config: EndpointConfig, body: &[u8]) -> Result<Exported, ExportError> {
    let mut exporter = OtlpHttpExporter::new(config)?;
    exporter.export(
        &EncodedRequest::new(body, 3),
        Instant::now() + Duration::from_secs(20),
    )
}

/// Exports once against scripted replies: the result and what the server got.
fn exchange(replies: Vec<Reply>) -> (Result<Exported, ExportError>, Vec<Received>) {
    let server = Server::start(replies);
    let result = send(config(server.endpoint()), b"body");
    (result, server.finish())
}

#[test]
fn a_request_goes_through_the_proxy_to_the_endpoint() {
    let server = Server::start(vec![ok()]);
    let (port, heads) = proxy("HTTP/1.1 200 Connection established");
    let mut config = config(server.endpoint());
    config.proxy = Some(format!("http://user:pass@127.0.0.1:{port}"));
    let to = format!("127.0.0.1:{}", server.port);
    assert_eq!(send(config, b"body").unwrap(), Exported::default());

    assert_eq!(server.finish()[0].body, b"body");
    let head = heads.try_recv().unwrap();
    assert_eq!(head[0], format!("CONNECT {to} HTTP/1.1"));
    let credentials = head.iter().filter_map(|line| line.split_once(": "));
    let mut credentials =
        credentials.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
    // `user:pass`
    assert!(
        credentials.any(|(_, value)| value.eq_ignore_ascii_case("Basic dXNlcjpwYXNz")),
        "{head:?}"
    );
}

#[test]
fn sends_the_bytes_with_the_headers_of_the_protocol() {
    let server = Server::start(vec![ok()]);
    let mut config = config(server.endpoint());
    config
        .headers
        .push(("Authorization".into(), "Bearer abc".into()));
    let body = vec![7; 700_000];
    assert_eq!(send(config, &body).unwrap(), Exported::default());

    let received = server.finish();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].request_line, "POST /v1/traces HTTP/1.1");
    assert_eq!(
        received[0].header("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(received[0].header("authorization"), Some("Bearer abc"));
    let agent = concat!("continuum-observability/", env!("CARGO_PKG_VERSION"));
    assert_eq!(received[0].header("user-agent"), Some(agent));
    assert_eq!(received[0].header("content-encoding"), None);
    assert!(received[0].body == body);
}

#[test]
fn keeps_one_connection_open() {
    let server = Server::start(vec![ok(), partial(0, ""), status(400, "no"), ok()]);
    let mut exporter = OtlpHttpExporter::new(config(server.endpoint())).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    for expected in [true, true, false, true] {
        let result = exporter.export(&EncodedRequest::new(b"body", 1), deadline);
        assert_eq!(result.is_ok(), expected, "{result:?}");
    }
    assert!(
        server
            .finish()
            .iter()
            .all(|request| request.connection == 1)
    );
}

#[test]
fn reports_partial_success() {
    let (result, _) = exchange(vec![partial(2, "too old\u{1b}")]);
    let message = Some(r"too old\u{1b}".to_owned());
    assert_eq!(
        result.unwrap(),
        Exported {
            rejected: 2,
            message
        }
    );

    let (result, _) = exchange(vec![partial(-1, "")]);
    assert_eq!(result.unwrap(), Exported::default());
}

#[test]
fn an_answer_in_another_format_is_still_a_success() {
    for body in ["{}", "\u{0}\u{1}garbage", "<html>"] {
        let (result, _) = exchange(vec![status(200, body)]);
        assert_eq!(result.unwrap(), Exported::default());
    }
}

#[test]
fn an_enormous_answer_is_not_read_to_its_end() {
    let (result, _) = exchange(vec![Reply::Answer(200, "", vec![0x08; 32 << 20])]);
    assert_eq!(result.unwrap(), Exported::default());
}

#[test]
fn tries_again_after_each_retryable_status() {
    let (result, received) = exchange(vec![
        status(429, ""),
        status(502, ""),
        status(503, ""),
        status(504, ""),
        ok(),
    ]);
    assert_eq!(result.unwrap(), Exported::default());
    assert_eq!(received.len(), 5);
    assert!(received.iter().all(|request| request.body == b"body"));
}

#[test]
fn gives_up_after_the_attempts_allowed() {
    let (result, received) = exchange(vec![status(503, "busy"); 5]);
    let error = result.unwrap_err();
    assert_eq!(received.len(), 5);
    assert!(error.is_retryable());
    let text = error.to_string();
    let expected =
        "answered 503 after 5 attempts: busy; the receiver is overloaded or restarting [http://127";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn any_other_status_is_final_and_explained() {
    let rpc_status = Reply::Answer(400, PROTOBUF, b"\x08\x03\x12\x09bad spans".to_vec());
    let moved = Reply::Answer(308, "Location: http://elsewhere/\r\n", Vec::new());
    let cases = [
        (
            status(400, "what\nis this"),
            r"400 after 1 attempt: what\nis this [",
        ),
        (rpc_status, "400 after 1 attempt: bad spans ["),
        (
            status(401, ""),
            "401 after 1 attempt: check the credentials in the export headers [",
        ),
        (status(404, ""), "404 after 1 attempt: check the path"),
        (status(500, ""), "500 after 1 attempt: no reason given ["),
        (
            moved,
            "308 after 1 attempt: http://elsewhere/; redirects are not followed",
        ),
    ];
    for (reply, expected) in cases {
        let (result, received) = exchange(vec![reply]);
        let error = result.unwrap_err();
        assert!(!error.is_retryable() && received.len() == 1, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn waits_at_least_as_long_as_the_server_asks() {
    let date =
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n";
    let server = Server::start(vec![
        Reply::Answer(429, "Retry-After: 7\r\n", Vec::new()),
        Reply::Answer(503, date, Vec::new()),
        ok(),
    ]);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&waits);
    let mut config = config(server.endpoint());
    config.pause = Arc::new(move |wait| {
        kept.lock().unwrap().push(wait);
        true
    });
    assert!(send(config, b"body").is_ok());
    assert_eq!(
        *waits.lock().unwrap(),
        [Duration::from_secs(7), Duration::from_secs(3)]
    );
    server.finish();
}

#[test]
fn does_not_begin_a_wait_that_ends_after_the_deadline() {
    let reply = Reply::Answer(503, "Retry-After: 3600\r\n", Vec::new());
    let (result, received) = exchange(vec![reply]);
    let hour = Some(Duration::from_hours(1));
    let error = result.unwrap_err();
    assert!(matches!(error, ExportError::Status { retry_after, .. } if retry_after == hour));
    assert_eq!(received.len(), 1);
}

#[test]
fn stops_when_the_pause_is_cut_short() {
    let server = Server::start(vec![status(503, "")]);
    let mut config = config(server.endpoint());
    config.pause = Arc::new(|_wait| false);
    assert!(matches!(
        send(config, b"body"),
        Err(ExportError::Status { attempts: 1, .. })
    ));
    server.finish();
}

#[test]
fn tries_again_when_the_server_closes_without_an_answer() {
    let (result, received) = exchange(vec![Reply::Close, ok()]);
    assert!(result.is_ok(), "{result:?}");
    let connections: Vec<_> = received.iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 2]);
}

#[test]
fn a_refused_connection_is_retried_and_named() {
    let server = Server::start(vec![]);
    let endpoint = server.endpoint();
    server.finish();
    let error = send(config(endpoint.clone()), b"body").unwrap_err();
    assert!(
        matches!(error, ExportError::Connection { attempts: 5, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().ends_with(&format!("[{endpoint}]")),
        "{error}"
    );
}

#[test]
fn a_silent_server_is_left_at_the_deadline() {
    let server = Server::start(vec![Reply::Silence]);
    let mut exporter = OtlpHttpExporter::new(config(server.endpoint())).unwrap();
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = exporter
        .export(&EncodedRequest::new(b"body", 1), deadline)
        .unwrap_err();
    assert!(
        matches!(error, ExportError::Deadline { attempts: 1.., .. }),
        "{error:?}"
    );
    drop(exporter);
    server.finish();
}

#[test]
fn nothing_is_sent_after_the_deadline() {
    let mut exporter = OtlpHttpExporter::new(config("http://127.0.0.1:9/".into())).unwrap();
    let error = exporter
        .export(&EncodedRequest::new(b"body", 1), Instant::now())
        .unwrap_err();
    assert!(
        matches!(error, ExportError::Deadline { attempts: 0, .. }),
        "{error:?}"
    );
}

#[test]
fn another_protocol_is_final() {
    // The settings frame with which an HTTP/2 server begins.
    let (result, received) = exchange(vec![Reply::Raw(&[0, 0, 0, 4, 0, 0, 0, 0, 0])]);
    let error = result.unwrap_err();
    assert!(matches!(error, ExportError::Protocol { .. }), "{error:?}");
    assert_eq!(received.len(), 1);
}

#[test]
fn the_grpc_port_is_recognised() {
    let post = Post::new(
        config("http://localhost:4317/v1/traces".into()),
        EXAMPLE,
        "application/x-protobuf",
        said,
    );
    let hinted = post.unwrap().with_hint("no answer".into());
    assert_eq!(
        hinted,
        "no answer; 4317 is the gRPC port, use 4318 for HTTP"
    );
}

#[cfg(feature = "gzip")]
#[test]
fn a_compressed_body_is_gzip_and_decodes_to_the_bytes() {
    use std::io::Read as _;

    let server = Server::start(vec![status(503, ""), ok()]);
    let mut config = config(server.endpoint());
    config.compression = crate::Compression::Gzip;
    let body = b"span ".repeat(20_000);
    assert!(send(config, &body).is_ok());
    for received in server.finish() {
        assert_eq!(received.header("content-encoding"), Some("gzip"));
        assert!(received.body.len() < body.len() / 50);
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(received.body.as_slice())
            .read_to_end(&mut decoded)
            .unwrap();
        assert!(decoded == body);
    }
}

#[cfg(not(feature = "gzip"))]
#[test]
fn a_compression_that_is_not_built_is_refused() {
    let mut config = config("http://localhost:4318/v1/traces".into());
    config.compression = crate::Compression::Gzip;
    let error = OtlpHttpExporter::new(config).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid compression: gzip is not in this build: enable its cargo feature"
    );
}
