//! Remembers an exchange.
//!
//! Position: request → extract → **learn** → store. Concepts and decisions are found before the
//! transaction begins, so that the writer is held for the statements alone.
//!
//! Invariants: one transaction; when any statement is refused, nothing of the request is kept.

use std::collections::BTreeSet;
use std::convert::Infallible;

use continuum_observability::layers::memory::trace_concept_extraction;

use crate::error::MemoryError;
use crate::extract::{FoundConcept, compounds, concepts, decisions};
use crate::outbox::promise;
use crate::request::{LearnResponse, NewTurn};
use crate::store::{EntityId, Store, TurnId, Writer};
use crate::tenant::TenantScope;

/// Turns before a turn that are indexed with it.
const WINDOW_BEFORE: usize = 2;

/// Recurring pairs of words that become concepts of a turn.
const MAX_COMPOUND_CONCEPTS: usize = 4;

/// What the text of a turn says, found without the store.
pub(crate) struct Extracted<'a> {
    concepts: Vec<FoundConcept>,
    compounds: Vec<FoundConcept>,
    decisions: Vec<&'a str>,
}

/// Stores checked turns of one session, and promises to tell another node if that is asked for.
pub(crate) fn learn(
    store: &Store,
    scope: &TenantScope,
    turns: &[NewTurn<'_>],
    is_promised: bool,
) -> Result<LearnResponse, MemoryError> {
    let extracted = extract_all(scope, turns);
    let learned = store.write(scope, |writer| {
        let learned = write(writer, turns, &extracted)?;
        if is_promised {
            promise(writer, &learned.turn_ids)?;
        }
        Ok(learned)
    })?;
    if is_promised {
        store.promised().insert(scope.tenant().clone());
    }
    Ok(learned)
}

/// Finds what each turn says.
pub(crate) fn extract_all<'a>(scope: &TenantScope, turns: &'a [NewTurn<'_>]) -> Vec<Extracted<'a>> {
    turns.iter().map(|turn| extract(scope, turn.text)).collect()
}

fn extract<'a>(scope: &TenantScope, text: &'a str) -> Extracted<'a> {
    let tenant = scope.tenant().as_str();
    let Ok(extracted) = trace_concept_extraction()
        .tenant_id(tenant)
        .run_sync(|span| {
            let concepts = concepts(text);
            span.set_attribute("memory.concepts_extracted", concepts.len());
            Ok::<_, Infallible>(Extracted {
                concepts,
                compounds: compounds(text),
                decisions: decisions(text),
            })
        });
    extracted
}

/// Stores turns with what was found in them.
pub(crate) fn write(
    writer: &Writer<'_>,
    turns: &[NewTurn<'_>],
    extracted: &[Extracted<'_>],
) -> Result<LearnResponse, MemoryError> {
    let turn_ids = write_turns(writer, turns)?;
    let mut entities = BTreeSet::new();
    let mut links_created = 0;
    let mut compounds_found = 0;
    for (&turn, found) in turn_ids.iter().zip(extracted) {
        let recurring = recurring_compounds(writer, found)?;
        compounds_found += recurring.len();
        let (mentioned, created) = write_concepts(writer, turn, found, recurring)?;
        entities.extend(mentioned);
        links_created += created;
        if !found.decisions.is_empty() {
            writer.insert_decisions(turn, &found.decisions)?;
        }
    }
    Ok(LearnResponse {
        turn_ids,
        concepts_extracted: entities.len(),
        decisions_detected: extracted.iter().map(|found| found.decisions.len()).sum(),
        links_created,
        compounds_found,
    })
}

/// Stores the turns and both of their full-text rows.
fn write_turns(writer: &Writer<'_>, turns: &[NewTurn<'_>]) -> Result<Vec<TurnId>, MemoryError> {
    let session_id = turns.first().map_or("", |turn| turn.session_id);
    let before = writer.last_texts(session_id, WINDOW_BEFORE)?;
    let ids = writer.insert_turns(turns)?;
    // Who said it is part of what can be asked for.
    let spoken: Vec<_> = turns
        .iter()
        .map(|turn| format!("{}: {}", turn.speaker, turn.text))
        .collect();
    let texts: Vec<_> = ids
        .iter()
        .copied()
        .zip(spoken.iter().map(String::as_str))
        .collect();
    writer.index_turns(&texts)?;
    writer.index_windows(&windows(&before, &texts))?;
    Ok(ids)
}

/// Joins each text with those before it.
fn windows(before: &[String], texts: &[(TurnId, &str)]) -> Vec<(TurnId, String)> {
    let before: Vec<_> = before.iter().map(String::as_str).collect();
    let all: Vec<_> = before
        .iter()
        .copied()
        .chain(texts.iter().map(|(_, text)| *text))
        .collect();
    let window = |(index, &(turn, _)): (usize, &(TurnId, &str))| {
        let last = before.len() + index;
        (
            turn,
            all[last.saturating_sub(WINDOW_BEFORE)..=last].join("\n"),
        )
    };
    texts.iter().enumerate().map(window).collect()
}

/// Counts the pairs of words of a turn and returns those that were seen before.
fn recurring_compounds<'a>(
    writer: &Writer<'_>,
    found: &'a Extracted<'_>,
) -> Result<Vec<&'a FoundConcept>, MemoryError> {
    if found.compounds.is_empty() {
        return Ok(Vec::new());
    }
    let occurrences = writer.count_compounds(&found.compounds)?;
    let recurring = found
        .compounds
        .iter()
        .zip(occurrences)
        .filter(|(_, seen)| *seen > 1);
    Ok(recurring.map(|(compound, _)| compound).collect())
}

/// Stores the concepts of a turn and links each with each; returns them and how many links are new.
fn write_concepts(
    writer: &Writer<'_>,
    turn: TurnId,
    found: &Extracted<'_>,
    recurring: Vec<&FoundConcept>,
) -> Result<(Vec<EntityId>, usize), MemoryError> {
    let mut mentioned = found.concepts.clone();
    let is_new = |compound: &&FoundConcept| {
        found
            .concepts
            .iter()
            .all(|concept| concept.key != compound.key)
    };
    let compounds = recurring
        .into_iter()
        .filter(is_new)
        .take(MAX_COMPOUND_CONCEPTS);
    mentioned.extend(compounds.cloned());
    if mentioned.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let entities = writer.insert_entities(&mentioned)?;
    writer.insert_mentions(turn, &entities)?;
    let created = if entities.len() > 1 {
        writer.strengthen_links(&entities)?
    } else {
        0
    };
    Ok((entities, created))
}
