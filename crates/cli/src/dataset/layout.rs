//! Reads the `LoCoMo` layout: sessions in numbered fields, questions with evidence.
//!
//! Position: text of a file → **here** → [`Dataset`].
//!
//! Invariants: fields that are not needed are ignored; sessions are taken in the order of their
//! numbers, not of the file.
//!
//! Source: Maharana et al., "Evaluating Very Long-Term Conversational Memory of LLM Agents", 2024.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Conversation, Dataset, Question, Turn, date, evidence};

#[derive(Deserialize)]
struct Sample {
    #[serde(rename = "sample_id")]
    id: String,
    conversation: Map<String, Value>,
    #[serde(default)]
    qa: Vec<Asked>,
}

#[derive(Deserialize)]
struct Said {
    speaker: String,
    dia_id: String,
    text: String,
    #[serde(default)]
    blip_caption: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    category: u8,
    #[serde(default)]
    evidence: Vec<String>,
}

/// Reads a file of samples.
pub(super) fn parse(text: &str) -> Result<Dataset> {
    let samples: Vec<Sample> = serde_json::from_str(text)?;
    let mut dataset = Dataset::default();
    for sample in samples {
        let name = sample.id.clone();
        let (conversation, unknown) =
            conversation(sample).with_context(|| format!("conversation {name}"))?;
        dataset.conversations.push(conversation);
        dataset.unknown_evidence += unknown;
    }
    Ok(dataset)
}

fn conversation(sample: Sample) -> Result<(Conversation, usize)> {
    let turns = turns(&sample.conversation)?;
    let ids: BTreeSet<&str> = turns.iter().map(|turn| turn.id.as_str()).collect();
    let mut unknown_evidence = 0;
    let mut questions = Vec::with_capacity(sample.qa.len());
    for Asked {
        question,
        category,
        evidence: entries,
    } in sample.qa
    {
        let (evidence, unknown) = evidence::resolve(&entries, &ids);
        unknown_evidence += unknown;
        questions.push(Question {
            text: question,
            category,
            evidence,
        });
    }
    Ok((
        Conversation {
            id: sample.id,
            turns,
            questions,
        },
        unknown_evidence,
    ))
}

fn turns(fields: &Map<String, Value>) -> Result<Vec<Turn>> {
    let sessions: BTreeMap<u32, &Value> = fields
        .iter()
        .filter_map(|(name, value)| Some((session_number(name)?, value)))
        .collect();
    let mut turns = Vec::new();
    for (number, said) in sessions {
        let session = format!("session_{number}");
        let at = fields
            .get(&format!("{session}_date_time"))
            .and_then(Value::as_str);
        let at = at.and_then(date::to_rfc3339);
        let said = Vec::<Said>::deserialize(said).with_context(|| session.clone())?;
        turns.extend(
            said.into_iter()
                .map(|said| turn(said, &session, at.as_ref())),
        );
    }
    Ok(turns)
}

fn session_number(field: &str) -> Option<u32> {
    field.strip_prefix("session_")?.parse().ok()
}

fn turn(said: Said, session: &str, at: Option<&String>) -> Turn {
    let text = match said.blip_caption {
        Some(caption) => format!("{} [picture: {caption}]", said.text),
        None => said.text,
    };
    Turn {
        id: evidence::normalize(&said.dia_id).unwrap_or(said.dia_id),
        session: session.to_owned(),
        speaker: said.speaker,
        text,
        at: at.cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"[{
        "sample_id": "s",
        "event_summary": {},
        "conversation": {
            "speaker_a": "Ann",
            "session_10_date_time": "2:40 pm on 3 March, 2026",
            "session_10": [{"speaker": "Ann", "dia_id": "D10:1", "text": "last", "img_url": ["u"]}],
            "session_2_date_time": "soon",
            "session_2": [
                {"speaker": "Bob", "dia_id": "D2:1", "text": "first"},
                {"speaker": "Ann", "dia_id": "D2:2", "text": "look", "blip_caption": "a boat"}
            ],
            "session_11_date_time": "2:40 pm on 9 March, 2026"
        },
        "qa": [
            {"question": "a?", "answer": 2022, "evidence": ["D2:1; D10:1"], "category": 2},
            {"question": "b?", "adversarial_answer": "x", "evidence": ["D", "D2:9"], "category": 5},
            {"question": "c?", "category": 4}
        ]
    }]"#;

    #[test]
    fn sessions_come_in_the_order_of_their_numbers() {
        let conversation = &parse(SAMPLE).unwrap().conversations[0];
        let ids: Vec<_> = conversation
            .turns
            .iter()
            .map(|turn| turn.id.as_str())
            .collect();
        assert_eq!(ids, ["D2:1", "D2:2", "D10:1"]);
        assert_eq!(conversation.turns[0].at, None);
        assert_eq!(
            conversation.turns[2].at.as_deref(),
            Some("2026-03-03T14:40:00Z")
        );
        assert_eq!(conversation.turns[2].session, "session_10");
    }

    #[test]
    fn a_caption_is_part_of_what_was_said() {
        let conversation = &parse(SAMPLE).unwrap().conversations[0];
        assert_eq!(conversation.turns[1].text, "look [picture: a boat]");
    }

    #[test]
    fn evidence_without_a_turn_is_counted_and_left_out() {
        let dataset = parse(SAMPLE).unwrap();
        let questions = &dataset.conversations[0].questions;
        assert_eq!(questions[0].evidence, ["D2:1", "D10:1"]);
        assert!(questions[1].evidence.is_empty() && questions[2].evidence.is_empty());
        assert_eq!(dataset.unknown_evidence, 2);
    }

    #[test]
    fn a_session_that_is_no_list_of_turns_is_an_error_that_names_it() {
        let text = r#"[{"sample_id": "s", "conversation": {"session_1": [{"speaker": "Ann"}]}}]"#;
        let error = format!("{:#}", parse(text).unwrap_err());
        assert!(error.contains("conversation s: session_1"), "{error}");
    }
}
