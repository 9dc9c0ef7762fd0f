//! URLs as they may leave the process: without credentials and secrets.
//!
//! Position: asked by the HTTP layers for what they record, and for each URL in the text of an error.
//!
//! Invariants:
//! - of a URL, neither credentials nor the values of sensitive parameters are recorded;
//! - text of a stranger is recorded up to [`MAX_TEXT_BYTES`].
//!
//! Source: OpenTelemetry semantic conventions 1.x, "URL" (what is redacted, and how).

use super::redaction::is_denied_key;
use crate::propagation::percent;
use std::borrow::Cow;

/// Of a path, a query or a header, this much is recorded.
const MAX_TEXT_BYTES: usize = 4 << 10;

/// Stands for a secret inside of a URL, as the conventions write it.
const REDACTED: &str = "REDACTED";

/// What follows a URL in a text rather than being its end.
const AFTER_A_URL: [char; 9] = [')', ']', '}', '\'', ',', ';', ':', '.', '!'];

/// What separates parameters; the last one begins those of a URL inside of the query.
const SEPARATORS: [char; 3] = ['&', ';', '?'];

/// Parameters with a signature or a key that [`is_denied_key`] does not know.
const SENSITIVE: &[&str] = &[
    "awsaccesskeyid",
    "signature",
    "sig",
    "x-goog-signature",
    "x-amz-signature",
];

/// The beginning of a text that a stranger wrote.
pub(crate) fn capped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or_default()
}

/// A query with the values of sensitive parameters replaced.
pub(crate) fn redact_query(query: &str) -> Cow<'_, str> {
    let query = capped(query);
    let is_secret = |pair: &str| {
        pair.split_once('=')
            .is_some_and(|(key, _)| is_sensitive(key))
    };
    if !query.split(SEPARATORS).any(is_secret) {
        return query.into();
    }
    let mut redacted = String::with_capacity(query.len());
    for pair in query.split_inclusive(SEPARATORS) {
        match pair.split_once('=') {
            Some((key, value)) if is_sensitive(key) => {
                redacted.extend([key, "=", REDACTED]);
                redacted.extend(
                    value
                        .chars()
                        .next_back()
                        .filter(|end| SEPARATORS.contains(end)),
                );
            }
            _ => redacted.push_str(pair),
        }
    }
    redacted.into()
}

fn is_sensitive(key: &str) -> bool {
    // As the server understands it, so that no spelling is a way around.
    let key = percent::decode(key);
    let lower = key.to_ascii_lowercase();
    SENSITIVE.contains(&lower.as_str()) || is_denied_key(&lower) || is_denied_key(&key)
}

/// The parts of an absolute URL that are recorded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    /// Scheme, host, path and query; no credentials, no secrets, no fragment.
    pub(crate) full: String,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; `None` where it is not certain what is what.
    pub(crate) fn parse(url: &'a str) -> Option<Self> {
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
        let (path, mark, query) = match path.split_once('?') {
            Some((path, query)) => (path, "?", redact_query(query)),
            None => (path, "", Cow::Borrowed("")),
        };
        let path = capped(path);
        let full = [scheme, "://", credentials, server, path, mark, &query].concat();
        let port = port.or(default_port);
        Some(Self { full, host, port })
    }
}

/// A text in which no URL shows credentials or the values of sensitive parameters.
pub(crate) fn redact_urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return text.into();
    }
    let ends_word = |letter: char| letter.is_whitespace() || "\"<>`".contains(letter);
    let mut clean = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        clean.push_str(&redact_word(word));
        clean.push_str(&piece[word.len()..]);
    }
    clean.into()
}

/// A word, of which nothing is recorded that may be a secret where it is not certain what is what.
fn redact_word(word: &str) -> Cow<'_, str> {
    let Some((head, rest)) = word.split_once("://") else {
        return word.into();
    };
    let before = head.trim_end_matches(is_scheme_letter);
    let (_, url) = word.split_at(before.len());
    let (url, after) = url.split_at(url.trim_end_matches(AFTER_A_URL).len());
    let holds_another = rest.contains("://") && rest.contains('@');
    if before.contains('@') || holds_another {
        return REDACTED.into();
    }
    match Url::parse(url) {
        Some(url) => format!("{before}{}{after}", url.full).into(),
        None if url.contains(['@', '?', '#']) => format!("{before}{REDACTED}{after}").into(),
        None => word.into(),
    }
}

/// Whether what stands before `://` is a scheme, and not credentials or words.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(is_scheme_letter)
}

fn is_scheme_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "+.-".contains(letter)
}

/// The parts of `host`, `host:port` or `[address]:port`.
pub(crate) fn host_and_port(server: &str) -> Option<(&str, Option<u16>)> {
    let colon = server.rfind(':').filter(|at| !server[*at..].contains(']'));
    let Some((host, port)) = colon.and_then(|at| server.split_at_checked(at)) else {
        return (!server.is_empty()).then_some((server, None));
    };
    let port = port.get(1..)?.parse().ok()?;
    (!host.is_empty()).then_some((host, Some(port)))
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
    fn urls_in_a_text_lose_their_secrets_and_nothing_else() {
        let rows = [
            ("", ""),
            ("no URL: a//b?token=abc", "no URL: a//b?token=abc"),
            (
                "error sending request for url (http://a.example/x?q=1&token=abc): refused",
                "error sending request for url (http://a.example/x?q=1&token=REDACTED): refused",
            ),
            (
                "see \"https://ann:pass@a/\"\tand url=http://b/?sig=c.",
                "see \"https://REDACTED:REDACTED@a/\"\tand url=http://b/?sig=REDACTED.",
            ),
            (
                "jdbc:db://u:p@h/d, retry",
                "jdbc:db://REDACTED:REDACTED@h/d, retry",
            ),
            (
                "file:///var/db.sqlite is gone",
                "file:///var/db.sqlite is gone",
            ),
            ("file:///x#access_token=abc", "REDACTED"),
            ("db://u:pa/ss@h", "REDACTED"),
            ("ann:secret@x://host", "REDACTED"),
            ("http://a/x,http://u:p@b/", "REDACTED"),
            ("http://a,http://b?token=abc", "REDACTED"),
            (
                "http://a?next=http://b?token=abc",
                "http://a?next=http://b?token=REDACTED",
            ),
            ("é://x?token=abc", "éREDACTED"),
        ];
        for (text, expected) in rows {
            assert_eq!(redact_urls(text), expected);
        }
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
            let _text = redact_urls(&format!("{text}://{separators}"));
        }
    }
}
