//! Which words can be what a text is about.
//!
//! Position: asked by `concept` and `compound` for every word.

use super::script::Script;
use super::stop_words::StopWords;
use super::token::Word;

/// Whether a word can be what a text is about.
pub(super) fn is_subject(word: &Word<'_>, stop_words: StopWords) -> bool {
    let length = word.text.chars().count();
    match word.script() {
        Script::Hiragana => false,
        // A longer run is a whole clause without spaces.
        Script::Ideographic => (2..=4).contains(&length),
        Script::Katakana => length >= 2,
        Script::Spaced => {
            (length >= 3 || looks_like_code(word.text))
                && !word.text.chars().all(char::is_numeric)
                && !stop_words.contains(&word.folded)
        }
    }
}

/// Identifiers, files, versions, abbreviations: `user_id`, `std::sync`, `main.rs`, `FTS5`, `camelCase`.
pub(super) fn looks_like_code(word: &str) -> bool {
    let mut characters = word.chars();
    let first_is_letter = characters.next().is_some_and(char::is_alphabetic);
    let inner_capital = characters.any(char::is_uppercase);
    let has_letter = word.chars().any(char::is_alphabetic);
    let has_digit = word.chars().any(char::is_numeric);
    word.contains('_')
        || word.contains("::")
        || (has_letter && word.contains('.'))
        || (first_is_letter && (inner_capital || has_digit))
}

#[cfg(test)]
mod tests {
    use super::looks_like_code;

    #[test]
    fn identifiers_files_and_abbreviations_look_like_code_and_words_do_not() {
        for code in [
            "user_id",
            "std::sync",
            "main.rs",
            "FTS5",
            "camelCase",
            "API",
            "v2",
        ] {
            assert!(looks_like_code(code), "{code}");
        }
        for word in ["harbour", "Ada", "3.14", "2026", "co-worker", "don't"] {
            assert!(!looks_like_code(word), "{word}");
        }
    }
}
