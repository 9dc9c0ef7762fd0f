//! A full-text query that no user can write.
//!
//! Invariants: the expression is made of quoted phrases joined by `OR` and of nothing else, so that
//! `"`, `+`, `-` or a bracket in a question, and whatever else got past its check, are words to look
//! for, or nothing.
//!
//! Source: `SQLite` documentation, "FTS5", section 3.1: a quote inside a string is doubled.

/// An expression for `MATCH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FtsQuery(String);

impl FtsQuery {
    /// Looks for any of the phrases; `None` when there are none.
    pub(crate) fn any_of<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let quoted: Vec<String> = phrases
            .into_iter()
            .filter(|phrase| phrase.chars().any(char::is_alphanumeric))
            .map(|phrase| format!("\"{}\"", phrase.replace('"', "\"\"")))
            .collect();
        (!quoted.is_empty()).then(|| Self(quoted.join(" OR ")))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::FtsQuery;

    #[test]
    fn every_phrase_is_quoted() {
        let query = FtsQuery::any_of(["a\" OR b", "text:x*", "NEAR(c d)"]).unwrap();
        assert_eq!(query.as_str(), r#""a"" OR b" OR "text:x*" OR "NEAR(c d)""#);
    }

    #[test]
    fn phrases_without_a_letter_are_no_query() {
        assert_eq!(FtsQuery::any_of(["\"", "*", ""]), None);
    }
}
