//! Which attribute keys name a secret, whose value must not leave the process.
//!
//! Position: asked with every key of the resource before its value is encoded.
//!
//! Invariant: a key is judged by its words, so that `auth_token`, `authToken` and `auth.token` are
//! the same, and `cost.tokens_used` or `secretary` are no secrets.

/// What stands in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

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
