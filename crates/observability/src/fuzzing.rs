//! Doors to private parsers and to encoded bytes, for the targets in `fuzz/`.
//!
//! Position: beside everything else; compiled with the feature `_fuzzing`, which no program sets.
//!
//! Invariant: a door passes on and decides nothing, so that what is fuzzed is what runs.

use crate::{
    ExportError, Exported, Problem, SpanRecord, TraceState, config, export, layers::cache::key,
    sampling::ot_member, span::url, testing::TestRecorder,
};
use http::HeaderMap;
use std::time::Duration;

/// The encoded request of what has ended since the last time; empty when that is nothing.
pub fn take_encoded(recorder: &TestRecorder) -> Vec<u8> {
    recorder.take_encoded()
}

/// What is wrong with variables of `docs/configuration.md`.
pub fn problems_of(variables: &[(String, String)]) -> Vec<Problem> {
    config::problems_of(variables)
}

/// What is wrong with a file of settings, given by its name and what is in it, where the environment has one
/// variable.
pub fn problems_of_file(path: &str, text: &str, variable: (&str, &str)) -> Vec<Problem> {
    config::problems_of_file(path, text, variable)
}

/// A list such as `key1=value1,key2=value2`, percent-encoded.
pub fn parse_pairs(list: &str) -> Option<Vec<(String, String)>> {
    config::parse_pairs(list)
}

/// What an `ExportTraceServiceResponse` says.
pub fn partial_success(body: &[u8]) -> Exported {
    export::partial_success(body)
}

/// The message of a `google.rpc.Status`.
pub fn rpc_status_message(body: &[u8]) -> String {
    export::rpc_status_message(body)
}

/// The wait that a `google.rpc.Status` asks for.
pub fn rpc_retry_delay(status: &[u8]) -> Option<Duration> {
    export::rpc_retry_delay(status)
}

/// The message behind the head that gRPC puts before it.
pub fn rpc_message(body: &[u8]) -> &[u8] {
    export::rpc_message(body)
}

/// What follows the answer of a proxy to `CONNECT`, where that is a success.
pub fn after_connect(answer: &[u8]) -> Option<&[u8]> {
    export::after_connect(answer)
}

/// The threshold in `tracestate`.
pub fn ot_threshold(state: &TraceState) -> Option<u64> {
    ot_member::threshold(state)
}

/// The randomness in `tracestate`.
pub fn ot_randomness(state: &TraceState) -> Option<u64> {
    ot_member::randomness(state)
}

/// `tracestate` with another threshold below 2^56, or with none.
pub fn with_ot_threshold(state: &TraceState, threshold: Option<u64>) -> TraceState {
    let text = threshold.map(ot_member::threshold_text);
    ot_member::with_threshold(state, text.as_deref())
}

/// The wait that `Retry-After` asks for, beside the server's `Date`.
pub fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    export::retry_after(value, date)
}

/// What an answer over gRPC with these headers or trailers comes to.
pub fn rpc_error(fields: &HeaderMap) -> Option<ExportError> {
    export::rpc_error(fields)
}

/// A line of the file exporter.
pub fn write_request(out: &mut String, spans: &[SpanRecord]) {
    export::write_request(out, spans);
}

/// A cache key as it may be recorded, and its pattern.
pub fn scrubbed_key(key: &str) -> (String, String) {
    let scrubbed = key::scrubbed(key);
    (scrubbed.clone().into_owned(), key::key_pattern(&scrubbed))
}

/// A query as it may be recorded.
pub fn redact_query(query: &str) -> String {
    url::redact_query(query).into_owned()
}

/// A text as it may be recorded.
pub fn redact_urls(text: &str) -> String {
    url::redact_urls(text).into_owned()
}

/// An absolute URL as it may be recorded, with its host and port.
pub fn parse_url(text: &str) -> Option<(String, &str, Option<u16>)> {
    let url = url::Url::parse(text)?;
    Some((url.full, url.host, url.port))
}

/// The parts of `host`, `host:port` or `[address]:port`.
pub fn host_and_port(server: &str) -> Option<(&str, Option<u16>)> {
    url::host_and_port(server)
}
