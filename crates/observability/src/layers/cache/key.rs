//! Cache keys as they may leave the process.
//!
//! Position: every key passes through here before it is recorded.
//!
//! Invariants: what looks like a hash, an id or a token becomes `<hash>`, an e-mail address `<email>`, and what
//! follows the name of a secret `<secret>`, so that keys neither leak secrets nor differ from one entry
//! to the next; a key without such a part is borrowed, not copied; of a key at most [`MAX_KEY_BYTES`]
//! are recorded, and whole parts only.

use crate::{
    config::redaction::{is_denied_key, is_email},
    layers::spare,
};
use std::borrow::Cow;

/// What stands in place of a part that looks like a hash.
const HASH: &str = "<hash>";
const EMAIL: &str = "<email>";
const SECRET: &str = "<secret>";
const MAX_KEY_BYTES: usize = 256;
/// Shorter parts of hexadecimal digits are words, years, or small numbers.
const MIN_HEX: usize = 8;
/// Parts of so many hexadecimal digits are hashes even if none of them is a decimal one.
const SURE_HEX: u64 = 16;
/// Shorter parts of letters and digits are names.
const MIN_OPAQUE: usize = 20;

/// Where a key is divided, a class of bytes.
const OUTER: u8 = 1;
/// Where its parts are divided further; what is no hash then is divided once more, since `_` and `=`
/// may be part of an encoded token.
const INNER: [u8; 2] = [2, 4];
/// Stands between a name and a value.
const EQUALS: u8 = 8;
/// Stands in every e-mail address.
const AT: u8 = 16;

/// The classes of each byte.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        classes[byte as usize] = match byte {
            b':' | b'/' | b'|' | b'#' | b',' | b';' | b' ' | b'&' | b'?' => OUTER,
            b'.' => INNER[0],
            b'@' => INNER[0] | AT,
            b'_' => INNER[1],
            b'=' => INNER[1] | EQUALS,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

/// The key with each part replaced that may be a secret or is another one in each entry.
pub(crate) fn scrubbed(key: &str) -> Cow<'_, str> {
    let key = beginning(key);
    let mut out = Scrubbed {
        key,
        copied: 0,
        out: String::new(),
    };
    out.visit_parts();
    out.finish()
}

/// What is looked at of a key: of a part that would be cut nobody could tell whether it is a hash.
fn beginning(key: &str) -> &str {
    if key.len() <= MAX_KEY_BYTES {
        return key;
    }
    let cut = &key[..key.floor_char_boundary(MAX_KEY_BYTES)];
    let end = cut.bytes().rposition(|byte| class(byte) & OUTER != 0);
    end.map_or("", |end| &cut[..=end])
}

/// The scrubbed key with its last part, which tells one entry from another, replaced by `*`.
pub(crate) fn key_pattern(scrubbed: &str) -> String {
    let end = scrubbed.bytes().rposition(|byte| byte == b':');
    let kind = end.map_or("", |end| &scrubbed[..=end]);
    spare::joined([kind, "*"])
}

#[inline]
const fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

/// A part of a text.
struct Part<'a> {
    at: usize,
    text: &'a str,
    /// The classes of its bytes.
    seen: u8,
}

/// The parts of a text between separators, which are one byte each.
#[inline]
fn parts(text: &str, separators: u8) -> impl Iterator<Item = Part<'_>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let at = next?;
        let mut seen = 0;
        let rest = text.as_bytes().get(at..)?;
        let len = rest.iter().position(|byte| {
            let class = class(*byte);
            let is_separator = class & separators != 0;
            if !is_separator {
                seen |= class;
            }
            is_separator
        });
        let end = at + len.unwrap_or(rest.len());
        next = len.map(|_| end + 1);
        let text = text.get(at..end)?;
        Some(Part { at, text, seen })
    })
}

struct Scrubbed<'a> {
    key: &'a str,
    /// Up to where the key is in `out`.
    copied: usize,
    out: String,
}

impl<'a> Scrubbed<'a> {
    /// What follows the name of a secret is one, as in `token=…` or `token:…`.
    fn visit_parts(&mut self) {
        let mut before = "";
        for part in parts(self.key, OUTER) {
            let mut is_told = part.text.ends_with(SECRET);
            if !part.text.is_empty() && !before.is_empty() && is_denied_key(before) {
                self.replace(part.at, part.text, SECRET);
            } else if part.seen & (EQUALS | AT) != 0 {
                is_told |= self.visit_named(&part);
            } else {
                self.visit(part.at, part.text, &INNER);
            }
            // A secret, or what stands for it, names no other.
            before = if is_told { "" } else { part.text };
        }
    }

    /// Looks at a part that may have a name of its own, or be an address; whether it is a named secret.
    fn visit_named(&mut self, part: &Part<'a>) -> bool {
        let text = part.text;
        let (name, rest) = text.split_once('=').unwrap_or(("", text));
        let value = text.rsplit('=').next().unwrap_or(text);
        let (value, placeholder) = if is_denied_key(name) && !rest.is_empty() {
            (rest, SECRET)
        } else if is_email(value) {
            (value, EMAIL)
        } else {
            self.visit(part.at, text, &INNER);
            return false;
        };
        let value_at = text.len() - value.len();
        let before = &text[..value_at.saturating_sub(1)];
        self.visit(part.at, before, &INNER);
        self.replace(part.at + value_at, value, placeholder);
        placeholder == SECRET
    }

