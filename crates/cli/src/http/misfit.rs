//! What is said of a body that is JSON and not what the route takes.
//!
//! Position: `body` → **here** → `problem`.
//!
//! Invariants:
//! - the field is named, and what would fit; no value that was sent is repeated;
//! - it is a line, however long what was sent.

use serde_path_to_error::Error;

/// The longest that anybody is told.
const MAX_CHARS: usize = 200;

/// Which field does not fit, how, and where it stands.
pub(super) fn misfit(error: &Error<serde_json::Error>) -> String {
    let (field, reason) = (
        error.path().to_string(),
        without_value(&error.inner().to_string()),
    );
    // The path of the whole body is a dot, and a field that is not known is named by the reason.
    if field == "." || reason.starts_with("unknown field") {
        shortened(reason)
    } else {
        shortened(format!("{field}: {reason}"))
    }
}

/// The message of `serde` without the value that it quotes between what is wrong and what is expected.
fn without_value(message: &str) -> String {
    const EXPECTED: &str = ", expected ";
    for wrong in ["invalid type: ", "invalid value: "] {
        let Some(rest) = message.strip_prefix(wrong) else {
            continue;
        };
        let expected = rest.rfind(EXPECTED).map_or("", |at| &rest[at..]);
        let kind = rest.split(['"', '`', ',']).next().unwrap_or_default();
        return format!("{wrong}{}{expected}", kind.trim_end());
    }
    message.to_owned()
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use continuum_memory::{RecallRequest, SyncEntry};
    use serde::de::DeserializeOwned;
    use serde_json::Deserializer;

    use super::{MAX_CHARS, misfit};

    fn told<T: DeserializeOwned>(body: &str) -> String {
        let mut json = Deserializer::from_str(body);
        let read: Result<T, _> = serde_path_to_error::deserialize(&mut json);
        misfit(&read.err().unwrap())
    }

    #[test]
    fn a_value_is_told_by_its_field_and_kind() {
        let recall = told::<RecallRequest>;
        for (body, expected) in [
            (
                r#"{"query": "boat", "k": "my, expected \"private\" words"}"#,
                "k: invalid type: string, expected usize at line 1 column 55",
            ),
            (
                r#"{"query": "boat", "k": -17}"#,
                "k: invalid value: integer, expected usize at line 1 column 26",
            ),
            (
                r#"{"query": ["words"]}"#,
                "query: invalid type: sequence, expected a string at line 1 column 10",
            ),
            ("{}", "missing field `query` at line 1 column 2"),
            (
                r#"{"query": "boat", "colour": "green"}"#,
                "unknown field `colour`, expected one of `query`, `max_concepts`, `k` at line 1 column 26",
            ),
        ] {
            assert_eq!(recall(body), expected, "{body}");
        }
    }

    #[test]
    fn a_field_is_found_however_deep_it_lies() {
        let entry = r#"{"origin": "o", "entry_id": 1, "tenant": "t", "session_id": "s",
            "turns": [{"speaker": "Ann", "text": "a", "at": "now"}, {"speaker": 3}]}"#;
        let told = told::<SyncEntry>(entry);
        assert!(
            told.starts_with("turns[1].speaker: invalid type: integer, expected a string"),
            "{told}"
        );
    }

    #[test]
    fn a_name_without_end_is_cut() {
        let body = format!(r#"{{"{}": 1}}"#, "é".repeat(900_000));
        assert_eq!(told::<RecallRequest>(&body).chars().count(), MAX_CHARS + 1);
    }
}
