//! Pairs of words that stand side by side.
//!
//! Position: `learn` counts them; those that recur become concepts.

use super::concept::{FoundConcept, MAX_CONCEPT_BYTES};
use super::stop_words::StopWords;
use super::subject::is_subject;
use super::token::sentences;
use crate::request::ConceptKind;

/// Pairs of words kept for one text.
const MAX_COMPOUNDS: usize = 32;

/// Finds pairs of words that stand side by side; those that recur become concepts.
pub(crate) fn compounds(text: &str) -> Vec<FoundConcept> {
    let sentences: Vec<_> = sentences(text).collect();
    let stop_words = StopWords::of(&sentences);
    let mut found: Vec<FoundConcept> = Vec::new();
    for pair in sentences
        .iter()
        .flat_map(|sentence| sentence.words.windows(2))
    {
        let joins = pair[1].adjacent && pair.iter().all(|word| is_subject(word, stop_words));
        let key = format!("{} {}", pair[0].folded, pair[1].folded);
        let known = || found.iter().any(|concept| concept.key == key);
        if joins && key.len() <= MAX_CONCEPT_BYTES && !known() {
            let name = format!("{} {}", pair[0].text, pair[1].text);
            found.push(FoundConcept {
                key,
                name,
                kind: ConceptKind::Compound,
            });
        }
        if found.len() == MAX_COMPOUNDS {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::compounds;

    #[test]
    fn compounds_are_content_words_side_by_side() {
        let found = compounds("The attention links grow, links of the store");
        let keys: Vec<_> = found.iter().map(|concept| concept.key.as_str()).collect();
        assert_eq!(keys, ["attention links", "links grow"]);
    }
}
