//! Cuts a text into sentences and words.
//!
//! Position: first step of every extraction.
//!
//! Invariants: a word borrows from the text; its folded form is lower case.

use super::script::Script;

/// A sentence, or a line where nothing ends one.
#[derive(Debug)]
pub(crate) struct Sentence<'a> {
    pub(crate) text: &'a str,
    pub(crate) words: Vec<Word<'a>>,
}

impl Sentence<'_> {
    pub(crate) fn is_question(&self) -> bool {
        self.text.ends_with(['?', '？'])
    }
}

/// A word with what is needed to judge it.
#[derive(Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) folded: String,
    /// Only white space stands between this word and the one before it.
    pub(crate) adjacent: bool,
}

impl Word<'_> {
    pub(super) fn is_capitalised(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }

    pub(super) fn script(&self) -> Script {
        self.text.chars().next().map_or(Script::Spaced, Script::of)
    }
}

/// Cuts a text into sentences that have at least one word.
pub(crate) fn sentences(text: &str) -> impl Iterator<Item = Sentence<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, remaining) = rest.split_at(sentence_end(rest));
        rest = remaining;
        Some(sentence.trim())
    })
    .map(|text| Sentence {
        text,
        words: words(text),
    })
    .filter(|sentence| !sentence.words.is_empty())
}

/// The first position after a full stop that is followed by white space, or after a line.
fn sentence_end(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|&(_, next)| next);
        let ends = match character {
            '\n' | '。' | '！' | '？' => true,
            '.' | '!' | '?' | '…' => next.is_none_or(char::is_whitespace),
            _ => false,
        };
        if ends {
            return at + character.len_utf8();
        }
    }
    text.len()
}

fn words(sentence: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = sentence;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let (gap, from_word) = rest.split_at(start);
        let (text, remaining) = from_word.split_at(word_end(from_word));
        let adjacent = !words.is_empty() && gap.chars().all(char::is_whitespace);
        words.push(Word {
            text,
            folded: fold(text),
            adjacent,
        });
        rest = remaining;
    }
    words
}

/// The length of the word at the start of a text: one script, connectors only between letters.
fn word_end(text: &str) -> usize {
    let script = text.chars().next().map_or(Script::Spaced, Script::of);
    let belongs = |character: char| {
        (character.is_alphanumeric() && Script::of(character) == script) || is_accent(character)
    };
    let mut end = 0;
    while end < text.len() {
        let rest = &text[end..];
        let letters = rest
            .find(|character| !belongs(character))
            .unwrap_or(rest.len());
        end += letters;
        let connector = connector_length(&text[end..]);
        let goes_on = text[end + connector..].chars().next().is_some_and(belongs);
        if connector == 0 || script != Script::Spaced || !goes_on {
            break;
        }
        end += connector;
    }
    end
}

/// An accent written after its letter, as some keyboards and file systems do.
fn is_accent(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

fn connector_length(text: &str) -> usize {
    if text.starts_with("::") {
        return 2;
    }
    match text.chars().next() {
        Some(character @ ('_' | '-' | '\'' | '’' | '.')) => character.len_utf8(),
        _ => 0,
    }
}

/// Lower case, with one form of the apostrophe and without the English possessive.
fn fold(word: &str) -> String {
    let lower = word.to_lowercase().replace('’', "'");
    match lower.strip_suffix("'s") {
        // "let's" and "it's" are whole words to the patterns and the stop words.
        Some(owner) if owner.chars().count() > 3 => owner.to_owned(),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::sentences;

    fn folded(text: &str) -> Vec<Vec<String>> {
        let words = |sentence: super::Sentence<'_>| {
            sentence.words.into_iter().map(|word| word.folded).collect()
        };
        sentences(text).map(words).collect()
    }

    #[test]
    fn sentences_end_at_full_stops_and_lines_but_not_inside_numbers_and_files() {
        assert_eq!(
            folded("Open main.rs, v1.2! Then?\nwait ... "),
            [vec!["open", "main.rs", "v1.2"], vec!["then"], vec!["wait"]]
        );
    }

    #[test]
    fn words_keep_identifiers_together_and_drop_the_possessive() {
        assert_eq!(
            folded("Caroline’s std::sync user_id don't let's -x- a--b"),
            [[
                "caroline",
                "std::sync",
                "user_id",
                "don't",
                "let's",
                "x",
                "a",
                "b"
            ]]
        );
    }

    #[test]
    fn scripts_without_spaces_are_cut_where_the_script_changes() {
        assert_eq!(
            folded("東京でコーヒーを飲む。"),
            [["東京", "で", "コーヒー", "を", "飲", "む"]]
        );
    }
}
