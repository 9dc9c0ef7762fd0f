//! The body with which a receiver answers, over HTTP or in the details of a gRPC status: what it rejects
//! is read as the crate of the protocol reads it, and its text is safe to be shown.

#![no_main]

use continuum_observability::fuzzing::{
    partial_success, rpc_message, rpc_retry_delay, rpc_status_message,
};
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

const MAX_MESSAGE_CHARS: usize = 200;

fuzz_target!(|body: &[u8]| {
    let exported = partial_success(body);
    if let Some(message) = &exported.message {
        assert!(message.chars().count() <= MAX_MESSAGE_CHARS);
        assert!(!message.contains(char::is_control));
    }
    if let Ok(reference) = ExportTraceServiceResponse::decode(body) {
        let reference = reference.partial_success.unwrap_or_default();
        let rejected = u64::try_from(reference.rejected_spans).unwrap_or_default();
        assert_eq!(exported.rejected, rejected);
        assert!(reference.error_message.is_empty() || exported.message.is_some());
    }
    // Over gRPC the same is behind a head of five bytes, and only as much of it counts as is there.
    let length = (body.len() as u32).to_be_bytes();
    let framed = [&[0][..], &length, body].concat();
    assert_eq!(rpc_message(&framed), body);
    let within = rpc_message(body);
    assert!(within.is_empty() || body[5..].starts_with(within));
    let _message = rpc_status_message(body);
    let _delay = rpc_retry_delay(body);
});
