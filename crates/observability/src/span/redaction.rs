//! Which attribute keys name a secret, whose value must not leave the process.
//!
//! Position: asked with every key of a span, an event, a link, the resource and of baggage that is
//! sent, before its value is encoded.
//!
//! Invariants:
//! - a key is judged by the ends of its words, so that `auth_token`, `authToken`, `AUTHToken2` and
//!   `authtoken` are the same, and `cost.tokens_used` or `secretary` are no secrets;
//! - a key that is known to be harmless is compared byte by byte, never by a hash alone;
//! - what the program says about a key ([`rules`]) comes before what everybody knows;
//! - nothing is allocated.

mod ends;
mod rules;

pub(crate) use rules::Rules;
pub(super) use rules::{generation, generation_to_remember};

use super::{
    Value,
    words::{LONGEST, Words, hash},
};
use std::{borrow::Cow, cell::Cell};

/// What stands in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

static HIDDEN: Value<'static> = Value::Str(Cow::Borrowed(REDACTED));

/// Keys that a thread remembers, each at one of two places: so many that the keys of a program
/// rarely drive each other out.
const PLACES: usize = 256;

thread_local! {
    /// Keys that name no secret.
    static HARMLESS: [Cell<Words>; PLACES] = const { [const { Cell::new(Words::NONE) }; PLACES] };
}

/// The value to record under `key`: the given one, unless the key names a secret.
pub(super) fn visible<'a, 'v>(key: &str, value: &'a Value<'v>) -> &'a Value<'v> {
    if is_hidden(key, hash(key.as_bytes())) && !is_redacted(value) {
        &HIDDEN
    } else {
        value
    }
}

/// Whether somebody has put a placeholder there before; it stays as it is, in a list too.
fn is_redacted(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => text.eq_ignore_ascii_case(REDACTED),
        Value::Array(values) => values.iter().all(is_redacted),
        _ => false,
    }
}

/// Whether the key, whose hash is at hand, names a secret.
#[inline]
pub(super) fn is_hidden(key: &str, hash: u64) -> bool {
    let ([first, _], generation) = (places(hash), generation());
    let is_known =
        |harmless: &[Cell<Words>; PLACES]| (harmless[first].get()).is(key.as_bytes(), generation);
    !HARMLESS.with(is_known) && find_or_judge(key, hash)
}

/// The two places where a key may be remembered.
#[inline]
fn places(hash: u64) -> [usize; 2] {
    let [.., second, first] = hash.to_le_bytes();
    [first, second].map(usize::from)
}

/// Looks for the key at its second place; else judges it by its words, and remembers it if it is
/// harmless.
#[cold]
#[inline(never)]
fn find_or_judge(key: &str, hash: u64) -> bool {
    // Before the rules are looked at: changed meanwhile, they are asked again.
    let generation = generation_to_remember();
    let ([first, second], text) = (places(hash), key.as_bytes());
    let is_short = (1..=LONGEST).contains(&text.len());
    if is_short && HARMLESS.with(|harmless| harmless[second].get().is(text, generation)) {
        return false;
    }
    let denied = is_denied_key(key);
    if !denied && is_short {
        HARMLESS.with(|harmless| {
            let is_taken = harmless[first].get().is_since(generation);
            harmless[if is_taken { second } else { first }].set(Words::of(text, generation));
        });
    }
    denied
}

/// Ends of words that make a key a secret wherever they stand, in the plural too.
const ANYWHERE: &[&str] = &["secret", "authorization", "cookie", "credential", "pwd"];
/// The same in two parts, which may be words of their own: `apikey`, `api_key`, `userPassword`.
const PAIRS: &[[&str; 2]] = &[
    ["pass", "word"],
    ["pass", "wd"],
    ["pass", "phrase"],
    ["pass", "code"],
    ["api", "key"],
    ["private", "key"],
    ["access", "key"],
    ["encryption", "key"],
    ["signing", "key"],
];
/// Ends of a key that make it a secret: a `token`, but not a `token_count`.
const AT_THE_END: &[&str] = &["token", "jwt", "bearer"];
/// Whose `tokens` are secrets: other `tokens`, such as `input_tokens`, are a number of them.
const OWNERS_OF_TOKENS: &[&str] = &[
    "access", "auth", "oauth", "refresh", "api", "bearer", "csrf", "id", "jwt",
];

/// Whether the value under `key` is to be replaced by [`REDACTED`].
///
/// Asked on the traced thread for baggage that is sent, hence without allocating.
pub(crate) fn is_denied_key(key: &str) -> bool {
    rules::judge(key).unwrap_or_else(|| names_a_secret(key))
}

/// Whether everybody knows that the key is one of a secret.
fn names_a_secret(key: &str) -> bool {
    ends::has_one(key) && has_secret_word(key)
}

fn has_secret_word(key: &str) -> bool {
    let (mut before, mut last) = (Word::default(), Word::default());
    for word in words(key) {
        (before, last) = (last, word);
        if last.is_secret(before) {
            return true;
        }
    }
    last.is_token(before)
}

