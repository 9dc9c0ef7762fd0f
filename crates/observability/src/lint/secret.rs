//! Values that must not leave the process: passwords, keys, tokens, e-mail addresses.
//!
//! Invariant: a finding never repeats the value.
//!
//! Source: the guide, "Attribute guidelines"; the published prefixes of the vendors' tokens.

use super::{Finding, Rule};
use crate::{
    AnyValue, SpanRecord,
    config::redaction::{REDACTED, is_denied_key, is_email},
};

/// Beginnings of words that are credentials, and how long such a word is at least.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("github_pat_", 20),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("eyJ", 30),
    ("hf_", 20),
    ("SG.", 30),
];
/// What stands before a credential in a text; in lower case.
const MARKERS: &[&str] = &[
    "-----begin",
    "bearer ",
    "basic ",
    "password=",
    "passwd=",
    "pwd=",
    "secret=",
    "api_key=",
    "apikey=",
    "access_token=",
];

pub(super) fn check(span: &SpanRecord, findings: &mut Vec<Finding>) {
    let of_events = span.events.iter().flat_map(|event| &event.attributes);
    let of_links = span.links.iter().flat_map(|link| &link.attributes);
    let described = span.attributes.iter().chain(of_events).chain(of_links);
    for (key, value) in described.chain(&span.resource.attributes) {
        if let Some(kind) = kind_of_secret(key, value) {
            let detail = format!("the value of {key:?} looks like {kind}");
            findings.push(Finding::new(Rule::SecretValue, span, key, detail));
        }
    }
    if let Some(kind) = kind_in_text(&span.name).or_else(|| kind_in_text(&span.status_message)) {
        let detail = format!("the name or the status looks like {kind}");
        findings.push(Finding::new(Rule::SecretValue, span, "", detail));
    }
}

fn kind_of_secret(key: &str, value: &AnyValue) -> Option<&'static str> {
    match value {
        AnyValue::String(text) if text == REDACTED => None,
        AnyValue::String(text) if !text.is_empty() && is_denied_key(key) => Some("a secret"),
        AnyValue::String(text) => kind_in_text(text),
        AnyValue::Array(items) => items.iter().find_map(|item| kind_of_secret(key, item)),
        AnyValue::Map(entries) => entries
            .iter()
            .find_map(|(key, value)| kind_of_secret(key, value)),
        _ => None,
    }
}

fn kind_in_text(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    if MARKERS.iter().any(|marker| holds_after(&lower, marker)) {
        return Some("a credential");
    }
    let mut words =
        text.split(|letter: char| letter.is_whitespace() || "\"'<>(),;=".contains(letter));
    words.find_map(kind_of_word)
}

/// Whether something that is not blanked out follows the marker.
fn holds_after(text: &str, marker: &str) -> bool {
    text.match_indices(marker).any(|(at, _)| {
        let rest = text[at + marker.len()..].trim_start();
        let word: String = rest.chars().take_while(|c| !c.is_whitespace()).collect();
        word.len() >= 6 && !word.starts_with(['[', '*', '?', '<', '$', '{'])
    })
}

fn kind_of_word(word: &str) -> Option<&'static str> {
    if PREFIXES
        .iter()
        .any(|(prefix, length)| word.starts_with(prefix) && word.len() >= *length)
    {
        return Some("an access token");
    }
    if has_user_info(word) {
        return Some("an address with a password");
    }
    is_email(word).then_some("an e-mail address")
}

fn has_user_info(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':') && !user.ends_with("REDACTED"))
}
