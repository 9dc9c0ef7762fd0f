//! Reads a question: the words to look for and the concepts to start from.
//!
//! Invariants: at most [`MAX_WORDS`] words are looked for, the longest ones, so that a pasted page costs
//! no more than a long question.

use std::collections::BTreeSet;

use crate::extract::{StopWords, compounds, concepts, search_phrases, sentences};
use crate::store::FtsQuery;

/// Different words looked for.
const MAX_WORDS: usize = 48;

/// Phrases looked for: a word of a script without spaces makes several.
const MAX_PHRASES: usize = 96;

/// A question, ready to be looked up.
pub(super) struct Question {
    /// `None` when the question has stop words only.
    pub(super) query: Option<FtsQuery>,
    /// Keys of the concepts that the question mentions.
    pub(super) concepts: Vec<String>,
}

impl Question {
    pub(super) fn read(text: &str) -> Self {
        let words = content_words(text);
        let phrases = words
            .iter()
            .flat_map(|word| search_phrases(word))
            .take(MAX_PHRASES);
        let phrases: Vec<_> = phrases.collect();
        let found = concepts(text).into_iter().chain(compounds(text));
        let keys: BTreeSet<_> = found.map(|concept| concept.key).chain(words).collect();
        Self {
            query: FtsQuery::any_of(phrases.iter().map(String::as_str)),
            concepts: keys.into_iter().collect(),
        }
    }
}

/// The different words of a text that are no stop words, in alphabetical order.
fn content_words(text: &str) -> Vec<String> {
    let sentences: Vec<_> = sentences(text).collect();
    let stop_words = StopWords::of(&sentences);
    let words = sentences.into_iter().flat_map(|sentence| sentence.words);
    let different: BTreeSet<_> = words
        .map(|word| word.folded)
        .filter(|word| !stop_words.contains(word))
        .collect();
    let mut kept: Vec<_> = different.into_iter().collect();
    if kept.len() > MAX_WORDS {
        kept.sort_by_key(|word| std::cmp::Reverse(word.len()));
        kept.truncate(MAX_WORDS);
        kept.sort();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORDS, Question, content_words};

    #[test]
    fn stop_words_and_repetitions_are_left_out() {
        assert_eq!(
            content_words("Where is the red boat, the RED one?"),
            ["boat", "red"]
        );
        assert!(Question::read("what is it?").query.is_none());
    }

    #[test]
    fn a_pasted_page_costs_no_more_than_a_long_question() {
        let page: Vec<_> = (0..1000).map(|n| format!("word{n}")).collect();
        assert_eq!(content_words(&page.join(" ")).len(), MAX_WORDS);
    }
}
