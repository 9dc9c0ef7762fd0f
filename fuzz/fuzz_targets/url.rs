//! What is recorded of a URL, of a query and of a text with URLs in it: no credentials, and recorded
//! again, a URL and a query stay the same.

#![no_main]

use continuum_observability::fuzzing::{host_and_port, parse_url, redact_query, redact_urls};
use libfuzzer_sys::fuzz_target;

/// Longer ones are cut, before and after values are replaced.
const MAX_BYTES: usize = 1_000;

fuzz_target!(|text: &str| {
    if text.len() > MAX_BYTES {
        return;
    }
    let query = redact_query(text);
    assert_eq!(redact_query(&query), query);
    assert_no_credentials(&redact_urls(text));
    if let Some((full, host, port)) = parse_url(text) {
        assert!(!host.is_empty() && text.contains(host));
        let again = parse_url(&full).expect("still a URL");
        assert_eq!(again, (full.clone(), host, port));
    }
    if let Some((host, Some(port))) = host_and_port(text) {
        assert!(text.starts_with(host) && text.contains(&port.to_string()));
    }
});

/// A second look at a text may replace more of it, but must not have to.
fn assert_no_credentials(clean: &str) {
    let ends = |letter: char| letter.is_whitespace() || "/?#\"<>`".contains(letter);
    for (_, rest) in clean
        .match_indices("://")
        .map(|(at, mark)| clean.split_at(at + mark.len()))
    {
        let authority = rest.split(ends).next().unwrap_or_default();
        if let Some((credentials, _)) = authority.rsplit_once('@') {
            assert_eq!(credentials, "REDACTED:REDACTED", "{clean}");
        }
    }
}
