//! Operators of a full-text search in a question.
//!
//! Position: one of the checks of a recall. The question is looked up as words whatever it holds; who
//! writes operators expects them to work, and is told that they do not.
//!
//! Invariant: what plain text has as well is not syntax: quotes, brackets, signs, `*emphasis*`, `2*3`,
//! `10:30`, a text all in capitals, a column's name with its colon apart from a word (`the text: none`).
//!
//! Source: `SQLite` documentation, "FTS5", section 3.

/// Words that are operators in capitals.
const OPERATORS: [&str; 4] = ["AND", "OR", "NOT", "NEAR"];

/// The columns that a question could name, in any case.
const COLUMNS: [&str; 3] = ["text", "speaker", "session_id"];

/// The first operator: where it begins, and its general form.
pub(super) fn find(query: &str) -> Option<(usize, &'static str)> {
    let case = Case::of(query);
    words(query).find_map(|(start, word)| {
        let (before, after) = (&query[..start], &query[start + word.len()..]);
        construct(before, word, after, case).map(|construct| (start, construct))
    })
}

/// What the capitals of an operator say beside the other words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// The others are not in capitals.
    Telling,
    /// Everything is.
    Shouted,
    /// There are none: numbers, scripts without capitals, or no other words.
    Silent,
}

impl Case {
    fn of(query: &str) -> Self {
        let has = |is: fn(char) -> bool| move |(_, word): (usize, &str)| word.chars().any(is);
        let is_other = |(_, word): &(usize, &str)| !OPERATORS.contains(word);
        if words(query).any(has(char::is_lowercase)) {
            Self::Telling
        } else if words(query).filter(is_other).any(has(char::is_uppercase)) {
            Self::Shouted
        } else {
            Self::Silent
        }
    }
}

/// Whether a word in capitals is an operator; where nothing tells, if it has the words that it needs.
fn is_operator(before: &str, word: &str, after: &str, case: Case) -> bool {
    let has_word = |text| words(text).next().is_some();
    match case {
        Case::Telling => true,
        Case::Shouted => false,
        Case::Silent => has_word(after) && (word == "NOT" || has_word(before)),
    }
}

/// What a word is with its surroundings, if it is no plain one.
fn construct(before: &str, word: &str, after: &str, case: Case) -> Option<&'static str> {
    let is_operator = || is_operator(before, word, after, case);
    match word {
        "NEAR" if after.trim_start().starts_with('(') => return Some("NEAR("),
        "AND" if is_operator() => return Some("AND"),
        "OR" if is_operator() => return Some("OR"),
        "NOT" if is_operator() => return Some("NOT"),
        _ => {}
    }
    if is_prefix(before, after) {
        Some("word*")
    } else if is_initial(before, word) {
        Some("^word")
    } else if is_column(word) && (is_filter(after) || is_filter_of_several(before, after)) {
        Some("column:word")
    } else {
        None
    }
}

/// Whether a word stands for all that begin like it: a star ends it that is no second one of a pair.
fn is_prefix(before: &str, after: &str) -> bool {
    let rest = after.strip_prefix('*');
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '*'))
        && !before.contains('*')
}

fn is_column(word: &str) -> bool {
    let mut columns = COLUMNS.iter();
    columns.any(|column| column.eq_ignore_ascii_case(word))
}

/// Whether names of columns stand in braces with a colon behind: `{text speaker}: boat`.
fn is_filter_of_several(before: &str, after: &str) -> bool {
    let inside = before
        .rsplit('{')
        .next()
        .filter(|inside| inside.len() < before.len());
    let Some((rest, behind)) = after.split_once('}') else {
        return false;
    };
    let mut names = inside
        .into_iter()
        .chain([rest])
        .flat_map(str::split_whitespace);
    inside.is_some() && names.all(is_column) && behind.trim_start().starts_with(':')
}

/// Whether the name of a column is followed by what to look for in it.
fn is_filter(after: &str) -> bool {
    let rest = after.strip_prefix(':');
    rest.is_some_and(|rest| rest.starts_with(|next: char| next.is_alphanumeric() || next == '"'))
}

/// Whether a word is asked for at the beginning of a text.
fn is_initial(before: &str, word: &str) -> bool {
    let rest = before.strip_suffix('^');
    let is_free = |rest: &str| {
        rest.is_empty() || rest.ends_with(|last: char| last.is_whitespace() || "(\"".contains(last))
    };
    word.starts_with(char::is_alphanumeric) && rest.is_some_and(is_free)
}

/// The words, each with where it begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_no_part = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let mut next = 0;
    text.split_inclusive(is_no_part).filter_map(move |piece| {
        let start = next;
        next += piece.len();
        let word = piece.trim_end_matches(is_no_part);
        (!word.is_empty()).then_some((start, word))
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn operators_are_found_where_they_stand() {
        for (query, expected) in [
            ("boat AND green", (5, "AND")),
            ("boat OR", (5, "OR")),
            ("NOT the boat", (0, "NOT")),
            ("a boat NEAR(green, 2)", (7, "NEAR(")),
            ("a boat NEAR (green)", (7, "NEAR(")),
            ("the boa* of", (4, "word*")),
            ("\"the boat\" boa*", (11, "word*")),
            ("^boat", (1, "^word")),
            ("was (^boat", (6, "^word")),
            ("-text:boat", (1, "column:word")),
            ("speaker:\"Ana\" said", (0, "column:word")),
            ("TEXT:boat", (0, "column:word")),
            ("the {text Speaker} : boat", (5, "column:word")),
            ("東京 OR 大阪", (7, "OR")),
            ("NOT 東京", (0, "NOT")),
            ("2024 AND 2025", (5, "AND")),
            ("قارب AND بحر", (9, "AND")),
        ] {
            assert_eq!(find(query), Some(expected), "{query}");
        }
    }

    #[test]
    fn plain_text_is_no_syntax() {
        for query in [
            "what did Ana say about \"the boat\"?",
            "a 5\" screen",
            "NEAR and far",
            "who came and who did not",
            "WHO CAME AND WHO DID NOT?",
            "OR",
            "NOT?",
            "AND",
            "OR 97201",
            "{a text} : b",
            "the text : none",
            "the *red* boat, the **green** one",
            "2*3 and 2 * 3",
            "at 10:30, the text: none",
            "std::text::find and C++",
            "2^10 (^_^)",
            "-boat +green {a b} (c) 'd' 50% e/f; --",
            "ORACLE, Andorra and NOTES",
            "søk etter båt – hvor?",
        ] {
            assert_eq!(find(query), None, "{query}");
        }
    }
}
