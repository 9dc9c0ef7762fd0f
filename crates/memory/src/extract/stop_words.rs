//! Words that say nothing about the subject, in English and German, and Japanese particles.
//!
//! Position: used by concept extraction and by the query.
//!
//! Invariants: a German word that means something in English ("die", "war", "man") is dropped only
//! from a text that is German, which is so when it has more German stop words than English ones.

use super::script::Script;
use super::token::Sentence;

/// The stop words that apply to one text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopWords {
    german: bool,
}

impl StopWords {
    /// Chooses by the language of the text.
    pub(crate) fn of(sentences: &[Sentence<'_>]) -> Self {
        let words = || sentences.iter().flat_map(|sentence| &sentence.words);
        let count = |list: &[&str]| words().filter(|word| contains(list, &word.folded)).count();
        Self {
            german: count(GERMAN) > count(ENGLISH) && count(GERMAN) > 1,
        }
    }

    pub(crate) fn contains(self, folded: &str) -> bool {
        contains(ENGLISH, folded)
            || (self.german && contains(GERMAN, folded))
            || is_japanese_particle(folded)
    }
}

fn is_japanese_particle(word: &str) -> bool {
    word.chars().count() <= 2
        && word
            .chars()
            .all(|letter| Script::of(letter) == Script::Hiragana)
}

fn contains(sorted: &[&str], word: &str) -> bool {
    sorted.binary_search(&word).is_ok()
}

/// Sorted, for the binary search.
#[rustfmt::skip]
const ENGLISH: &[&str] = &[
    "a", "about", "above", "actually", "after", "again", "all", "already", "also", "always", "am",
    "an", "and", "another", "any", "anybody", "anyone", "anything", "are", "aren't", "around", "as",
    "at", "away", "back", "be", "because", "been", "before", "being", "below", "best", "better",
    "between", "bit", "both", "but", "by", "bye", "can", "can't", "cannot", "could", "couldn't",
    "definitely", "did", "didn't", "do", "does", "doesn't", "doing", "don't", "done", "down",
    "during", "each", "either", "else", "even", "ever", "every", "everyone", "everything", "feel",
    "few", "find", "first", "for", "from", "further", "gave", "get", "gets", "getting", "give",
    "go", "goes", "going", "gone", "gonna", "good", "got", "great", "had", "hadn't", "happen",
    "happened", "has", "hasn't", "have", "haven't", "having", "he", "he'd", "he'll", "he's",
    "hello", "her", "here", "here's", "hers", "herself", "hey", "hi", "him", "himself", "his",
    "how", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "instead", "into", "is", "isn't", "it",
    "it'd", "it'll", "it's", "its", "itself", "just", "keep", "kind", "knew", "know", "last",
    "later", "least", "less", "let", "let's", "like", "likely", "look", "lot", "lots", "made",
    "make", "makes", "making", "many", "may", "maybe", "me", "mean", "might", "mine", "more",
    "most", "much", "must", "my", "myself", "need", "never", "new", "next", "nice", "no", "nobody",
    "none", "nor", "not", "nothing", "now", "of", "off", "oh", "ok", "okay", "on", "once", "one",
    "ones", "only", "onto", "or", "other", "others", "our", "ours", "ourselves", "out", "over",
    "own", "people", "perhaps", "please", "pretty", "put", "quite", "rather", "really", "right",
    "said", "same", "say", "says", "see", "seem", "seems", "seen", "shall", "she", "she'd",
    "she'll", "she's", "should", "shouldn't", "since", "so", "some", "somebody", "someone",
    "something", "soon", "still", "such", "sure", "take", "tell", "than", "thank", "thanks", "that",
    "that'll", "that's", "the", "their", "theirs", "them", "themselves", "then", "there", "there's",
    "these", "they", "they'd", "they'll", "they're", "they've", "thing", "things", "think", "this",
    "those", "though", "through", "thus", "till", "to", "together", "told", "too", "took", "try",
    "under", "until", "up", "upon", "us", "use", "used", "using", "usually", "very", "want",
    "wanted", "wants", "was", "wasn't", "way", "we", "we'd", "we'll", "we're", "we've", "well",
    "went", "were", "weren't", "what", "what's", "whatever", "when", "where", "where's", "whether",
    "which", "while", "who", "who's", "whom", "whose", "why", "will", "with", "within", "without",
    "won't", "would", "wouldn't", "wow", "yeah", "yes", "yet", "you", "you'd", "you'll", "you're",
    "you've", "your", "yours", "yourself", "yourselves",
];

/// Sorted, for the binary search.
#[rustfmt::skip]
const GERMAN: &[&str] = &[
    "ab", "aber", "alle", "allem", "allen", "aller", "alles", "als", "also", "am", "an", "ander",
    "andere", "anderem", "anderen", "anderer", "anderes", "auch", "auf", "aus", "bald", "bei",
    "beide", "beiden", "beim", "bereits", "bin", "bis", "bist", "bitte", "bleibt", "brauche",
    "brauchen", "braucht", "da", "dabei", "dadurch", "dafür", "dagegen", "daher", "damit", "danach",
    "danke", "dann", "daran", "darauf", "daraus", "darf", "darin", "darum", "darüber", "das",
    "dass", "davon", "davor", "dazu", "dein", "deine", "deinem", "deinen", "deiner", "dem", "den",
    "denen", "denn", "dennoch", "der", "deren", "des", "deshalb", "dessen", "dich", "die", "dies",
    "diese", "diesem", "diesen", "dieser", "dieses", "dir", "doch", "dort", "du", "durch", "dürfen",
    "eben", "ein", "eine", "einem", "einen", "einer", "eines", "einfach", "einige", "einigen",
    "einmal", "er", "erst", "es", "etwas", "euch", "euer", "eure", "eurem", "euren", "für", "gab",
    "ganz", "gar", "geben", "gegen", "gehen", "geht", "gemacht", "genau", "genug", "gerade",
    "gerne", "gesagt", "gewesen", "gibt", "ging", "gut", "gute", "guten", "habe", "haben", "habt",
    "hallo", "hat", "hatte", "hatten", "hattest", "hier", "hin", "hinter", "ich", "ihm", "ihn",
    "ihnen", "ihr", "ihre", "ihrem", "ihren", "ihrer", "im", "immer", "in", "ins", "irgendwie",
    "ist", "ja", "je", "jede", "jedem", "jeden", "jeder", "jedes", "jedoch", "jemand", "jetzt",
    "kann", "kannst", "kein", "keine", "keinem", "keinen", "keiner", "klar", "kommt", "konnte",
    "können", "könnte", "könnten", "lassen", "mach", "machen", "macht", "mal", "man", "manche",
    "mehr", "mein", "meine", "meinem", "meinen", "meiner", "mich", "mir", "mit", "muss", "musst",
    "musste", "müssen", "nach", "nachdem", "natürlich", "neben", "nein", "nicht", "nichts", "noch",
    "nun", "nur", "ob", "oder", "oft", "ohne", "okay", "sagen", "sagt", "schon", "sehr", "seid",
    "sein", "seine", "seinem", "seinen", "seiner", "seit", "selbst", "sich", "sie", "sind", "so",
    "sogar", "solche", "soll", "sollen", "sollte", "sollten", "sondern", "sonst", "statt",
    "trotzdem", "tun", "um", "und", "uns", "unser", "unsere", "unserem", "unseren", "unserer",
    "unter", "viel", "viele", "vielen", "vielleicht", "vom", "von", "vor", "wann", "war", "waren",
    "warst", "warum", "was", "wegen", "weil", "weiter", "welche", "welchem", "welchen", "welcher",
    "welches", "wem", "wen", "wenig", "wenn", "wer", "werde", "werden", "wie", "wieder", "will",
    "wir", "wird", "wirklich", "wirst", "wo", "wobei", "wohl", "wollen", "wollte", "worden",
    "worüber", "wurde", "wurden", "während", "wäre", "würde", "würden", "zu", "zum", "zur", "zwar",
    "zwischen", "über",
];

#[cfg(test)]
mod tests {
    use super::{ENGLISH, GERMAN, StopWords};
    use crate::extract::sentences;

    fn kept(text: &str) -> Vec<String> {
        let sentences: Vec<_> = sentences(text).collect();
        let stop_words = StopWords::of(&sentences);
        let words = sentences.into_iter().flat_map(|sentence| sentence.words);
        words
            .map(|word| word.folded)
            .filter(|word| !stop_words.contains(word))
            .collect()
    }

    #[test]
    fn lists_are_sorted() {
        assert!(ENGLISH.is_sorted() && GERMAN.is_sorted());
    }

    #[test]
    fn japanese_particles_are_stop_words() {
        assert_eq!(kept("東京のコーヒーを"), ["東京", "コーヒー"]);
    }

    #[test]
    fn words_shared_by_both_languages_count_in_english_texts() {
        assert_eq!(kept("when did the war end?"), ["war", "end"]);
        assert_eq!(kept("war"), ["war"]);
        assert_eq!(kept("Wann war das Fest und wer war dabei?"), ["fest"]);
    }
}
