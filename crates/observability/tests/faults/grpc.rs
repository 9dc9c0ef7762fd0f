//! Faults of a receiver of OTLP over gRPC.

use crate::{
    backend::{Backend, Fault, Protocol},
    ordeal::{ordeal, over_grpc},
};
use ::http::{HeaderMap, Response};
use bytes::Bytes;
use h2::server::SendResponse;
use std::{error::Error, io, net::TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

/// Answers every call on a connection with the status that `answer` has for its message.
pub(crate) fn serve(stream: TcpStream, answer: impl Fn(&[u8]) -> u32) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let calls = async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
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
                respond_with(answer(&message[5..]), respond)?;
                Ok::<_, Failure>(())
            };
            // The body arrives only while the connection is driven.
            tokio::select! {
                answered = answered => answered?,
                closed = std::future::poll_fn(|cx| connection.poll_closed(cx)) => {
                    return Ok(closed?);
                }
            }
        }
        Ok(())
    };
    let served: Result<(), Failure> = runtime.block_on(calls);
    served.map_err(io::Error::other)
}

fn respond_with(status: u32, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let head = Response::builder().header("content-type", "application/grpc");
    let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
    // The flag, the length and nothing: an empty message.
    stream.send_data(Bytes::from_static(&[0; 5]), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.into());
    stream.send_trailers(trailers)
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
