//! What incoming and outgoing HTTP requests have in common: methods, URLs without secrets, outcomes.
//!
//! Position: under `api` and `client`.
//!
//! Invariants:
//! - of a URL, neither credentials nor the values of sensitive parameters are recorded;
//! - text of a stranger is recorded up to [`MAX_TEXT_BYTES`].
//!
//! Source: OpenTelemetry semantic conventions 1.x, "HTTP spans" and "URL" (what is redacted, and how).

use crate::{
    config::redaction::is_denied_key,
    semconv::attribute,
    span::{SpanKind, SpanRef, Status},
};
use std::borrow::Cow;

/// Of a path, a query or a header, this much is recorded.
const MAX_TEXT_BYTES: usize = 4 << 10;

/// Stands for a secret inside of a URL, as the conventions write it.
const REDACTED: &str = "REDACTED";

/// Parameters with a signature or a key that [`is_denied_key`] does not know.
const SENSITIVE: &[&str] = &[
    "awsaccesskeyid",
    "signature",
    "sig",
    "x-goog-signature",
    "x-amz-signature",
];

/// Methods that have a name of their own in the conventions.
const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE",
];

/// The method as it is recorded: known ones as they are, all others as one.
pub(super) fn known_method(method: &str) -> Option<&'static str> {
    METHODS.iter().find(|known| **known == method).copied()
}

/// Stands for every method that is not known.
pub(super) const OTHER_METHOD: &str = "_OTHER";

/// `METHOD target`, or `HTTP` in place of a method that anybody can make up.
pub(super) fn span_name(method: &str, target: Option<&str>) -> Cow<'static, str> {
    let method = known_method(method).unwrap_or("HTTP");
    match target {
        Some(target) if !target.is_empty() => format!("{method} {target}").into(),
        _ => method.into(),
    }
}

/// The beginning of a text that a stranger wrote.
pub(super) fn capped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or_default()
}

/// A query with the values of sensitive parameters replaced.
pub(super) fn redact_query(query: &str) -> Cow<'_, str> {
    let query = capped(query);
    let is_secret = |pair: &str| {
        pair.split_once('=')
            .is_some_and(|(key, _)| is_sensitive(key))
    };
    if !query.split(['&', ';']).any(is_secret) {
        return query.into();
    }
    let mut redacted = String::with_capacity(query.len());
    for pair in query.split_inclusive(['&', ';']) {
        match pair.split_once('=') {
            Some((key, value)) if is_sensitive(key) => {
                redacted.extend([key, "=", REDACTED]);
                redacted.extend(value.chars().next_back().filter(|end| "&;".contains(*end)));
            }
            _ => redacted.push_str(pair),
        }
    }
    redacted.into()
}

fn is_sensitive(key: &str) -> bool {
    let key = percent_decoded(key);
    let lower = key.to_ascii_lowercase();
    SENSITIVE.contains(&lower.as_str()) || is_denied_key(&lower) || is_denied_key(&key)
}

/// A key as the server understands it, so that no spelling of it is a way around.
fn percent_decoded(key: &str) -> Cow<'_, str> {
    if !key.contains('%') {
        return key.into();
    }
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail.get(..2).filter(|_| *first == b'%');
        let decoded = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = tail
            .get(if decoded.is_some() { 2.. } else { 0.. })
            .unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// The parts of an absolute URL that are recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    /// Scheme, host, path and query; no credentials, no secrets, no fragment.
    pub(super) full: String,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; `None` where it is not certain what is what.
    pub(super) fn parse(url: &'a str) -> Option<Self> {
        let url = url.split('#').next()?;
        let (scheme, rest) = url.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (credentials, server) = match authority.rsplit_once('@') {
            Some((_, server)) => ("REDACTED:REDACTED@", server),
            None => ("", authority),
        };
        let (host, port) = host_and_port(server)?;
        let default_port = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(redact_query(query))),
            None => (path, None),
        };
        let mut full = format!("{scheme}://{credentials}{server}{}", capped(path));
        if let Some(query) = query {
            full.push('?');
            full.push_str(&query);
        }
        let port = port.or(default_port);
        Some(Self { full, host, port })
    }
}

/// Whether what stands before `://` is a scheme, and not credentials or words.
fn is_scheme(text: &str) -> bool {
    let mut letters = text.bytes();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || b"+.-".contains(&letter))
}

/// The parts of `host`, `host:port` or `[address]:port`.
pub(super) fn host_and_port(server: &str) -> Option<(&str, Option<u16>)> {
    let colon = server.rfind(':').filter(|at| !server[*at..].contains(']'));
    let Some((host, port)) = colon.and_then(|at| server.split_at_checked(at)) else {
        return (!server.is_empty()).then_some((server, None));
    };
    let port = port.get(1..)?.parse().ok()?;
    (!host.is_empty()).then_some((host, Some(port)))
}

impl SpanRef {
    /// Records the status code of an HTTP response, and whether it is an error: from 500 on, and for
    /// the span of a client from 400 on.
    pub fn http_response_status(&self, status: u16) {
        self.http_outcome(status, "");
    }

