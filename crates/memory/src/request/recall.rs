//! The question put to a memory, and the answer with the reasons for its order.
//!
//! Invariants: the signals of a turn add up to its score; an empty answer says why.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{check, search_syntax};
use crate::config::Limits;
use crate::error::InputError;

const DEFAULT_RESULTS: usize = 10;

/// A question put to a tenant's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallRequest {
    /// The question, in plain words of any language; the operators of a full-text search are refused.
    pub query: String,
    /// Most concepts to return; 10 when missing.
    #[serde(default = "default_results")]
    pub max_concepts: usize,
    /// Most turns to return; 10 when missing.
    #[serde(default = "default_results")]
    pub k: usize,
}

fn default_results() -> usize {
    DEFAULT_RESULTS
}

impl RecallRequest {
    /// Asks for ten turns and ten concepts.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            max_concepts: DEFAULT_RESULTS,
            k: DEFAULT_RESULTS,
        }
    }

    /// Sets the most turns to return.
    #[must_use]
    pub fn k(mut self, turns: usize) -> Self {
        self.k = turns;
        self
    }

    /// Sets the most concepts to return.
    #[must_use]
    pub fn max_concepts(mut self, concepts: usize) -> Self {
        self.max_concepts = concepts;
        self
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), InputError> {
        check::text("query", &self.query, limits.query_bytes)?;
        check::range("k", self.k, 1, limits.results)?;
        check::range("max_concepts", self.max_concepts, 0, limits.results)?;
        if !self.query.chars().any(char::is_alphanumeric) {
            return Err(InputError::NoWord { field: "query" });
        }
        match search_syntax::find(&self.query) {
            Some((offset, construct)) => Err(InputError::SearchSyntax {
                field: "query",
                construct,
                offset,
            }),
            None => Ok(()),
        }
    }
}

/// What a memory knows about a question, the most useful first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecallResponse {
    /// Turns, best first.
    pub turns: Vec<RecalledTurn>,
    /// Concepts of the question and those linked to them, closest first.
    pub concepts: Vec<Concept>,
    /// Links among the concepts, strongest first.
    pub relationships: Vec<Relationship>,
    /// Length of `concepts`.
    pub concepts_found: usize,
    /// Length of `relationships`.
    pub relationships_found: usize,
    /// Whether the answer was computed or remembered.
    pub cache: CacheOutcome,
    /// Why there are no turns; `None` when there are.
    pub reason: Option<EmptyReason>,
    /// How long this call took.
    pub query_time_ms: f64,
}

/// A turn, with the reasons for its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecalledTurn {
    /// The id that `learn` gave to it.
    pub turn_id: i64,
    /// The conversation that it belongs to.
    pub session_id: String,
    /// Who said it.
    pub speaker: String,
    /// What was said, as it was sent.
    pub text: String,
    /// Between 0 and 1; 1 is the first of every signal.
    pub score: f64,
    /// What each signal adds to the score.
    pub signals: Signals,
    /// What was sent with the turn, byte for byte.
    pub metadata: Option<Box<RawValue>>,
    /// When it was said, as RFC 3339.
    pub at: String,
}

/// What each signal adds to the score of a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// The text of the turn matches.
    pub fts: f64,
    /// The turn matches together with the two before it.
    pub window: f64,
    /// The turn mentions concepts of the question, or concepts linked to them.
    pub graph: f64,
}

/// Something that turns talk about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Concept {
    /// As it was first written.
    pub name: String,
    /// How it was recognised.
    pub kind: ConceptKind,
    /// In how many turns it is mentioned.
    pub mentions: i64,
    /// Closeness to the question: 1 for its own concepts, less with each link.
    pub weight: f64,
}

/// How a concept was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConceptKind {
    /// A word that is not a stop word.
    Term,
    /// Two words that recur side by side.
    Compound,
    /// A capitalised word or sequence of words.
    Name,
    /// Looks like code: an identifier, a file, an abbreviation.
    Code,
    /// Stood between quotation marks.
    Quoted,
}

/// Two concepts that were mentioned together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// Name of one concept.
    pub from: String,
    /// Name of the other.
    pub to: String,
    /// In how many turns they were mentioned together.
    pub strength: i64,
}

/// Whether an answer was computed or remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheOutcome {
    /// The same was asked before and nothing was learned since.
    Hit,
    /// The answer was computed.
    Miss,
}

/// Why an answer has no turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyReason {
    /// Nothing was ever learned.
    NoMemories,
    /// No turn has anything in common with the question.
    NoMatch,
    /// The question has no word that could tell one turn from another.
    OnlyStopWords,
}

/// How much a tenant's memory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Turns learned.
    pub turns: i64,
    /// Conversations that they belong to.
    pub sessions: i64,
    /// Different concepts.
    pub entities: i64,
    /// Sentences that state a decision.
    pub decisions: i64,
    /// Pairs of concepts mentioned together.
    pub attention_links: i64,
    /// Multi-word concepts that recur.
    pub compound_concepts: i64,
}