/// Whether a word is an e-mail address.
pub(crate) fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word
        .trim_matches(|c: char| ".:[]{}".contains(c))
        .split_once('@')
    else {
        return false;
    };
    let is_local = |c: char| c.is_ascii_alphanumeric() || ".+-_%".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    !local.is_empty()
        && local.chars().all(is_local)
        && domain.chars().all(is_domain)
        && domain.rsplit_once('.').is_some_and(|(name, top)| {
            !name.is_empty() && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
}

/// A word of a key. What stands directly before it counts with it, since nobody knows whether
/// `DBpassword` and `dbpassword` are one word or two.
#[derive(Debug, Clone, Copy, Default)]
struct Word<'a> {
    text: &'a str,
    /// The key up to the end of the word.
    head: &'a str,
}

impl Word<'_> {
    fn is_secret(self, before: Self) -> bool {
        let is_secret = |head: &str| {
            ANYWHERE.iter().any(|end| without_end(head, end).is_some())
                || PAIRS.iter().any(|pair| self.completes(head, pair, before))
        };
        is_secret(self.head) || without_end(self.head, "s").is_some_and(is_secret)
    }

    /// Whether `head` ends with a pair, or with its second part while the first is the word before.
    fn completes(self, head: &str, [first, second]: &[&str; 2], before: Self) -> bool {
        without_end(head, second).is_some_and(|rest| {
            let is_apart = self.head.len() - self.text.len() == rest.len();
            without_end(rest, first).is_some()
                || is_apart && before.text.eq_ignore_ascii_case(first)
        })
    }

    /// Whether the key's last word makes it a token, or several.
    fn is_token(self, before: Self) -> bool {
        let owner = match without_end(self.text, "tokens") {
            Some("") => before.text,
            Some(owner) => owner,
            None => "",
        };
        AT_THE_END
            .iter()
            .any(|end| without_end(self.head, end).is_some())
            || OWNERS_OF_TOKENS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(owner))
    }
}

/// What stands before `end`, in which case matters not.
fn without_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(rest)
}

/// The words of a key: letters between other characters, and between the humps of `camelCase`.
fn words(key: &str) -> impl Iterator<Item = Word<'_>> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = key.get(at..)?;
        let start = at + rest.find(char::is_alphabetic)?;
        let (_, rest) = key.split_at_checked(start)?;
        at = start + first_word_len(rest);
        let head = key.get(..at)?;
        Some(Word {
            text: head.get(start..)?,
            head,
        })
    })
}

/// Up to the first hump: `user|Id`, and also `API|Key`.
fn first_word_len(text: &str) -> usize {
    let mut before = None;
    for (at, letter) in text.char_indices() {
        match before {
            _ if !letter.is_alphabetic() => return at,
            Some((_, last)) if char::is_lowercase(last) && letter.is_uppercase() => return at,
            Some((hump @ 1.., last)) if char::is_uppercase(last) && letter.is_lowercase() => {
                return hump;
            }
            _ => before = Some((at, letter)),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_replaced(key: &str) -> bool {
        *visible(key, &Value::from("value")) == HIDDEN
    }

    #[test]
    fn a_key_is_judged_the_same_however_often_it_comes() {
        let long = "x".repeat(60);
        for _ in 0..3 {
            for key in ["a", "db.rows", "user.id", "http.request.method", &long] {
                assert!(!is_replaced(key), "{key}");
            }
            for key in ["pwd", "token", "db.password", &format!("{long}.password")] {
                assert!(is_replaced(key), "{key}");
            }
        }
    }

    #[test]
    fn a_placeholder_stays_as_it_is_and_hides_nothing_beside_it() {
        let visible = |value: Value<'static>| visible("password", &value).clone();
        let placeholders = Value::Array(vec!["[REDACTED]".into(), "[Redacted]".into()]);
        assert_eq!(visible("[REDACTED]".into()), "[REDACTED]".into());
        assert_eq!(visible(placeholders.clone()), placeholders);
        let mixed = Value::Array(vec!["[REDACTED]".into(), "secret".into()]);
        assert_eq!(visible(mixed), REDACTED.into());
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
            "DBPassword",
            "PASSword",
            "pAsSwOrD",
            "password1",
            "db.password2",
            "passwords",
            "userpassword",
            "dbpwd",
            "passcode",
            "pass-phrases",
            "oauth2Token",
            "Oauth2Secret",
            "APIToken",
            "JWTToken",
            "authtoken",
            "x-authtoken",
            "sessiontoken",
            "token_2",
            "access_tokens",
            "authTokens",
            "oauth2_tokens",
            "refreshtokens",
            "AWSSecretKey",
            "SECRETKey",
            "clientsecret",
            "HTTPCookie",
            "setcookie",
            "encryption_key",
            "signing_key",
            "myapikey",
            "apiKeys",
            "sshprivatekey",
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
            "access_tokens_used",
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "maxTokens",
            "max_tokens",
            "paid_tokens",
            "tokens",
            "gen_ai.usage.input_tokens",
            "token_count",
            "secretary",
            "db.redis.key",
            "cache.key_pattern",
            "author",
            "keyboard",
            "service.name",
            "api.calls",
            "compass.word",
            "okapi.key",
            "bypass.code",
            "http.response.status_code",
            "passwordless",
            "pass",
            "access",
            "s",
        ] {
            assert!(!is_denied_key(key), "{key}");
        }
    }
}