    /// Records the length of a response's body in bytes.
    pub fn http_response_body_size(&self, bytes: u64) {
        self.set_attribute(attribute::HTTP_RESPONSE_BODY_SIZE, bytes);
    }

    /// Records the status code, with the words for it where it is an error.
    pub(super) fn http_outcome(&self, status: u16, reason: &str) {
        self.set_conventional(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        let client = self.kind() == Some(SpanKind::Client);
        if status >= 500 || (client && status >= 400) {
            self.error_type(&status.to_string());
            self.set_status(Status::error(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_sensitive_parameters_are_replaced() {
        let rows = [
            ("", ""),
            ("q=rust&page=2", "q=rust&page=2"),
            ("token=abc", "token=REDACTED"),
            ("a=1&api_key=abc&b=2", "a=1&api_key=REDACTED&b=2"),
            ("a=1;PassWord=abc;b", "a=1;PassWord=REDACTED;b"),
            ("p%61ss%77ord=abc&x", "p%61ss%77ord=REDACTED&x"),
            ("user[password]=a=b=c", "user[password]=REDACTED"),
            (
                "X-Amz-Signature=abc&sig=d",
                "X-Amz-Signature=REDACTED&sig=REDACTED",
            ),
            ("AWSAccessKeyId=abc", "AWSAccessKeyId=REDACTED"),
            ("token", "token"),
            ("%=1&%zz=2&100%=3", "%=1&%zz=2&100%=3"),
        ];
        for (query, expected) in rows {
            assert_eq!(redact_query(query), expected);
        }
    }

    fn url<'a>(full: &str, host: &'a str, port: Option<u16>) -> Url<'a> {
        let full = full.to_owned();
        Url { full, host, port }
    }

    #[test]
    fn a_url_is_recorded_without_credentials_secrets_and_fragment() {
        let rows = [
            (
                "http://a.example",
                url("http://a.example", "a.example", Some(80)),
            ),
            (
                "https://ann:pa@ss@a.example:8443/x?token=abc&q=1#frag",
                url(
                    "https://REDACTED:REDACTED@a.example:8443/x?token=REDACTED&q=1",
                    "a.example",
                    Some(8443),
                ),
            ),
            ("https://[::1]/", url("https://[::1]/", "[::1]", Some(443))),
            ("ws://[::1]:9/", url("ws://[::1]:9/", "[::1]", Some(9))),
            ("redis://r", url("redis://r", "r", None)),
            ("Git+ssh-2.x://r", url("Git+ssh-2.x://r", "r", None)),
            ("http://a?key=1", url("http://a?key=1", "a", Some(80))),
        ];
        for (text, expected) in rows {
            assert_eq!(Url::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_certainly_a_url_is_not_one() {
        for text in [
            "",
            "/path",
            "ann:secret@a.example/",
            "ann:secret@x://a.example/",
            "://a.example/",
            "2http://a.example/",
            " http://a.example/",
            "http://",
            "http://ann:secret/x@a",
            "http://:80",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "é".repeat(MAX_TEXT_BYTES);
        assert_eq!(capped(&text).len(), MAX_TEXT_BYTES);
        assert_eq!(
            capped(&text[..text.len() - 2].replacen('é', "a", 1)).len(),
            MAX_TEXT_BYTES - 1
        );
    }

    #[test]
    fn names_have_no_method_that_anybody_can_make_up() {
        assert_eq!(span_name("GET", Some("/x")), "GET /x");
        assert_eq!(span_name("get", Some("/x")), "HTTP /x");
        assert_eq!(span_name("PROPFIND", None), "HTTP");
        assert_eq!(span_name("POST", Some("")), "POST");
    }

    proptest! {
        #[test]
        fn no_secret_of_a_url_survives(
            scheme in "https?|ws", user in "[a-z%@:]{0,8}", host in "[a-z]{1,8}|\\[::1\\]",
            port in prop::option::of(any::<u16>()), path in "(/[a-z]{0,4}){0,3}",
            before in "([a-z]=[a-z]&){0,2}", key in "(api_|access-)?(token|KEY_secret)|p%61ssword",
            after in "(&[a-z]=[a-z]){0,2}",
        ) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let text = format!("{scheme}://{user}SECRET@{host}{port}{path}?{before}{key}=SECRET{after}#SECRET");
            let full = Url::parse(&text).unwrap().full;
            let end = format!("@{host}{port}{path}?{before}{key}=REDACTED{after}");
            prop_assert!(!full.contains("SECRET"), "{}", full);
            prop_assert!(full.ends_with(&end), "{}", full);
        }

        #[test]
        fn any_text_is_taken_apart_without_a_panic(text in ".{0,40}", separators in "[:/?#@%=&\\[\\]é]{0,20}") {
            let _parsed = (Url::parse(&text), Url::parse(&format!("a://{separators}")));
            let _query = redact_query(&separators);
        }
    }
}
