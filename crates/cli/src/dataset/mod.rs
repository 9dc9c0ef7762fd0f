//! Conversations with questions, and the turns that answer them.
//!
//! Position: a file in the `LoCoMo` layout → `layout` → **here** → the demo. The conversations of the
//! demo itself are embedded in the program.
//!
//! Invariants:
//! - every evidence of a question is a turn of its conversation; what is not is counted, not kept;
//! - the turns of a conversation are in the order in which they were said.

mod date;
mod evidence;
mod layout;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// The conversations that were written for this program.
const EMBEDDED: [&str; 4] = [
    include_str!("../../corpus/bookshop-schema.json"),
    include_str!("../../corpus/filter-columns.json"),
    include_str!("../../corpus/garten-und-umzug.json"),
    include_str!("../../corpus/on-call-notes.json"),
];

/// The category of questions about things that were never said.
pub const NEVER_SAID: u8 = 5;

/// Conversations to learn, with the questions to ask about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dataset {
    /// The conversations, each a memory of its own.
    pub conversations: Vec<Conversation>,
    /// Evidence that names no turn of its conversation.
    pub unknown_evidence: usize,
}

/// What two people said to each other over several sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The name of the conversation.
    pub id: String,
    /// Everything that was said, in order.
    pub turns: Vec<Turn>,
    /// What to ask.
    pub questions: Vec<Question>,
}

/// One thing that was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// The id within the conversation, such as `D1:3`.
    pub id: String,
    /// The session, such as `session_1`.
    pub session: String,
    /// Who said it.
    pub speaker: String,
    /// What was said, and what is on the picture that was shown with it.
    pub text: String,
    /// When the session began, as RFC 3339, where the file says so.
    pub at: Option<String>,
}

/// A question about a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// 1 several turns together, 2 dates, 3 conclusions, 4 a single fact, 5 never said.
    pub category: u8,
    /// The ids of the turns that answer it.
    pub evidence: Vec<String>,
}

impl Dataset {
    /// The conversations that were written for this program.
    ///
    /// # Errors
    ///
    /// When the embedded files are not in the layout, which the tests rule out.
    pub fn embedded() -> Result<Self> {
        let mut all = Self::default();
        for text in EMBEDDED {
            let part = layout::parse(text).context("an embedded conversation cannot be read")?;
            all.conversations.extend(part.conversations);
            all.unknown_evidence += part.unknown_evidence;
        }
        Ok(all)
    }

    /// Reads a file in the `LoCoMo` layout.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not in the layout, or has no turn or no question.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the dataset {}", path.display()))?;
        let dataset = layout::parse(&text)
            .with_context(|| format!("not in the LoCoMo layout: {}", path.display()))?;
        ensure!(
            dataset.turns() > 0,
            "the dataset has no turns: {}",
            path.display()
        );
        ensure!(
            dataset.questions() > 0,
            "the dataset has no questions: {}",
            path.display()
        );
        Ok(dataset)
    }

    /// How many turns there are to learn.
    pub fn turns(&self) -> usize {
        self.conversations
            .iter()
            .map(|conversation| conversation.turns.len())
            .sum()
    }

    /// How many questions there are to ask.
    pub fn questions(&self) -> usize {
        self.conversations
            .iter()
            .map(|conversation| conversation.questions.len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_conversations_are_large_enough_and_consistent() {
        let dataset = Dataset::embedded().unwrap();
        let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).unwrap();
        let json =
            files.filter(|file| file.as_ref().unwrap().path().extension() == Some("json".as_ref()));
        assert_eq!(
            json.count(),
            EMBEDDED.len(),
            "every conversation of the corpus is embedded"
        );
        assert!(dataset.conversations.len() >= 4);
        assert!(dataset.turns() >= 300, "{} turns", dataset.turns());
        let german = |turn: &&Turn| turn.text.contains(" und ");
        let mut turns = dataset
            .conversations
            .iter()
            .map(|c| c.turns.iter().filter(german).count());
        assert!(
            turns.any(|count| count > 10),
            "one conversation is not in English"
        );
        assert!(
            dataset.questions() >= 60,
            "{} questions",
            dataset.questions()
        );
        assert_eq!(dataset.unknown_evidence, 0);
        assert!(
            dataset
                .conversations
                .iter()
                .all(|c| c.turns.iter().all(|t| t.at.is_some()))
        );
    }

    #[test]
    fn embedded_questions_have_evidence_unless_it_was_never_said() {
        let dataset = Dataset::embedded().unwrap();
        let questions = dataset.conversations.iter().flat_map(|c| &c.questions);
        let never_said = questions
            .clone()
            .filter(|q| q.category == NEVER_SAID)
            .count();
        assert!(never_said > 0);
        for question in questions {
            assert_eq!(
                question.evidence.is_empty(),
                question.category == NEVER_SAID,
                "{}",
                question.text
            );
        }
    }

    #[test]
    fn a_file_with_nothing_to_learn_or_to_ask_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let turn = r#"{"speaker": "Ann", "dia_id": "D1:1", "text": "a boat"}"#;
        for (turns, missing) in [("", "no turns"), (turn, "no questions")] {
            let sample =
                format!(r#"[{{"sample_id": "s", "conversation": {{"session_1": [{turns}]}}}}]"#);
            fs::write(file.path(), sample).unwrap();
            let error = Dataset::read(file.path()).unwrap_err().to_string();
            let expected = format!("the dataset has {missing}: {}", file.path().display());
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = Dataset::read(Path::new("no/such/file.json")).unwrap_err();
        assert!(error.to_string().contains("no/such/file.json"));
    }
}
