//! Faults of a receiver of OTLP over gRPC.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{FLOOD, builder, endure, ordeal, over_grpc, recover},
    record,
};
use ::http::{HeaderMap, Response};
use bytes::Bytes;
use continuum_observability::{FlushError, OtlpConfig, OtlpProtocol};
use h2::{SendStream, server::SendResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use rustls::ServerConfig;
use std::{
    error::Error,
    future::poll_fn,
    io::{self, Write as _},
    net::TcpStream,
    sync::Arc,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

type Failure = Box<dyn Error + Send + Sync>;

/// How a call is answered.
pub(crate) enum Reply {
    /// An empty message, and this status.
    Status(u32),
    /// This message, and status 0.
    Says(Vec<u8>),
    /// A message that never ends.
    Endless,
}

/// Answers every call on a connection with what `answer` has for its message.
pub(crate) fn serve(stream: TcpStream, answer: impl Fn(&[u8]) -> Reply) -> io::Result<()> {
    run(stream, async |stream| serve_calls(stream, answer).await)
}

/// The same over TLS.
pub(crate) fn serve_tls(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    answer: impl Fn(&[u8]) -> Reply,
) -> io::Result<()> {
    run(stream, async |stream| {
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        serve_calls(stream, answer).await
    })
}

fn run(
    stream: TcpStream,
    serve: impl AsyncFnOnce(tokio::net::TcpStream) -> Result<(), Failure>,
) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        serve(stream).await
    });
    served.map_err(io::Error::other)
}

async fn serve_calls(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: impl Fn(&[u8]) -> Reply,
) -> Result<(), Failure> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        let mut body = request.into_body();
        let answered = async {
            let mut message = Vec::new();
            while let Some(data) = body.data().await {
                let data = data?;
                body.flow_control().release_capacity(data.len())?;
                message.extend_from_slice(&data);
            }
            // One byte says whether it is compressed, four how long it is.
            respond_with(answer(&message[5..]), respond).await
        };
        // The body arrives only while the connection is driven.
        tokio::select! {
            answered = answered => answered?,
            closed = poll_fn(|cx| connection.poll_closed(cx)) => return Ok(closed?),
        }
    }
    Ok(())
}

async fn respond_with(reply: Reply, mut respond: SendResponse<Bytes>) -> Result<(), Failure> {
    let head = Response::builder().header("content-type", "application/grpc");
    let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
    let (status, message) = match reply {
        Reply::Status(status) => (status, Vec::new()),
        Reply::Says(message) => (0, message),
        Reply::Endless => loop {
            send(&mut stream, vec![0; 16 << 10]).await?;
        },
    };
    let length = u32::try_from(message.len()).unwrap();
    let framed = [&[0][..], &length.to_be_bytes(), &message].concat();
    send(&mut stream, framed).await?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.into());
    Ok(stream.send_trailers(trailers)?)
}

/// Sends as fast as the other side wants it.
async fn send(stream: &mut SendStream<Bytes>, mut data: Vec<u8>) -> Result<(), Failure> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await;
        let room = room.ok_or("the stream is closed")??;
        let rest = data.split_off(room.min(data.len()));
        stream.send_data(data.into(), false)?;
        data = rest;
    }
    Ok(())
}

/// Begins the answer to the first call and never comes to the end of its headers; tells how many bytes
/// of them went out.
pub(crate) fn send_endless_headers(mut to: &TcpStream, note: impl Fn(u64)) -> io::Result<()> {
    const SETTINGS: u8 = 4;
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    let frame = |kind: u8, stream: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, stream], content].concat()
    };
    // HPACK: a literal header that is not indexed, with name and value.
    let more = b"\0\x06x-more\x40................................................................";
    let mut content = more.repeat((16 << 10) / more.len());
    to.write_all(&frame(SETTINGS, 0, &[]))?;
    to.write_all(&frame(HEADERS, 1, b"\x88"))?;
    content.truncate(content.len() / more.len() * more.len());
    for sent in 1_u64.. {
        to.write_all(&frame(CONTINUATION, 1, &content))?;
        note(sent * content.len() as u64);
    }
    Ok(())
}

