//! Terms between quotation marks.
//!
//! Invariants: a term is at most [`MAX_CONCEPT_BYTES`] long, and a mark that is never closed costs one
//! look at that many characters.

use super::concept::MAX_CONCEPT_BYTES;

/// Short texts between quotation marks of any kind, except the apostrophe.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    const MARKS: [(char, char); 6] = [
        ('"', '"'),
        ('“', '”'),
        ('„', '“'),
        ('«', '»'),
        ('»', '«'),
        ('`', '`'),
    ];
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (open_at, open, close) = rest.char_indices().find_map(|(at, character)| {
                let mark = MARKS.iter().find(|mark| mark.0 == character)?;
                Some((at, mark.0, mark.1))
            })?;
            let inner = &rest[open_at + open.len_utf8()..];
            let end = inner
                .char_indices()
                .take(MAX_CONCEPT_BYTES)
                .find(|&(_, c)| c == close);
            let Some((end, _)) = end else {
                rest = inner;
                continue;
            };
            rest = &inner[end + close.len_utf8()..];
            let term = inner[..end].trim();
            if term.chars().any(char::is_alphabetic) {
                return Some(term);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::quoted;

    fn terms(text: &str) -> Vec<&str> {
        quoted(text).collect()
    }

    #[test]
    fn every_kind_of_quotation_mark_is_read() {
        let text = "\"one\" “two” „drei“ «quatre» »fünf« `six`";
        assert_eq!(terms(text), ["one", "two", "drei", "quatre", "fünf", "six"]);
    }

    #[test]
    fn open_empty_and_overlong_quotations_are_no_terms() {
        assert_eq!(terms("\"never closed, `but this`"), ["but this"]);
        assert_eq!(
            terms(&format!("\"\" \"12\" `{}`", "x".repeat(100))),
            [""; 0]
        );
    }
}
