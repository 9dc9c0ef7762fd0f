//! The receiver's modules, and what holds of them.
#![expect(dead_code, reason = "answers are not fuzzed")]

#[path = "../../../crates/cli/src/receiver/answer.rs"]
mod answer;
#[path = "../../../crates/cli/src/receiver/body.rs"]
mod body;
#[path = "../../../crates/cli/src/receiver/encoding.rs"]
mod encoding;
#[path = "../../../crates/cli/src/receiver/grpc.rs"]
mod grpc;

use answer::Refusal;
use encoding::Encoding;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue},
};
use flate2::{Compression, read::GzEncoder};
use std::{io::Read as _, sync::LazyLock};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
});

/// Whatever arrives is a message, or refused with a reason.
pub(super) fn is_read_or_refused(packing: &'static str, body: &[u8]) {
    for read in [over_http(packing, body), over_grpc(packing, body)] {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            match read.as_ref().map(|message| encoding.decode(message)) {
                Ok(Ok(_spans)) => {}
                Ok(Err(refusal)) => assert_told(&refusal),
                Err(refusal) => assert_told(refusal),
            }
        }
    }
}

fn assert_told(refusal: &Refusal) {
    assert!(refusal.status.is_client_error() && !refusal.message.is_empty());
}

/// A message, packed or not, is read as it was sent.
pub(super) fn comes_out_as_it_was(message: &[u8]) {
    let mut packed = Vec::new();
    let mut packing = GzEncoder::new(message, Compression::fast());
    packing.read_to_end(&mut packed).expect("nothing to fail");
    for (is_packed, packing, sent) in [(0, "identity", message), (1, "gzip", &packed)] {
        let read = over_http(packing, sent).expect("a request");
        assert_eq!(read, message);
        let length = u32::try_from(sent.len()).expect("a short message");
        let framed = [&[is_packed][..], &length.to_be_bytes(), sent].concat();
        let read = over_grpc(packing, &framed).expect("a call");
        assert_eq!(read, message);
    }
}

fn over_http(packing: &'static str, body: &[u8]) -> Result<Bytes, Refusal> {
    let headers = header("content-encoding", packing);
    RUNTIME.block_on(body::read(&headers, Body::from(body.to_vec())))
}

fn over_grpc(packing: &'static str, body: &[u8]) -> Result<Bytes, Refusal> {
    let headers = header("grpc-encoding", packing);
    RUNTIME.block_on(grpc::read(&headers, Body::from(body.to_vec())))
}

fn header(name: &'static str, value: &'static str) -> HeaderMap {
    let header = (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    );
    HeaderMap::from_iter([header])
}
