//! Concepts: what a text is about.
//!
//! Position: `learn` stores them as entities and links them; `recall` starts the graph from those of
//! the question.
//!
//! A concept is a quoted term, something that looks like code, a capitalised name, or a word that
//! is not a stop word. German writes every noun with a capital, which serves as well.
//!
//! Invariants: at most [`MAX_CONCEPTS`] a text, so that the number of links stays bounded; the order
//! is by weight, then by place in the text.

use std::collections::BTreeMap;

use super::quoted::quoted;
use super::stop_words::StopWords;
use super::subject::{is_subject, looks_like_code};
use super::token::{Sentence, Word, sentences};
use crate::request::ConceptKind;

/// Concepts kept for one text; the links of a text are at most half the square of this.
pub(crate) const MAX_CONCEPTS: usize = 12;

const MAX_NAME_WORDS: usize = 4;
pub(super) const MAX_CONCEPT_BYTES: usize = 64;

/// A concept as a text mentions it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundConcept {
    /// Lower case; the identity of the concept.
    pub(crate) key: String,
    /// As it is written.
    pub(crate) name: String,
    pub(crate) kind: ConceptKind,
}

/// Finds the concepts of a text, the weightiest first.
pub(crate) fn concepts(text: &str) -> Vec<FoundConcept> {
    let sentences: Vec<_> = sentences(text).collect();
    let mut found = Mentions::new(StopWords::of(&sentences));
    found.add_quoted(text);
    for sentence in &sentences {
        found.add_names(sentence);
        found.add_words(sentence);
    }
    found.weightiest()
}

/// What is known of the concepts of one text, by key.
struct Mentions {
    stop_words: StopWords,
    by_key: BTreeMap<String, Mention>,
}

struct Mention {
    name: String,
    kind: ConceptKind,
    count: usize,
    place: usize,
}

impl Mentions {
    fn new(stop_words: StopWords) -> Self {
        Self {
            stop_words,
            by_key: BTreeMap::new(),
        }
    }

    fn add(&mut self, key: String, name: &str, kind: ConceptKind) {
        if key.len() > MAX_CONCEPT_BYTES {
            return;
        }
        let place = self.by_key.len();
        let mention = self.by_key.entry(key).or_insert_with(|| Mention {
            name: name.to_owned(),
            kind,
            count: 0,
            place,
        });
        mention.count += 1;
        mention.kind = mention.kind.max(kind);
    }

    fn add_quoted(&mut self, text: &str) {
        for quoted in quoted(text) {
            self.add(quoted.to_lowercase(), quoted, ConceptKind::Quoted);
        }
    }

    /// Adds sequences of capitalised words: "San Francisco".
    fn add_names(&mut self, sentence: &Sentence<'_>) {
        let mut name: Vec<&Word<'_>> = Vec::new();
        for word in &sentence.words {
            if !word.adjacent || name.len() == MAX_NAME_WORDS {
                self.add_name(&std::mem::take(&mut name));
            }
            if word.is_capitalised() && is_subject(word, self.stop_words) {
                name.push(word);
            } else {
                self.add_name(&std::mem::take(&mut name));
            }
        }
        self.add_name(&name);
    }

    fn add_name(&mut self, words: &[&Word<'_>]) {
        if words.len() > 1 {
            let join = |part: fn(&Word<'_>) -> String| {
                words
                    .iter()
                    .map(|word| part(word))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let name = join(|word| word.text.to_owned());
            self.add(join(|word| word.folded.clone()), &name, ConceptKind::Name);
        }
    }

    fn add_words(&mut self, sentence: &Sentence<'_>) {
        for (place, word) in sentence.words.iter().enumerate() {
            if is_subject(word, self.stop_words) {
                let kind = match () {
                    () if looks_like_code(word.text) => ConceptKind::Code,
                    // Every sentence starts with a capital; that makes no name.
                    () if word.is_capitalised() && place > 0 => ConceptKind::Name,
                    () => ConceptKind::Term,
                };
                self.add(word.folded.clone(), word.text, kind);
            }
        }
    }

    fn weightiest(self) -> Vec<FoundConcept> {
        let mut mentions: Vec<_> = self.by_key.into_iter().collect();
        mentions.sort_by_key(|(_, mention)| (std::cmp::Reverse(mention.weight()), mention.place));
        mentions.truncate(MAX_CONCEPTS);
        mentions
            .into_iter()
            .map(|(key, Mention { name, kind, .. })| FoundConcept { key, name, kind })
            .collect()
    }
}

impl Mention {
    /// A name said once outweighs a word said once; a word said often outweighs both.
    fn weight(&self) -> usize {
        let kind = match self.kind {
            ConceptKind::Term => 2,
            ConceptKind::Compound => 3,
            ConceptKind::Name => 4,
            ConceptKind::Code | ConceptKind::Quoted => 5,
        };
        // Longer words tend to say more.
        kind + 2 * (self.count - 1) + usize::from(self.name.chars().count() > 6)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_CONCEPTS, concepts};
    use crate::request::ConceptKind;

    fn keys(text: &str) -> Vec<String> {
        concepts(text)
            .into_iter()
            .map(|concept| concept.key)
            .collect()
    }

    fn kind(text: &str, key: &str) -> Option<ConceptKind> {
        concepts(text)
            .into_iter()
            .find(|concept| concept.key == key)
            .map(|concept| concept.kind)
    }

    #[test]
    fn names_code_and_quoted_terms_are_told_apart() {
        let text =
            "Yesterday Ada moved `turns_fts` to San Francisco, as the \"schema review\" said.";
        assert_eq!(kind(text, "ada"), Some(ConceptKind::Name));
        assert_eq!(kind(text, "san francisco"), Some(ConceptKind::Name));
        assert_eq!(kind(text, "turns_fts"), Some(ConceptKind::Quoted));
        assert_eq!(kind(text, "schema review"), Some(ConceptKind::Quoted));
        assert_eq!(kind("we keep user_id", "user_id"), Some(ConceptKind::Code));
        assert_eq!(
            kind("Yesterday we met", "yesterday"),
            Some(ConceptKind::Term)
        );
    }

    #[test]
    fn stop_words_and_numbers_are_no_concepts_in_either_language() {
        assert_eq!(keys("And then we did this with the 42 pumps"), ["pumps"]);
        assert_eq!(keys("Wir haben das dann mit der Pumpe gemacht"), ["pumpe"]);
    }

    #[test]
    fn german_and_japanese_nouns_are_found() {
        assert!(keys("Der Umzug nach Köln kostet viel Kraft").contains(&"köln".to_owned()));
        assert_eq!(keys("東京でコーヒーを飲む"), ["東京", "コーヒー"]);
    }

    #[test]
    fn the_number_of_concepts_is_bounded() {
        let words: Vec<_> = (0..100).map(|n| format!("subject{n}")).collect();
        assert_eq!(keys(&words.join(" ")).len(), MAX_CONCEPTS);
    }
}
