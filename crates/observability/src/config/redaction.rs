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
const PAIRS: &[[&str; 2]] = &[["api", "key"], ["private", "key"], ["access", "key"]];

/// Whether the value under `key` is to be replaced by [`REDACTED`].
pub(crate) fn is_denied_key(key: &str) -> bool {
    let words = words(key);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.iter().any(|word| ANYWHERE.contains(word))
        || words.last().is_some_and(|word| AT_THE_END.contains(word))
        || words
            .windows(2)
            .any(|pair| PAIRS.iter().any(|denied| pair == denied))
}

/// The words of a key in lower case, split at separators and at the humps of `camelCase`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for letter in key.chars() {
        let hump = letter.is_uppercase() && after_lower;
        if (hump || !letter.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        after_lower = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
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
