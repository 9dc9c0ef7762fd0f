//! Text from spans made safe for a terminal.
//!
//! Position: under [`tree`](super::tree), the tree of tests and error texts that repeat what a server said. Names and
//! values come from users and from the network: an escape sequence among them could rewrite the
//! screen, a bidirectional override could make one thing look like another.
//!
//! Invariant: what comes out is one line without control or direction-changing characters.

/// Appends `text`, with every character that is not plainly visible written as an escape.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for char in text.chars() {
        if is_unsafe(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
}

/// `text` as one safe line of at most `max_chars` characters, the cut shown by an ellipsis.
pub(super) fn line(text: &str, max_chars: usize) -> String {
    let mut escaped = String::new();
    // An escape is never shorter than its character, so that what is needed lies in the beginning.
    let end = text
        .char_indices()
        .nth(max_chars.saturating_add(1))
        .map_or(text.len(), |(at, _)| at);
    push_escaped(&mut escaped, text.get(..end).unwrap_or_default());
    shorten(escaped, max_chars)
}

/// Cuts to `max_chars` characters, the cut shown by an ellipsis.
fn shorten(mut text: String, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_some() {
        let end = text
            .char_indices()
            .nth(max_chars.saturating_sub(1))
            .map_or(0, |(at, _)| at);
        text.truncate(end);
        text.push('…');
    }
    text
}

fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_become_visible() {
        let mut out = String::new();
        push_escaped(&mut out, "a\u{1b}[31mb\n\tc\u{202e}d\u{9b}é漢\u{2028}");
        assert_eq!(out, r"a\u{1b}[31mb\n\tc\u{202e}d\u{9b}é漢\u{2028}");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(line("ééééé", 5), "ééééé");
        assert_eq!(line("éééééé", 5), "éééé…");
        assert_eq!(line("\n\n\n\n\n", 4), r"\n\…");
    }
}
