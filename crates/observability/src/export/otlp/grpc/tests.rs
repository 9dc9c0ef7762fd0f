//! The exporter against a real socket.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use std::sync::{Arc, Mutex};

use super::{
    server::{Received, Reply, Server},
    *,
};
use crate::export::network::Compression;

fn status(code: u32, message: &str) -> Reply {
    let fields = vec![
        ("grpc-status", code.to_string()),
        ("grpc-message", message.to_owned()),
    ];
    Reply::HeadersOnly(200, fields)
}

pub(super) fn ok() -> Reply {
    let empty = message::framed(b"", Compression::None).to_vec();
    Reply::Answer(empty, vec![("grpc-status", "0".into())])
}

pub(super) fn config(server: &Server) -> EndpointConfig {
    let mut config = EndpointConfig::new(format!("http://127.0.0.1:{}", server.port));
    config.retry.initial_backoff = Duration::from_millis(1);
    config
}

pub(super) fn send(config: EndpointConfig, body: &[u8]) -> Result<Exported, ExportError> {
    let deadline = Instant::now() + Duration::from_secs(20);
    OtlpGrpcExporter::new(config)?.export(&EncodedRequest::new(body, 3), deadline)
}

/// Exports once against scripted replies: the result and what the server got.
fn exchange(replies: Vec<Reply>) -> (Result<Exported, ExportError>, Vec<Received>) {
    let server = Server::start(replies, None);
    let result = send(config(&server), b"body");
    (result, server.finish())
}

#[test]
fn sends_the_bytes_with_the_headers_of_the_protocol() {
    let server = Server::start(vec![ok()], None);
    let mut config = config(&server);
    config
        .headers
        .push(("Authorization".into(), "Bearer abc".into()));
    // Far more than the window that a server opens with.
    let body = vec![7; 700_000];
    assert_eq!(send(config, &body).unwrap(), Exported::default());

    let received = &server.finish()[0];
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert!(received.uri.ends_with(path), "{}", received.uri);
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", "Bearer abc"),
        (
            "user-agent",
            concat!("continuum-observability/", env!("CARGO_PKG_VERSION")),
        ),
    ] {
        assert_eq!(received.header(name), Some(value));
    }
    assert!(received.header("grpc-timeout").unwrap().ends_with('m'));
    assert_eq!(received.header("grpc-encoding"), None);
    assert_eq!(received.body[0], 0);
    assert!(message::content(&received.body) == body);
}

