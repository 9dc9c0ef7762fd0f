//! Which attribute keys name a secret, whose value must not leave the process.
//!
//! Position: asked with every key of a span, an event, a link, the resource and of baggage that is
//! sent, before its value is encoded.
//!
//! Invariants:
//! - a key is judged by its words, so that `auth_token`, `authToken` and `auth.token` are the same,
//!   and `cost.tokens_used` or `secretary` are no secrets;
//! - a key that is known to be harmless is compared byte by byte, never by a hash alone;
//! - nothing is allocated.

use super::{Value, keys::KeyEnds};
use std::{borrow::Cow, cell::Cell};

/// What stands in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

static HIDDEN: Value<'static> = Value::Str(Cow::Borrowed(REDACTED));

/// Keys that a thread remembers, each at a place of its own: so many that the keys of a program
/// rarely share one.
const PLACES: usize = 256;
/// The longest key that is remembered.
const LONGEST: usize = 48;
/// Bytes of such a key between its ends, eight at a time.
const MIDDLE: usize = LONGEST / 8 - 2;

/// A key that names no secret.
struct Harmless {
    len: Cell<usize>,
    first: Cell<u64>,
    last: Cell<u64>,
    middle: Cell<[u64; MIDDLE]>,
}

impl Harmless {
    const fn none() -> Self {
        Self {
            len: Cell::new(0),
            first: Cell::new(0),
            last: Cell::new(0),
            middle: Cell::new([0; MIDDLE]),
        }
    }

    #[inline]
    fn is(&self, key: &str, ends: &KeyEnds) -> bool {
        self.len.get() == ends.len
            && self.first.get() == ends.first
            && self.last.get() == ends.last
            && (ends.len <= 16 || self.middle.get() == middle(key))
    }

    fn remember(&self, key: &str, ends: &KeyEnds) {
        self.len.set(ends.len);
        self.first.set(ends.first);
        self.last.set(ends.last);
        self.middle.set(middle(key));
    }
}

/// What lies between the ends of a key of 17 to [`LONGEST`] bytes; nothing of a shorter one.
#[inline]
fn middle(key: &str) -> [u64; MIDDLE] {
    let mut words = [0; MIDDLE];
    let inner = key.len().saturating_sub(8);
    if let Some(inner) = key.as_bytes().get(8..inner) {
        let (chunks, rest) = inner.as_chunks();
        for (word, chunk) in words.iter_mut().zip(chunks) {
            *word = u64::from_le_bytes(*chunk);
        }
        if let Some(word) = words.get_mut(chunks.len()) {
            for byte in rest {
                *word = *word << 8 | u64::from(*byte);
            }
        }
    }
    words
}

thread_local! {
    static KNOWN: [Harmless; PLACES] = const { [const { Harmless::none() }; PLACES] };
}

/// The value to record under `key`: the given one, unless the key names a secret.
#[inline]
pub(super) fn visible<'a, 'v>(key: &str, value: &'a Value<'v>) -> &'a Value<'v> {
    visible_under(key, &KeyEnds::of(key), value)
}

/// As [`visible`], with the key's ends at hand.
#[inline]
pub(super) fn visible_under<'a, 'v>(
    key: &str,
    ends: &KeyEnds,
    value: &'a Value<'v>,
) -> &'a Value<'v> {
    let place = (ends.hash >> 56) as usize;
    if KNOWN.with(|known| known[place].is(key, ends)) || !judge(key, ends, place) {
        value
    } else {
        &HIDDEN
    }
}

/// Judges a key by its words, and remembers it if it is harmless.
#[cold]
fn judge(key: &str, ends: &KeyEnds, place: usize) -> bool {
    let denied = is_denied_key(key);
    if !denied && (1..=LONGEST).contains(&key.len()) {
        KNOWN.with(|known| known[place].remember(key, ends));
    }
    denied
}

/// Words that make a key a secret wherever they stand.
const ANYWHERE: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "apikey",
];
/// Words that make a key a secret at its end: a `token`, but not a `token_count`.
const AT_THE_END: &[&str] = &["token", "jwt", "bearer"];
/// Pairs of words that make a key a secret wherever they stand.
const PAIRS: &[[&str; 2]] = &[
    ["pass", "word"],
    ["pass", "phrase"],
    ["api", "key"],
    ["private", "key"],
    ["access", "key"],
];

/// Whether the value under `key` is to be replaced by [`REDACTED`].
///
/// Asked on the traced thread for baggage that is sent, hence without allocating.
pub(crate) fn is_denied_key(key: &str) -> bool {
    let mut previous = "";
    for word in words(key) {
        let is_pair = |[first, second]: &[&str; 2]| {
            word.eq_ignore_ascii_case(second) && previous.eq_ignore_ascii_case(first)
        };
        if is_among(ANYWHERE, word) || PAIRS.iter().any(is_pair) {
            return true;
        }
        previous = word;
    }
    is_among(AT_THE_END, previous)
}

fn is_among(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The words of a key, split at separators and at the humps of `camelCase`.
fn words(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = key;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let (word, after) = rest.split_at(first_word_len(rest));
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

fn first_word_len(text: &str) -> usize {
    let mut after_lower = false;
    let end = text.char_indices().find(|(_, letter)| {
        let is_hump = letter.is_uppercase() && after_lower;
        after_lower = letter.is_lowercase();
        is_hump || !letter.is_alphanumeric()
    });
    end.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_hidden(key: &str) -> bool {
        *visible(key, &Value::from("value")) == HIDDEN
    }

    #[test]
    fn a_key_is_judged_the_same_however_often_it_comes() {
        let long = "x".repeat(60);
        for _ in 0..3 {
            for key in ["a", "db.rows", "user.id", "http.request.method", &long] {
                assert!(!is_hidden(key), "{key}");
            }
            for key in ["pwd", "token", "db.password", &format!("{long}.password")] {
                assert!(is_hidden(key), "{key}");
            }
        }
    }

    #[test]
    fn keys_that_differ_in_one_byte_are_never_taken_for_each_other() {
        for len in 1..=LONGEST {
            let key: String = ('a'..='z').cycle().take(len).collect();
            let known = Harmless::none();
            known.remember(&key, &KeyEnds::of(&key));
            assert!(known.is(&key, &KeyEnds::of(&key)), "{key}");
            for at in 0..len {
                let mut other = key.clone();
                other.replace_range(at..=at, ".");
                assert!(!known.is(&other, &KeyEnds::of(&other)), "{other}");
            }
        }
    }

    #[test]
    fn secrets_are_known_in_every_spelling() {
        for key in [
            "password",
            "db.password",
            "DB_PASSWORD",
            "userPassword",
            "PassWord",
            "api_key",
            "x-api-key",
            "apiKey",
            "APIKEY",
            "http.request.header.authorization",
            "http.request.header.cookie",
            "http.response.header.set-cookie",
            "auth_token",
            "token",
            "accessToken",
            "client_secret",
            "aws.secret.access.key",
            "ssh_private_key",
            "gcp.credentials",
            "session.token.",
        ] {
            assert!(is_denied_key(key), "{key}");
        }
    }

    #[test]
    fn keys_that_only_look_alike_are_kept() {
        for key in [
            "",
            "...",
            "cost.tokens_used",
            "gen_ai.usage.input_tokens",
            "token_count",
            "secretary",
            "db.redis.key",
            "cache.key_pattern",
            "author",
            "keyboard",
            "service.name",
            "api.calls",
        ] {
            assert!(!is_denied_key(key), "{key}");
        }
    }
}
