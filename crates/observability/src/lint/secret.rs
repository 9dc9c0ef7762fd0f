//! Values that must not leave the process: passwords, keys, tokens, card numbers, e-mail addresses.
//!
//! Invariants:
//! - a finding never repeats the value;
//! - within a text, what names a secret is what names one as a key.
//!
//! Source: the guide, "Attribute guidelines"; the published prefixes of the vendors' tokens; ISO/IEC 7812-1,
//! the check digit of card numbers.

use super::{Finding, Rule, cardinality::is_id_key};
use crate::{
    AnyValue, SpanRecord,
    config::redaction::{REDACTED, is_denied_key, is_email},
};

/// Beginnings of words that are credentials, and how long such a word is at least.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xoxs-", 20),
    ("xapp-", 20),
    ("sk_live_", 20),
    ("sk_test_", 20),
    ("rk_live_", 20),
    ("npm_", 40),
    ("pypi-", 20),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("eyJ", 30),
    ("hf_", 20),
    ("SG.", 30),
];
/// Begins a private key or a certificate.
const BEGIN: &str = "-----begin";
/// The schemes that stand before the credential in a header; in lower case.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey"];
/// Of these, the ones that are known by themselves: `token` is a word as others.
const SURE_SCHEMES: &[&str] = &["bearer ", "basic "];
/// Shorter values are no secrets.
const MIN_SECRET: usize = 6;

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
        AnyValue::String(text) => {
            let is_card = || !is_id_key(key) && has_card_number(text);
            kind_in_text(text).or_else(|| is_card().then_some("the number of a card"))
        }
        AnyValue::Array(items) => items.iter().find_map(|item| kind_of_secret(key, item)),
        AnyValue::Map(entries) => entries
            .iter()
            .find_map(|(key, value)| kind_of_secret(key, value)),
        _ => None,
    }
}

fn kind_in_text(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let follows = |scheme: &&str| {
        let mut found = lower.match_indices(*scheme);
        found.any(|(at, _)| is_random(first_word(&text[at + scheme.len()..])))
    };
    if lower.contains(BEGIN) || SURE_SCHEMES.iter().any(follows) || names_secret(text) {
        return Some("a credential");
    }
    let mut words =
        text.split(|letter: char| letter.is_whitespace() || "\"'<>(),;=".contains(letter));
    words.find_map(kind_of_word)
}

/// Whether something that is not blanked out follows the name of a secret: `password=hunter22`.
fn names_secret(text: &str) -> bool {
    text.match_indices(['=', ':']).any(|(at, mark)| {
        let (before, rest) = (&text[..at], &text[at + 1..]);
        let is_path = mark == ":" && (before.ends_with(':') || rest.starts_with(':'));
        let (name, is_quoted) = last_name(before);
        // Prose has words after a colon: only in a quoted name it stands for nothing else.
        let is_sure = mark == "=" || is_quoted;
        !is_path && is_denied_key(name) && holds_secret(rest, is_sure)
    })
}

/// The name at the end of a text, and whether it stands in quotes.
fn last_name(text: &str) -> (&str, bool) {
    let bare = text.trim_end().trim_end_matches(['"', '\'', '\\']);
    let start = bare.rfind(|letter: char| !(letter.is_alphanumeric() || "_-.".contains(letter)));
    let after = |at| bare[at..].chars().next().map_or(0, char::len_utf8) + at;
    let name = &bare[start.map_or(0, after)..];
    (name, bare.len() < text.trim_end().len())
}

/// Whether a text begins with a secret, after the scheme if there is one.
fn holds_secret(text: &str, is_sure: bool) -> bool {
    let word = first_word(text);
    let is_scheme = SCHEMES
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(word));
    if is_scheme && let Some((_, rest)) = text.split_once(word) {
        return is_random(first_word(rest));
    }
    is_random(word) || is_sure && is_long_enough(word)
}

/// The first word of a text, without the quotes around it.
fn first_word(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t', '"', '\'', '\\']);
    let is_end = |letter: char| letter.is_whitespace() || "\"'\\,;&}".contains(letter);
    let word = text.split(is_end).next().unwrap_or_default();
    word.trim_end_matches(['.', ')', ':', '!'])
}

/// Whether a word can be a secret, rather than nothing or what stands in the place of one.
fn is_long_enough(word: &str) -> bool {
    let placeholder = word.get(..8).unwrap_or_default();
    word.len() >= MIN_SECRET
        && !word.starts_with(['[', '*', '?', '<', '$', '{', ':', '@', '%'])
        && !placeholder.eq_ignore_ascii_case("redacted")
}

/// Whether a word can be a secret and is no word of a language: it has a digit, or a hump.
fn is_random(word: &str) -> bool {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let mut pairs = word.as_bytes().windows(2);
    let is_hump = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
    is_long_enough(word) && (has_digit || pairs.any(is_hump))
}

/// Whether a text has a card's number in it, with its digits in one piece or in the usual groups.
fn has_card_number(text: &str) -> bool {
    let is_apart = |letter: char| !(letter.is_ascii_digit() || " -".contains(letter));
    text.split(is_apart).any(|run| {
        let groups: Vec<&str> = run.split([' ', '-']).collect();
        let in_groups = |lengths: &[usize]| {
            let mut windows = groups.windows(lengths.len());
            windows.any(|window| {
                window
                    .iter()
                    .map(|group| group.len())
                    .eq(lengths.iter().copied())
                    && is_card_number(&window.concat())
            })
        };
        [&[16][..], &[15], &[4, 4, 4, 4], &[4, 6, 5]]
            .into_iter()
            .any(in_groups)
    })
}

/// Whether digits begin as those of the large issuers do, and end with their check digit.
fn is_card_number(digits: &str) -> bool {
    let begins = |first: &str, last: &str| {
        let beginning = digits.get(..first.len()).unwrap_or_default();
        (first..=last).contains(&beginning)
    };
    let is_issued = match digits.len() {
        15 => begins("34", "34") || begins("37", "37"),
        _ => {
            begins("4", "4")
                || begins("51", "55")
                || begins("2221", "2720")
                || begins("6011", "6011")
                || begins("65", "65")
        }
    };
    let value = |byte: u8| u32::from(byte - b'0');
    let counted = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| match value(byte) {
            digit if at % 2 == 0 => digit,
            digit => digit * 2 / 10 + digit * 2 % 10,
        });
    is_issued && counted.sum::<u32>() % 10 == 0
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
