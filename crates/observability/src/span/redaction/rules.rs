//! What a program says about its own secrets: words that name further ones, and keys that name none.
//!
//! Position: made by `config`, and asked before the words that everybody knows. It holds for the
//! process, as the formats of propagation do: baggage and URLs know no recorder.
//!
//! Invariants:
//! - a denied word counts in every spelling, as the known ones do; an allowed key is a whole key;
//! - when the rules change, what a thread remembers of keys counts no more.

use super::words;
use crate::recorder::AtomicStatic;
use std::sync::atomic::{AtomicUsize, Ordering};

static IN_FORCE: AtomicStatic<Rules> = AtomicStatic::none();
static GENERATION: AtomicUsize = AtomicUsize::new(0);
/// More than the length of any key that is remembered, so that the sum of both tells both.
const STEP: usize = 64;

/// The words and keys that somebody has listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Letters of words, without what separates them.
    denied: Vec<String>,
    /// Whole keys; `*` stands for anything.
    allowed: Vec<String>,
}

impl Rules {
    /// Adds words that name a secret, such as `iban` or `credit_card`; `false` without any letter.
    pub(crate) fn deny(&mut self, pattern: &str) -> bool {
        let letters: String = words(pattern).map(|word| word.text).collect();
        let is_usable = !letters.is_empty();
        if is_usable {
            self.denied.push(letters);
        }
        is_usable
    }

    /// Adds a key whose value is no secret, such as `session.token` or `llm.*`; `false` for one that
    /// every key would match.
    pub(crate) fn allow(&mut self, pattern: &str) -> bool {
        let is_usable = pattern.contains(|letter| letter != '*');
        if is_usable {
            self.allowed.push(pattern.to_owned());
        }
        is_usable
    }

    /// Whether the key names a secret, if anything is said about it. Allocates nothing.
    fn judge(&self, key: &str) -> Option<bool> {
        if self.allowed.iter().any(|pattern| is_like(key, pattern)) {
            return Some(false);
        }
        self.denied
            .iter()
            .any(|letters| has_words(key, letters))
            .then_some(true)
    }

    /// Makes these the rules of the process, for good or until others are.
    pub(crate) fn install(self) {
        let rules = (self != Self::default()).then_some(self);
        if rules.as_ref() != IN_FORCE.get() {
            IN_FORCE.set(rules.map(|rules| &*Box::leak(Box::new(rules))));
            GENERATION.fetch_add(STEP, Ordering::Release);
        }
    }
}

/// What the rules in force say about a key.
pub(super) fn judge(key: &str) -> Option<bool> {
    IN_FORCE.get()?.judge(key)
}

/// A number that differs between rules, by more than the length of a key that is remembered.
#[inline]
pub(in crate::span) fn generation() -> usize {
    GENERATION.load(Ordering::Relaxed)
}

/// The same, after which the rules of that number, or later ones, are seen.
pub(in crate::span) fn generation_to_remember() -> usize {
    GENERATION.load(Ordering::Acquire)
}

/// Whether words of the key that stand side by side have these letters, in the plural too.
fn has_words(key: &str, letters: &str) -> bool {
    let mut from = words(key);
    loop {
        let mut rest = Some(letters);
        for word in from.clone() {
            let Some(left) = rest else { break };
            if is_plural(word.text, left) {
                return true;
            }
            rest = without_start(left, word.text);
            if rest == Some("") {
                return true;
            }
        }
        if from.next().is_none() {
            return false;
        }
    }
}

fn is_plural(word: &str, of: &str) -> bool {
    word.strip_suffix(['s', 'S'])
        .is_some_and(|singular| singular.eq_ignore_ascii_case(of))
}

/// What follows `start`, in which case matters not.
fn without_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(start.len())?;
    first.eq_ignore_ascii_case(start).then_some(rest)
}

/// Whether the whole key is like the pattern, in which `*` stands for anything and case matters not.
fn is_like(key: &str, pattern: &str) -> bool {
    let Some((start, pattern)) = pattern.split_once('*') else {
        return key.eq_ignore_ascii_case(pattern);
    };
    let Some(mut key) = without_start(key, start) else {
        return false;
    };
    let Some((middle, end)) = pattern.rsplit_once('*') else {
        return super::without_end(key, pattern).is_some();
    };
    for part in middle.split('*') {
        let found = key
            .char_indices()
            .map(|(at, _)| at)
            .chain([key.len()])
            .find_map(|at| without_start(key.get(at..)?, part));
        let Some(rest) = found else { return false };
        key = rest;
    }
    super::without_end(key, end).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(denied: &[&str], allowed: &[&str]) -> Rules {
        let mut rules = Rules::default();
        assert!(denied.iter().all(|pattern| rules.deny(pattern)));
        assert!(allowed.iter().all(|pattern| rules.allow(pattern)));
        rules
    }

    #[test]
    fn a_denied_word_counts_in_every_spelling() {
        let rules = rules(&["iban", "credit_card"], &[]);
        for key in [
            "iban",
            "user.iban",
            "userIBAN",
            "IBANs",
            "iban2",
            "credit_card",
            "creditCard.number",
            "CREDIT-CARDS",
            "my.creditcard",
            "credit.card",
        ] {
            assert_eq!(rules.judge(key), Some(true), "{key}");
        }
        for key in [
            "",
            "urban",
            "ibanez",
            "credit",
            "card",
            "credit.my_card",
            "creditcardholder",
        ] {
            assert_eq!(rules.judge(key), None, "{key}");
        }
    }

    #[test]
    fn an_allowed_key_is_a_whole_key_and_wins() {
        let rules = rules(
            &["account"],
            &["session.token", "llm.*", "*.account_count", "a*b*c"],
        );
        for key in [
            "session.token",
            "Session.Token",
            "llm.access_token",
            "db.account_count",
            "abc",
            "a.b.c",
            "a.b.b.c.c",
        ] {
            assert_eq!(rules.judge(key), Some(false), "{key}");
        }
        assert_eq!(rules.judge("db.account"), Some(true));
        for key in [
            "my.session.token",
            "session.token.",
            "xllm.token",
            "ac",
            "a.b.c.d",
        ] {
            assert_eq!(rules.judge(key), None, "{key}");
        }
    }

    #[test]
    fn what_would_match_nothing_or_everything_is_refused() {
        let mut rules = Rules::default();
        assert!(!rules.deny("") && !rules.deny("12.*"));
        assert!(!rules.allow("") && !rules.allow("**"));
        assert_eq!(rules, Rules::default());
    }

    proptest! {
        #[test]
        fn a_pattern_is_like_every_key_made_from_it(
            parts in proptest::collection::vec("[a-bA-B.é]{0,3}", 1..5),
            filling in proptest::collection::vec("[a-bé]{0,3}", 4),
        ) {
            let pattern = parts.join("*");
            let mut key = parts[0].clone();
            for (part, between) in parts[1..].iter().zip(&filling) {
                key.extend([between.as_str(), part.as_str()]);
            }
            prop_assert!(is_like(&key, &pattern), "{key} {pattern}");
        }

        #[test]
        fn no_key_or_pattern_makes_it_panic(key in ".{0,12}", pattern in "[*aé.]{0,6}") {
            let _like = is_like(&key, &pattern);
            let _words = has_words(&key, &pattern);
        }
    }
}
