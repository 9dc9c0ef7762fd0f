//! The answer of an HTTP proxy to `CONNECT`, and what comes after it: nothing is read beyond its head,
//! and only a success opens the way.

#![no_main]

use continuum_observability::fuzzing::after_connect;
use libfuzzer_sys::fuzz_target;

const MAX_HEAD_BYTES: usize = 16 * 1024;

fuzz_target!(|answer: &[u8]| {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n");
    let Some(rest) = after_connect(answer) else {
        return;
    };
    let head = answer.len() - rest.len();
    assert!(answer.starts_with(b"HTTP/1."));
    assert!(answer.ends_with(rest));
    match end {
        Some(end) if end + 4 <= MAX_HEAD_BYTES => assert_eq!(head, end + 4),
        _ => assert_eq!(head, MAX_HEAD_BYTES),
    }
});
