//! How many columns of a terminal a text takes, and texts cut to them.
//!
//! Position: under [`render_tree`](super::render_tree), whose columns would not line up below names in
//! Chinese, Japanese or Korean if characters were counted: most of those take two columns.
//!
//! Invariant: in a build without the console, where nobody looks at columns, every character is one.
//!
//! Source: Unicode Standard Annex 11, "East Asian Width".

use super::super::escape::push_escaped;

#[cfg(feature = "console")]
fn of_char(char: char) -> usize {
    unicode_width::UnicodeWidthChar::width(char).unwrap_or_default()
}

#[cfg(not(feature = "console"))]
fn of_char(_char: char) -> usize {
    1
}

/// The columns of `text`, which holds no control character.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// Cuts to `max_columns`, the cut shown by an ellipsis.
pub(super) fn cut(mut text: String, max_columns: usize) -> String {
    let (mut used, mut end) = (0, 0);
    for (at, char) in text.char_indices() {
        if used < max_columns {
            end = at;
        }
        used += of_char(char);
        if used > max_columns {
            text.truncate(end);
            text.push('…');
            return text;
        }
    }
    text
}

/// `text` as one safe line of at most `max_columns`, for a terminal: what is not plainly visible is written as an
/// escape, and a cut is shown by an ellipsis.
///
/// ```
/// use continuum_observability::safe_line;
///
/// assert_eq!(safe_line("a\n\u{1b}[2J", 48), r"a\n\u{1b}[2J");
/// assert_eq!(safe_line("recall of memories", 9), "recall o…");
/// ```
pub fn safe_line(text: &str, max_columns: usize) -> String {
    // An escape is never shorter than its character, and hardly a character takes no column.
    let end = text
        .char_indices()
        .nth(max_columns.saturating_mul(2).saturating_add(1))
        .map_or(text.len(), |(at, _)| at);
    let mut escaped = String::new();
    push_escaped(&mut escaped, text.get(..end).unwrap_or_default());
    cut(escaped, max_columns)
}
