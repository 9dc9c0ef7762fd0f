//! Decisions: sentences in which somebody settles something.
//!
//! Position: `learn` stores them with their turn.
//!
//! A sentence decides when it has the words of a pattern in order, few words apart, no negation
//! before the last of them, and is no question.

use super::token::{Sentence, sentences};

/// Words that must follow each other, and how many others may stand between two of them.
struct Pattern {
    words: &'static [&'static str],
    gap: usize,
}

const fn pattern(words: &'static [&'static str], gap: usize) -> Pattern {
    Pattern { words, gap }
}

const PATTERNS: &[Pattern] = &[
    pattern(&["we", "decided"], 2),
    pattern(&["i", "decided"], 2),
    pattern(&["i've", "decided"], 1),
    pattern(&["we've", "decided"], 1),
    pattern(&["we", "agreed"], 2),
    pattern(&["we've", "agreed"], 1),
    pattern(&["we", "chose"], 1),
    pattern(&["we", "settled", "on"], 1),
    pattern(&["let's", "use"], 1),
    pattern(&["let's", "go", "with"], 1),
    pattern(&["let's", "stick", "with"], 0),
    pattern(&["we'll", "use"], 1),
    pattern(&["we'll", "go", "with"], 1),
    pattern(&["we", "will", "use"], 1),
    pattern(&["we", "will", "go", "with"], 1),
    pattern(&["we're", "going", "with"], 0),
    pattern(&["i'm", "going", "with"], 0),
    pattern(&["decision", "is"], 0),
    pattern(&["wir", "entschieden"], 8),
    pattern(&["ich", "entschieden"], 8),
    pattern(&["wir", "beschlossen"], 8),
    pattern(&["haben", "geeinigt"], 8),
    pattern(&["habe", "entschlossen"], 8),
    pattern(&["wir", "nehmen"], 1),
    pattern(&["nehmen", "wir"], 0),
    pattern(&["lass", "uns", "nehmen"], 6),
    pattern(&["dabei", "bleibt", "es"], 0),
    pattern(&["bleiben", "wir", "bei"], 1),
];

const NEGATIONS: &[&str] = &[
    "not", "never", "haven't", "hasn't", "didn't", "don't", "won't", "nicht", "nie", "kein",
    "keine", "noch",
];

/// The sentences of a text that state a decision.
pub(crate) fn decisions(text: &str) -> Vec<&str> {
    sentences(text)
        .filter(decides)
        .map(|sentence| sentence.text)
        .collect()
}

fn decides(sentence: &Sentence<'_>) -> bool {
    !sentence.is_question() && PATTERNS.iter().any(|pattern| matches(sentence, pattern))
}

fn matches(sentence: &Sentence<'_>, pattern: &Pattern) -> bool {
    (0..sentence.words.len()).any(|start| matches_at(sentence, pattern, start))
}

fn matches_at(sentence: &Sentence<'_>, pattern: &Pattern, start: usize) -> bool {
    let Some((first, others)) = pattern.words.split_first() else {
        return false;
    };
    if sentence.words[start].folded != *first {
        return false;
    }
    let mut at = start + 1;
    for expected in others {
        let within = sentence.words.iter().skip(at).take(pattern.gap + 1);
        let between = within.take_while(|word| !NEGATIONS.contains(&word.folded.as_str()));
        match between
            .map(|word| word.folded.as_str())
            .position(|word| word == *expected)
        {
            Some(gap) => at += gap + 1,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::decisions;

    #[test]
    fn statements_of_a_decision_are_found_in_english_and_german() {
        for text in [
            "We finally decided to store turns in SQLite.",
            "Fine. Let's use Postgres for the big one!",
            "Then we'll go with plan B.",
            "Wir haben uns gestern für die blaue Küche entschieden.",
            "Wir haben beschlossen, im Mai umzuziehen.",
        ] {
            assert_eq!(decisions(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn questions_negations_and_mere_mentions_are_no_decisions() {
        for text in [
            "Have we decided where to store turns?",
            "We have not decided yet.",
            "We haven't decided.",
            "The decided lack of tea worries me.",
            "Wir haben uns noch nicht entschieden.",
        ] {
            assert_eq!(decisions(text).len(), 0, "{text}");
        }
    }

    #[test]
    fn only_the_deciding_sentence_is_returned() {
        let text = "It rained. We decided to stay. It was fine.";
        assert_eq!(decisions(text), ["We decided to stay."]);
    }
}
