//! Cache keys as they may leave the process.
//!
//! Position: every key passes through here before it is recorded.
//!
//! Invariants: what looks like a hash, an id or a token becomes `<hash>`, an e-mail address `<email>`, and what
//! follows the name of a secret `<secret>`, so that keys neither leak secrets nor differ from one entry
//! to the next; a key without such a part is borrowed, not copied; of a key at most [`MAX_KEY_BYTES`]
//! are recorded, and whole parts only.

use crate::config::redaction::{is_denied_key, is_email};
use std::borrow::Cow;

/// What stands in place of a part that looks like a hash.
const HASH: &str = "<hash>";
const EMAIL: &str = "<email>";
const SECRET: &str = "<secret>";
const MAX_KEY_BYTES: usize = 256;
/// Shorter parts of hexadecimal digits are words, years, or small numbers.
const MIN_HEX: usize = 8;
/// Parts of so many hexadecimal digits are hashes even if none of them is a decimal one.
const SURE_HEX: usize = 16;
/// Shorter parts of letters and digits are names.
const MIN_OPAQUE: usize = 20;

/// Where a key is divided.
const OUTER: &[char] = &[':', '/', '|', '#', ',', ';', ' ', '&', '?'];
/// Where its parts are divided further; what is no hash then is divided once more, since `_` and `=`
/// may be part of an encoded token.
const INNER: [&[char]; 2] = [&['.', '@'], &['_', '=']];

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
    cut.rfind(OUTER).map_or("", |end| &cut[..=end])
}

/// The scrubbed key with its last part, which tells one entry from another, replaced by `*`.
pub(crate) fn key_pattern(scrubbed: &str) -> String {
    let kind = scrubbed.rfind(':').map_or("", |end| &scrubbed[..=end]);
    let mut pattern = String::with_capacity(kind.len() + 1);
    pattern.push_str(kind);
    pattern.push('*');
    pattern
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
        let (mut at, mut is_named) = (0, false);
        for part in self.key.split(OUTER) {
            let (name, value) = part.split_once('=').unwrap_or(("", part));
            let value_at = at + part.len() - value.len();
            let hidden = if is_denied_key(name) && !value.is_empty() {
                Some(SECRET)
            } else {
                is_email(value).then_some(EMAIL)
            };
            if is_named && !part.is_empty() {
                self.replace(at, part, SECRET);
            } else if let Some(placeholder) = hidden {
                self.visit(at, name, &INNER);
                self.replace(value_at, value, placeholder);
            } else {
                self.visit(at, part, &INNER);
            }
            is_named = value.len() == part.len() && is_denied_key(part);
            // Every separator is one byte.
            at += part.len() + 1;
        }
    }

    /// Looks for hashes in `text`, which begins at `start` of the key.
    fn visit(&mut self, start: usize, text: &str, separators: &[&[char]]) {
        if looks_like_hash(text.as_bytes()) {
            return self.replace(start, text, HASH);
        }
        let Some((separator, finer)) = separators.split_first() else {
            return;
        };
        let mut at = start;
        for part in text.split(*separator) {
            self.visit(at, part, finer);
            at += part.len() + 1;
        }
    }

    fn replace(&mut self, at: usize, part: &str, by: &str) {
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
fn looks_like_hash(part: &[u8]) -> bool {
    // A hash may be a negative number.
    let part = part.strip_prefix(b"-").unwrap_or(part);
    part.len() >= MIN_HEX && (is_hexadecimal(part) || is_opaque(part))
}

fn is_hexadecimal(part: &[u8]) -> bool {
    let hex = count(part, u8::is_ascii_hexdigit);
    let hyphens = count(part, |byte| *byte == b'-');
    let has_number = hyphens == 0 && count(part, u8::is_ascii_digit) > 0;
    hex + hyphens == part.len() && (hex >= SURE_HEX || has_number)
}

/// Letters and digits without a break, or letters of both cases and digits with the marks of base64.
fn is_opaque(part: &[u8]) -> bool {
    let plain = count(part, u8::is_ascii_alphanumeric);
    let marks = count(part, |byte| b"+=_-".contains(byte));
    let both_cases =
        count(part, u8::is_ascii_uppercase) > 0 && count(part, u8::is_ascii_lowercase) > 0;
    part.len() >= MIN_OPAQUE
        && count(part, u8::is_ascii_digit) > 0
        && plain + marks == part.len()
        && (marks == 0 || both_cases)
}

fn count(part: &[u8], is: fn(&u8) -> bool) -> usize {
    part.iter().filter(|byte| is(byte)).count()
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
            ("session:token", "session:token"),
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