fn survives(fault: Fault, remedy: &str) {
    let backend = Backend::start(Protocol::Grpc, Fault::None);
    ordeal(over_grpc(&backend), &backend, fault, remedy);
}

#[test]
fn a_receiver_that_is_unavailable_is_asked_again_later() {
    survives(Fault::Rpc(14), "answered UNAVAILABLE");
}

#[test]
fn a_receiver_that_wants_credentials_says_so() {
    survives(Fault::Rpc(16), "check the credentials");
}

#[test]
fn a_receiver_that_says_nothing_is_given_up_at_the_deadline() {
    survives(
        Fault::Silent,
        "raise the export timeout or check the collector",
    );
}

#[test]
fn a_receiver_that_answers_with_one_byte_a_second_is_given_up() {
    survives(
        Fault::Drip,
        "raise the export timeout or check the collector",
    );
}

#[test]
fn a_receiver_that_hangs_up_or_closes_its_half_is_named() {
    for fault in [Fault::HangUp, Fault::HalfClosed] {
        survives(
            fault,
            "look into the collector's log or correct the endpoint",
        );
    }
}

#[test]
fn a_receiver_of_something_else_is_recognised() {
    survives(Fault::Nonsense, "not a receiver for this exporter");
}

#[test]
fn a_receiver_that_is_down_costs_spans_until_it_is_up_again() {
    let _alone = alone();
    let address = Backend::nowhere();
    let mut otlp = OtlpConfig::new(format!("http://{address}"));
    otlp.protocol = Some(OtlpProtocol::Grpc);
    let (builder, lines) = builder(otlp);
    let telemetry = builder.init().unwrap();
    let (stats, line) = endure(&telemetry, &lines);
    assert_eq!(stats.dropped(), FLOOD, "{stats:?}");
    let remedy = "start the collector or correct the endpoint";
    let names = line.contains(&address.to_string()) && line.contains(remedy);
    assert!(names, "{line}");
    let backend = Backend::start_at(address, Protocol::Grpc, Fault::None);
    recover(&telemetry, &lines, &backend);
}

#[test]
fn headers_that_never_end_are_not_read_to_their_end() {
    // What the sockets of both sides hold by themselves.
    const ON_THE_WAY: u64 = 12 << 20;
    let backend = Backend::start(Protocol::Grpc, Fault::None);
    let remedy = "not a receiver for this exporter";
    ordeal(over_grpc(&backend), &backend, Fault::EndlessHeaders, remedy);
    let sent = backend.longest_answer();
    assert!((1..ON_THE_WAY).contains(&sent), "{sent}");
}

#[test]
fn a_message_that_never_ends_is_given_up_at_the_deadline() {
    survives(
        Fault::EndlessBody,
        "raise the export timeout or check the collector",
    );
}

#[test]
fn spans_that_a_receiver_rejects_are_counted_and_a_long_answer_is_cut_off() {
    let _alone = alone();
    let partial_success = Some(ExportTracePartialSuccess {
        rejected_spans: 3,
        error_message: "too old, ".repeat(1 << 20),
    });
    let says = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    let backend = Backend::start(Protocol::Grpc, Fault::Says(says));
    let (builder, lines) = builder(over_grpc(&backend));
    let telemetry = builder.export_timeout(PLENTY).init().unwrap();
    record(10);
    // How many it is stands before what is cut off.
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    let counted = (stats.dropped_rejected, stats.exported);
    assert_eq!(counted, (3, 7), "{stats:?}");
    let said = lines.all();
    assert_eq!(said.len(), 1, "{said:?}");
    let (begin, end) = (said[0].split(", too old").next(), &said[0]);
    assert_eq!(begin, Some("3 of 10 spans rejected: too old"));
    assert!(
        end.ends_with(&format!("[http://{}]", backend.address)),
        "{end}"
    );
    assert!(end.len() < 400, "{end}");
    backend.set(Fault::None);
    recover(&telemetry, &lines, &backend);
}

#[test]
fn a_receiver_that_reads_one_byte_a_second_is_given_up() {
    survives(
        Fault::Sip,
        "raise the export timeout or check the collector",
    );
}
