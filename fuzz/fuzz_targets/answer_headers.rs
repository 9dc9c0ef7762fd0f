//! `Retry-After` on the first line of the input and `Date` on the second, then the headers `grpc-status`,
//! `grpc-message` and `grpc-status-details-bin`.

#![no_main]

use continuum_observability::fuzzing::{retry_after, rpc_error};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

const FIELDS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let (value, date) = (lines.next().unwrap_or_default(), lines.next());
    let wait = retry_after(value, date);
    if let Ok(secs) = value.trim().parse() {
        assert_eq!(wait, Some(Duration::from_secs(secs)));
    } else if date.is_none() {
        assert_eq!(wait, None);
    }
    let mut headers = HeaderMap::new();
    for (name, line) in FIELDS.into_iter().zip(lines) {
        if let Ok(value) = HeaderValue::from_str(line) {
            headers.insert(name, value);
        }
    }
    if let Some(error) = rpc_error(&headers) {
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
});
