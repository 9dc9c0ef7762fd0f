//! Scripts that write without spaces between words.
//!
//! Position: used by the tokens, and by both sides of the full-text index. The index splits at spaces and
//! punctuation only, which would make one word of a Chinese sentence. Here each ideograph becomes
//! a word of the index, and a query looks for pairs of them side by side.

/// How the characters of a word are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Words stand between spaces.
    Spaced,
    /// Chinese characters: one or a few make a word.
    Ideographic,
    /// The Japanese script of particles and endings.
    Hiragana,
    /// The Japanese script of foreign words and names.
    Katakana,
}

impl Script {
    pub(super) fn of(character: char) -> Self {
        match character {
            '\u{3040}'..='\u{309f}' => Self::Hiragana,
            '\u{30a0}'..='\u{30ff}' => Self::Katakana,
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}' => {
                Self::Ideographic
            }
            _ => Self::Spaced,
        }
    }
}

/// Writes a text for the full-text index: unspaced characters stand alone.
pub(crate) fn index_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if Script::of(character) == Script::Spaced {
            out.push(character);
        } else {
            out.extend([' ', character, ' ']);
        }
    }
    out
}

/// Splits a word into the phrases that an index made by [`index_text`] can find.
pub(crate) fn search_phrases(word: &str) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    let unspaced = characters
        .iter()
        .all(|&character| Script::of(character) != Script::Spaced);
    if unspaced && characters.len() > 1 {
        characters
            .windows(2)
            .map(|pair| format!("{} {}", pair[0], pair[1]))
            .collect()
    } else {
        vec![word.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::{index_text, search_phrases};

    #[test]
    fn unspaced_characters_become_words_of_the_index() {
        assert_eq!(index_text("go to 東京!"), "go to  東  京 !");
    }

    #[test]
    fn unspaced_words_are_searched_by_pairs() {
        assert_eq!(search_phrases("東京都"), ["東 京", "京 都"]);
        assert_eq!(search_phrases("Tokyo"), ["Tokyo"]);
    }
}