#[test]
fn keeps_one_connection_open() {
    let server = Server::start(vec![ok(), status(3, "no"), ok()], None);
    let mut exporter = OtlpGrpcExporter::new(config(&server)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    for expected in [true, false, true] {
        let result = exporter.export(&EncodedRequest::new(b"body", 1), deadline);
        assert_eq!(result.is_ok(), expected, "{result:?}");
    }
    let received = server.finish();
    assert!(received.iter().all(|call| call.connection == 1));
}

#[test]
fn a_connection_that_was_closed_meanwhile_costs_no_attempt() {
    let server = Server::start(vec![Reply::AnswerAndClose, ok()], None);
    let mut config = config(&server);
    config.retry.max_attempts = 1;
    let mut exporter = OtlpGrpcExporter::new(config).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    for _ in 0..2 {
        let result = exporter.export(&EncodedRequest::new(b"body", 1), deadline);
        assert_eq!(result.unwrap(), Exported::default());
    }
    let connections: Vec<_> = server.finish().iter().map(|call| call.connection).collect();
    assert_eq!(connections, [1, 2]);
}

#[test]
fn reports_partial_success() {
    let partial_success = Some(ExportTracePartialSuccess {
        rejected_spans: 2,
        error_message: "too old\u{1b}".into(),
    });
    let body = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    let body = message::framed(&body, Compression::None).to_vec();
    let (result, _) = exchange(vec![Reply::Answer(body, vec![("grpc-status", "0".into())])]);
    let expected = Exported {
        rejected: 2,
        message: Some(r"too old\u{1b}".into()),
    };
    assert_eq!(result.unwrap(), expected);
}

#[test]
fn tries_again_after_each_retryable_status() {
    for codes in [[1, 4, 10], [11, 14, 15]] {
        let mut replies: Vec<_> = codes.map(|code| status(code, "")).into();
        replies.push(ok());
        let (result, received) = exchange(replies);
        assert_eq!(result.unwrap(), Exported::default());
        assert_eq!(received.len(), 4);
    }
}

#[test]
fn any_other_status_is_final_and_explained() {
    let cases = [
        (2, "odd%21", "UNKNOWN after 1 attempt: odd! ["),
        (
            7,
            "",
            "PERMISSION_DENIED after 1 attempt: check the credentials",
        ),
        (
            8,
            "quota",
            "RESOURCE_EXHAUSTED after 1 attempt: quota; the receiver is overloaded",
        ),
        (
            12,
            "",
            "UNIMPLEMENTED after 1 attempt: the receiver does not take",
        ),
        (99, "new", "gRPC status 99 after 1 attempt: new ["),
    ];
    for (code, text, expected) in cases {
        let (result, received) = exchange(vec![status(code, text)]);
        let error = result.unwrap_err();
        assert!(!error.is_retryable() && received.len() == 1, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn waits_at_least_as_long_as_the_server_asks() {
    // google.rpc.Status whose details hold a RetryInfo of 7 s.
    let details = "GjAKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SBAoCCAc";
    let fields = vec![
        ("grpc-status", "8".to_owned()),
        ("grpc-status-details-bin", details.to_owned()),
    ];
    let server = Server::start(vec![Reply::HeadersOnly(200, fields), ok()], None);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&waits);
    let mut config = config(&server);
    config.pause = Arc::new(move |wait| {
        kept.lock().unwrap().push(wait);
        true
    });
    assert!(send(config, b"body").is_ok());
    assert_eq!(*waits.lock().unwrap(), [Duration::from_secs(7)]);
    server.finish();
}

#[test]
fn a_stream_that_is_reset_for_a_while_is_tried_again_and_otherwise_not() {
    let (result, received) = exchange(vec![Reply::Reset(h2::Reason::REFUSED_STREAM), ok()]);
    assert_eq!((result.is_ok(), received.len()), (true, 2));
    let (result, _) = exchange(vec![Reply::Reset(h2::Reason::PROTOCOL_ERROR)]);
    let error = result.unwrap_err();
    assert!(matches!(error, ExportError::Protocol { .. }), "{error:?}");
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    let (result, received) = exchange(vec![Reply::Close, ok()]);
    assert_eq!(result.unwrap(), Exported::default());
    assert_eq!(received[0].connection, 2);
}

#[test]
fn a_refused_connection_is_retried_and_named() {
    let server = Server::start(vec![], None);
    let config = config(&server);
    let endpoint = config.endpoint.clone();
    server.finish();
    let error = send(config, b"body").unwrap_err();
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
    let server = Server::start(vec![Reply::Silence], None);
    let mut exporter = OtlpGrpcExporter::new(config(&server)).unwrap();
    let deadline = Instant::now() + Duration::from_millis(300);
    let result = exporter.export(&EncodedRequest::new(b"body", 1), deadline);
    let error = result.unwrap_err();
    assert!(
        matches!(error, ExportError::Deadline { attempts: 1.., .. }),
        "{error:?}"
    );
    server.finish();
}

#[test]
fn an_answer_of_http_without_grpc_is_an_error() {
    let (result, _) = exchange(vec![Reply::HeadersOnly(404, vec![])]);
    let error = result.unwrap_err();
    assert!(
        matches!(error, ExportError::Status { status: 404, .. }),
        "{error:?}"
    );
    let (result, _) = exchange(vec![Reply::HeadersOnly(200, vec![])]);
    let error = result.unwrap_err();
    assert!(matches!(error, ExportError::Protocol { .. }), "{error:?}");
}

#[cfg(feature = "otlp-http")]
#[test]
fn an_http_1_server_is_recognised_as_another_protocol() {
    use crate::export::network::server;

    let raw = server::Reply::Raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let server = server::Server::start(vec![raw]);
    let mut config = EndpointConfig::new(format!("http://127.0.0.1:{}", server.port));
    config.retry.max_attempts = 1;
    let error = send(config, b"body").unwrap_err();
    assert!(matches!(error, ExportError::Protocol { .. }), "{error:?}");
}

#[test]
fn the_http_port_is_recognised() {
    let target = Target::new(&EndpointConfig::new("http://localhost:4318")).unwrap();
    let error = target.error(Failure::Alien("odd".into()));
    assert!(
        error
            .to_string()
            .contains("odd; 4318 is the HTTP port, use 4317 for gRPC ["),
        "{error}"
    );
}

#[cfg(feature = "gzip")]
#[test]
fn a_compressed_message_is_gzip_and_decodes_to_the_bytes() {
    use std::io::Read as _;

    let server = Server::start(vec![ok()], None);
    let mut config = config(&server);
    config.compression = Compression::Gzip;
    let body = b"span ".repeat(20_000);
    assert!(send(config, &body).is_ok());
    let received = &server.finish()[0];
    assert_eq!(received.header("grpc-encoding"), Some("gzip"));
    let (head, compressed) = received.body.split_at(5);
    assert_eq!(head[0], 1);
    assert_eq!(
        head[1..],
        u32::try_from(compressed.len()).unwrap().to_be_bytes()
    );
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(compressed)
        .read_to_end(&mut decoded)
        .unwrap();
    assert!(decoded == body);
}

#[test]
fn an_exporter_is_made_and_dropped_on_a_thread_with_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        drop(OtlpGrpcExporter::new(EndpointConfig::new("http://localhost:4317")).unwrap());
    });
}
