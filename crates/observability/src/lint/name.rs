//! Names of spans: neither too generic nor with a part that changes from span to span.
//!
//! Source: the guide, "Best practices: Span naming"; OpenTelemetry specification, Trace API, "Span".

use super::{Finding, Rule};
use crate::{AnyValue, SpanRecord, layers::cache::key::looks_like_hash};

/// Names that fit any span.
const GENERIC: &[&str] = &[
    "action",
    "call",
    "execute",
    "function",
    "handle",
    "handler",
    "job",
    "main",
    "method",
    "operation",
    "process",
    "query",
    "request",
    "run",
    "span",
    "step",
    "task",
    "unnamed",
    "work",
];
/// Words that end in a number, which is always the same.
const WORDS: &[&str] = &[
    "aes128",
    "aes192",
    "aes256",
    "amd64",
    "arm64",
    "base16",
    "base32",
    "base58",
    "base62",
    "base64",
    "base85",
    "crc16",
    "crc32",
    "crc64",
    "ed25519",
    "float16",
    "float32",
    "float64",
    "int16",
    "int32",
    "int64",
    "log10",
    "ripemd160",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "uint16",
    "uint32",
    "uint64",
    "utf16",
    "utf32",
    "win32",
    "win64",
    "x25519",
    "xxh64",
    "xxh128",
];
/// From this many digits in a row on, a part of a name is a number and not a version.
const NUMBER_DIGITS: usize = 4;
/// From this many digits at the end of a word on, they are a number: `user12`.
const ENDING_DIGITS: usize = 2;
/// Shorter beginnings are no words: `s3`, `v2`, `bm25`.
const WORD_LETTERS: usize = 3;
/// An id of letters has more digits than a name of several words that has a version in it.
const ID_DIGITS: usize = 3;

pub(super) fn check(span: &SpanRecord, findings: &mut Vec<Finding>) {
    let name = span.name.trim();
    if name.is_empty() || GENERIC.contains(&name.to_ascii_lowercase().as_str()) {
        let detail = "the name fits any span".to_owned();
        findings.push(Finding::new(Rule::GenericName, span, "", detail));
    }
    if let Some(part) = changing_part(span) {
        let detail = format!("{part} changes from span to span");
        findings.push(Finding::new(Rule::DynamicName, span, part, detail));
    }
}

fn changing_part(span: &SpanRecord) -> Option<&str> {
    let is_apart = |letter: char| !letter.is_alphanumeric();
    // The ids of some libraries have these marks in them.
    let mut wide = span
        .name
        .split(|letter| is_apart(letter) && !matches!(letter, '_' | '-'));
    let mut parts = span.name.split(is_apart);
    parts
        .find(|part| is_number(part) || is_id(part) || is_value_of_id(span, part))
        .or_else(|| wide.find(|part| is_id(part)))
}

fn is_number(part: &str) -> bool {
    if WORDS.iter().any(|word| word.eq_ignore_ascii_case(part)) {
        return false;
    }
    let longest = part
        .split(|letter: char| !letter.is_ascii_digit())
        .map(str::len)
        .max();
    let all_digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits || longest.is_some_and(|digits| digits >= NUMBER_DIGITS) || ends_in_number(part)
}

/// Whether a number stands behind a word without a break: `user123`.
fn ends_in_number(part: &str) -> bool {
    let before = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let letters = before
        .chars()
        .rev()
        .take_while(|letter| letter.is_alphabetic());
    part.len() - before.len() >= ENDING_DIGITS && letters.count() >= WORD_LETTERS
}

/// Whether the part is the id of something: a digest, a UUID, a ULID or the like.
fn is_id(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let is_hexadecimal = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    looks_like_hash(part.as_bytes()) && (is_hexadecimal || digits >= ID_DIGITS)
}

/// Whether the span has the part as the value of an id as well: `query_for_user_alice`.
fn is_value_of_id(span: &SpanRecord, part: &str) -> bool {
    span.attributes.iter().any(|(key, value)| {
        matches!(value, AnyValue::String(text) if text.as_str() == part && part.len() > 2)
            && super::cardinality::is_id_key(key)
    })
}
