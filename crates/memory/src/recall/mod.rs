//! Finds the turns that answer a question.
//!
//! Position: request → **recall** → cache. The question is read (`question`), three signals propose
//! turns (the text of turns, the text of windows, the graph), and `fusion` makes one order of them.
//!
//! Invariants: the same file and question give the same answer; an empty answer has a reason.

mod fusion;
mod graph;
mod question;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::config::RecallConfig;
use crate::error::MemoryError;
use crate::request::{Concept, EmptyReason, RecallRequest, RecalledTurn, Relationship};
use crate::store::{Reader, Store, StoredTurn};
use crate::tenant::TenantScope;
use fusion::{Ranked, fuse};
use graph::traverse;
use question::Question;

/// What a memory knows about a question: an answer without the circumstances of one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) turns: Vec<RecalledTurn>,
    pub(crate) concepts: Vec<Concept>,
    pub(crate) relationships: Vec<Relationship>,
    pub(crate) reason: Option<EmptyReason>,
}

/// Answers a checked request from the tenant's file.
pub(crate) fn answer(
    store: &Store,
    scope: &TenantScope,
    config: &RecallConfig,
    request: &RecallRequest,
) -> Result<Answer, MemoryError> {
    let question = Question::read(&request.query);
    store.read(scope, |reader| search(reader, config, request, &question))
}

fn search(
    reader: &Reader<'_>,
    config: &RecallConfig,
    request: &RecallRequest,
    question: &Question,
) -> Result<Answer, MemoryError> {
    let Some(query) = &question.query else {
        return empty(reader, EmptyReason::OnlyStopWords);
    };
    let turns = reader.matching_turns(query, config.candidates)?;
    let windows = reader.matching_windows(query, config.candidates)?;
    let graph = traverse(reader, config, &question.concepts)?;
    let mut ranked = fuse(config, &turns, &windows, &graph.turns);
    if ranked.is_empty() {
        return empty(reader, EmptyReason::NoMatch);
    }
    ranked.truncate(request.k);
    let (concepts, relationships) = graph.closest(reader, request.max_concepts)?;
    Ok(Answer {
        turns: load(reader, &ranked)?,
        concepts,
        relationships,
        reason: None,
    })
}

fn empty(reader: &Reader<'_>, reason: EmptyReason) -> Result<Answer, MemoryError> {
    let reason = if reader.is_empty()? {
        EmptyReason::NoMemories
    } else {
        reason
    };
    Ok(Answer {
        reason: Some(reason),
        ..Answer::default()
    })
}

/// Loads the turns of a ranking, in its order.
fn load(reader: &Reader<'_>, ranked: &[Ranked]) -> Result<Vec<RecalledTurn>, MemoryError> {
    let ids: Vec<_> = ranked.iter().map(|ranked| ranked.turn).collect();
    let stored = reader.turns(&ids)?;
    let mut by_id: BTreeMap<_, _> = stored.into_iter().map(|turn| (turn.id, turn)).collect();
    let in_order = ranked
        .iter()
        .filter_map(|ranked| Some((ranked, by_id.remove(&ranked.turn)?)));
    Ok(in_order
        .map(|(ranked, turn)| recalled(ranked, turn))
        .collect())
}

fn recalled(ranked: &Ranked, turn: StoredTurn) -> RecalledTurn {
    RecalledTurn {
        turn_id: turn.id,
        session_id: turn.session_id,
        speaker: turn.speaker,
        text: turn.text,
        score: ranked.score(),
        signals: ranked.signals,
        // It was JSON when it was stored; a file damaged by hand loses the metadata, not the turn.
        metadata: turn
            .metadata
            .and_then(|json| RawValue::from_string(json).ok()),
        at: turn.at,
    }
}