    /// Looks for hashes in `text`, which begins at `start` of the key.
    fn visit(&mut self, start: usize, text: &str, separators: &[u8]) {
        if text.len() < MIN_HEX {
            return;
        }
        if looks_like_hash(text.as_bytes()) {
            return self.replace(start, text, HASH);
        }
        self.visit_inner(start, text, separators);
    }

    /// Looks for them in the parts of `text`, which as a whole is none.
    fn visit_inner(&mut self, start: usize, text: &str, separators: &[u8]) {
        let Some((separator, finer)) = separators.split_first() else {
            return;
        };
        if !text.bytes().any(|byte| class(byte) & separator != 0) {
            return self.visit_inner(start, text, finer);
        }
        for part in parts(text, *separator) {
            self.visit(start + part.at, part.text, finer);
        }
    }

    fn replace(&mut self, at: usize, part: &str, by: &str) {
        if self.copied == 0 {
            self.out = spare::text();
        }
        self.out.push_str(&self.key[self.copied..at]);
        self.out.push_str(by);
        self.copied = at + part.len();
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.copied == 0 {
            return Cow::Borrowed(self.key);
        }
        self.out.push_str(&self.key[self.copied..]);
        Cow::Owned(self.out)
    }
}

/// Whether a part is a digest, a UUID, a large number or an encoded token rather than a word.
pub(crate) fn looks_like_hash(part: &[u8]) -> bool {
    // A hash may be a negative number.
    let part = part.strip_prefix(b"-").unwrap_or(part);
    part.len() >= MIN_HEX && Counts::of(part).are_of_a_hash(part.len())
}

/// How many bytes of a part are of each sort: seven numbers in one, so that one addition counts all.
#[derive(Clone, Copy)]
struct Counts(u64);

/// Bits of a number; no part is longer than [`MAX_KEY_BYTES`].
const COUNT_BITS: usize = 9;
const HEX: usize = 0;
const HYPHEN: usize = 1;
const DIGIT: usize = 2;
const PLAIN: usize = 3;
const MARK: usize = 4;
const UPPER: usize = 5;
const LOWER: usize = 6;

/// What each byte adds to the counts.
const ONES: [u64; 256] = ones();

const fn ones() -> [u64; 256] {
    let mut ones = [0; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        ones[byte as usize] = one(byte.is_ascii_hexdigit(), HEX)
            | one(byte == b'-', HYPHEN)
            | one(byte.is_ascii_digit(), DIGIT)
            | one(byte.is_ascii_alphanumeric(), PLAIN)
            | one(matches!(byte, b'+' | b'=' | b'_' | b'-'), MARK)
            | one(byte.is_ascii_uppercase(), UPPER)
            | one(byte.is_ascii_lowercase(), LOWER);
        byte += 1;
    }
    ones
}

const fn one(is: bool, of: usize) -> u64 {
    if is { 1 << (of * COUNT_BITS) } else { 0 }
}

impl Counts {
    #[inline]
    fn of(part: &[u8]) -> Self {
        let ones = part.iter().map(|byte| ONES[usize::from(*byte)]);
        Self(ones.fold(0, u64::wrapping_add))
    }

    #[inline]
    fn get(self, of: usize) -> u64 {
        (self.0 >> (of * COUNT_BITS)) & ((1 << COUNT_BITS) - 1)
    }

    fn are_of_a_hash(self, len: usize) -> bool {
        let all = len as u64;
        self.are_hexadecimal(all) || (len >= MIN_OPAQUE && self.are_opaque(all))
    }

    fn are_hexadecimal(self, len: u64) -> bool {
        let (hex, hyphens) = (self.get(HEX), self.get(HYPHEN));
        let has_number = hyphens == 0 && self.get(DIGIT) > 0;
        hex + hyphens == len && (hex >= SURE_HEX || has_number)
    }

