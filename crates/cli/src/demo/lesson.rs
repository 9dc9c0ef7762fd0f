//! Teaches the service everything that was said, turn by turn.
//!
//! Position: dataset → **here** → `client`. Each conversation is a tenant of its own.
//!
//! Invariant: which turn of the file became which turn of the memory is known for each.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use continuum_memory::{LearnRequest, LearnResponse, TenantId};
use serde_json::value::to_raw_value;

use super::{client::Client, host::Host, progress, report::Learned};
use crate::dataset::{Conversation, Dataset, Turn};

/// The longest name of a tenant that is taken from a conversation's.
const MAX_NAME_BYTES: usize = 48;

/// The memory of one conversation.
pub(super) struct Taught {
    pub(super) key: String,
    /// The id in the file of each turn in the memory.
    pub(super) turns: BTreeMap<i64, String>,
}

/// All conversations, learned.
pub(super) struct Lesson {
    pub(super) memories: Vec<Taught>,
    pub(super) totals: Learned,
}

pub(super) fn learn(dataset: &Dataset, host: &Host, client: &Client) -> Result<Lesson> {
    let bar = progress::bar("learning", dataset.turns());
    let mut totals = Learned::default();
    let mut memories = Vec::with_capacity(dataset.conversations.len());
    for (index, conversation) in dataset.conversations.iter().enumerate() {
        let key = host.create_tenant(&tenant_of(conversation, index)?)?;
        let mut turns = BTreeMap::new();
        for turn in &conversation.turns {
            let learned = client
                .learn(&key, &request(turn)?)
                .with_context(|| format!("turn {} of {}", turn.id, conversation.id))?
                .body;
            totals.add(&learned);
            turns.extend(learned.turn_ids.into_iter().map(|id| (id, turn.id.clone())));
            bar.inc(1);
        }
        totals.conversations += 1;
        memories.push(Taught { key, turns });
    }
    bar.finish_and_clear();
    Ok(Lesson { memories, totals })
}

impl Learned {
    fn add(&mut self, learned: &LearnResponse) {
        self.turns += learned.turn_ids.len();
        self.concept_mentions += learned.concepts_extracted;
        self.decisions += learned.decisions_detected;
        self.links += learned.links_created;
        self.compound_mentions += learned.compounds_found;
    }
}

/// A tenant's name made from the conversation's; the number keeps it apart from similar ones.
fn tenant_of(conversation: &Conversation, index: usize) -> Result<TenantId> {
    let allowed = |character: char| match character.to_ascii_lowercase() {
        kept @ ('a'..='z' | '0'..='9' | '-') => kept,
        _ => '-',
    };
    let name: String = conversation
        .id
        .chars()
        .map(allowed)
        .take(MAX_NAME_BYTES)
        .collect();
    Ok(TenantId::new(format!("{name}-{}", index + 1))?)
}

fn request(turn: &Turn) -> Result<LearnRequest> {
    let mut request = LearnRequest::new(&turn.session)
        .user_message(&turn.text)
        .speaker(&turn.speaker)
        .metadata(to_raw_value(&BTreeMap::from([("dia_id", &turn.id)]))?);
    request.at.clone_from(&turn.at);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_a_conversation_gives_a_tenant_of_its_own() {
        for (index, name) in ["conv-26", "Garten & Umzug", "日本", &"x".repeat(300)]
            .iter()
            .enumerate()
        {
            let conversation = Conversation {
                id: (*name).to_owned(),
                ..Conversation::default()
            };
            let tenant = tenant_of(&conversation, index).unwrap();
            assert!(
                tenant.as_str().ends_with(&format!("-{}", index + 1)),
                "{tenant}"
            );
        }
    }
}