    /// Letters and digits without a break, or letters of both cases and digits with the marks of base64.
    fn are_opaque(self, len: u64) -> bool {
        let marks = self.get(MARK);
        let both_cases = self.get(UPPER) > 0 && self.get(LOWER) > 0;
        self.get(DIGIT) > 0 && self.get(PLAIN) + marks == len && (marks == 0 || both_cases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_that_look_like_hashes_are_replaced() {
        let rows = [
            ("search:5d41402abc4b2a76b9719d911017c592", "search:<hash>"),
            ("search:-8231234123412341234", "search:<hash>"),
            (
                "user:123e4567-e89b-12d3-a456-426614174000:profile",
                "user:<hash>:profile",
            ),
            ("5D41402ABC4B2A76:5d41402abc4b2a76", "<hash>:<hash>"),
            ("session:dGhpcyBpcyBhIHNlY3JldC9+NQ==", "session:<hash>"),
            ("session:dGhpc19p_cyBh-IHNlY3JldDE", "session:<hash>"),
            ("a/01ARZ3NDEKTSV4RRFFQ69G5FAV/b", "a/<hash>/b"),
            ("user_5d41402abc4b", "user_<hash>"),
            ("v2.cache.deadbeef01.json", "v2.cache.<hash>.json"),
            ("etag=deadbeef01", "etag=<hash>"),
        ];
        for (key, expected) in rows {
            assert_eq!(scrubbed(key), expected);
        }
    }

    #[test]
    fn addresses_of_people_and_what_a_name_gives_away_are_replaced() {
        let rows = [
            (
                "user:bob@example.com:token=abcdefghijkl",
                "user:<email>:token=<secret>",
            ),
            ("to=bob.b+x@mail.example.org", "to=<email>"),
            ("login/apiKey:hunter2/next", "login/apiKey:<secret>/next"),
            ("a?password=b&c=d", "a?password=<secret>&c=d"),
            ("token:QWxhZGRpbjpvcGVu==:next", "token:<secret>:next"),
            ("at-12d4a365--42Y3Jl17Gp=a@b.org", "<hash>=<email>"),
            ("a=b=bob@example.org", "a=b=<email>"),
            (
                "a@-12d4a365--42Y3Jl17Gp=b@e.c=bob@e.arc",
                "a@<hash>@e.c=<email>",
            ),
            ("a=jwt:b", "a=jwt:<secret>"),
            ("<hash>=<secret>/e", "<hash>=<secret>/e"),
            (
                "secret>r@42-d1a365--42YCtIa-=/b",
                "secret>r@<hash>/<secret>",
            ),
            ("session:token", "session:token"),
            ("jwt/a=b:5d41402abc4b2a76", "jwt/<secret>:<hash>"),
            ("jwt/<secret>:<hash>", "jwt/<secret>:<hash>"),
            ("token=", "token="),
            ("package:react@18.2", "package:react@18.2"),
        ];
        for (key, expected) in rows {
            assert_eq!(scrubbed(key), expected);
        }
        assert_eq!(
            key_pattern(&scrubbed("user:bob@example.com:x")),
            "user:<email>:*"
        );
    }

    #[test]
    fn words_and_small_numbers_are_kept_without_a_copy() {
        for key in [
            "",
            ":",
            "memory:search:rust",
            "user:4711",
            "report:2026-11-23",
            "facade:decade:feedface",
            "user_preferences_version_2_of_2026",
            "a-very-long-name-with-words-and-1-number",
            "memory:search:<hash>",
            "größe:überraschung",
        ] {
            assert!(
                matches!(scrubbed(key), Cow::Borrowed(same) if same == key),
                "{key}"
            );
        }
    }

    #[test]
    fn the_pattern_replaces_the_last_part() {
        let rows = [
            ("", "*"),
            ("rust", "*"),
            ("a:b", "a:*"),
            ("a:b:", "a:b:*"),
            ("a:b:c", "a:b:*"),
        ];
        for (key, expected) in rows {
            assert_eq!(key_pattern(key), expected);
        }
    }

    #[test]
    fn of_a_long_key_the_part_that_would_be_cut_is_left_out() {
        let token = "0123456789abcdef0123456789ABCDEF";
        for known in 200..=MAX_KEY_BYTES {
            let kind = format!("{}:", "x".repeat(known - 1));
            let rest = ":more".repeat(20);
            let clean = scrubbed(&format!("{kind}{token}{rest}")).into_owned();
            assert!(clean.starts_with(&kind), "{clean}");
            assert!(!clean.contains('0'), "{clean}");
        }
        for whole in ["ä".repeat(1_000), "x".repeat(MAX_KEY_BYTES + 1)] {
            assert_eq!(scrubbed(&whole), "", "nobody knows what it is");
        }
        let longest = "x".repeat(MAX_KEY_BYTES);
        assert_eq!(scrubbed(&longest), longest);
    }

    proptest! {
        #[test]
        fn nothing_that_looks_like_a_hash_is_left(key in "\\PC{0,40}(:|/|_|-)?[0-9a-f]{0,40}\\PC{0,40}") {
            let clean = scrubbed(&key);
            prop_assert!(clean.split(':').all(|part| !looks_like_hash(part.as_bytes())), "{clean}");
            prop_assert_eq!(scrubbed(&clean), clean.as_ref(), "scrubbing twice changes nothing");
        }

        #[test]
        fn a_digest_never_gets_through(
            before in "([a-z]{1,6}[:/._]){0,3}",
            digest in "[0-9a-f]{31}[0-9]",
            after in "([:/._][a-z]{1,6}){0,3}",
        ) {
            let key = format!("{before}{digest}{after}");
            let clean = scrubbed(&key);
            prop_assert!(!clean.contains(&digest[..8]), "{clean}");
            prop_assert!(clean.starts_with(&before) || clean.contains(HASH));
        }

        #[test]
        fn words_come_through(key in "[a-z]{1,7}(:[a-z]{1,7}){0,4}") {
            prop_assume!(!key.split(':').any(is_denied_key));
            prop_assert_eq!(scrubbed(&key), key.as_str());
        }
    }
}
