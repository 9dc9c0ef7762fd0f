//! Asks the service the questions of the dataset and compares with the turns that answer them.
//!
//! Position: dataset and `lesson` → **here** → `report`.
//!
//! Invariant: quality is measured on categories 1 to 4; a question without known evidence is
//! counted as skipped.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use continuum_memory::{CacheOutcome, RecallRequest, RecallResponse};

use super::{
    client::Client,
    lesson::Taught,
    progress,
    report::{NeverSaid, Recalled},
};
use crate::{
    dataset::{Dataset, NEVER_SAID, Question},
    evaluation::QualitySum,
};

/// Turns asked for, by the larger of the two recall figures.
const TURNS: usize = 10;

pub(super) fn ask(dataset: &Dataset, memories: &[Taught], client: &Client) -> Result<Recalled> {
    let bar = progress::bar("recalling", dataset.questions());
    let mut marks = Marks::default();
    for (conversation, memory) in dataset.conversations.iter().zip(memories) {
        for question in &conversation.questions {
            let answer = client
                .recall(&memory.key, &request(question))
                .with_context(|| format!("question {:?} of {}", question.text, conversation.id))?;
            marks.add(question, &answer.body, memory);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(marks.recalled(dataset))
}

/// Repeats the first question of each conversation; returns the trace ids of the answers, which
/// come from the cache.
pub(super) fn ask_again(
    dataset: &Dataset,
    memories: &[Taught],
    client: &Client,
) -> Result<Vec<String>> {
    let mut trace_ids = Vec::new();
    for (conversation, memory) in dataset.conversations.iter().zip(memories) {
        let Some(question) = conversation.questions.first() else {
            continue;
        };
        let answer = client.recall(&memory.key, &request(question))?;
        ensure!(
            answer.body.cache == CacheOutcome::Hit,
            "a repeated question missed the cache"
        );
        trace_ids.push(answer.trace_id);
    }
    Ok(trace_ids)
}

fn request(question: &Question) -> RecallRequest {
    RecallRequest::new(&question.text).k(TURNS)
}

/// Adds answers up.
#[derive(Default)]
struct Marks {
    all: QualitySum,
    by_category: BTreeMap<u8, QualitySum>,
    skipped: usize,
    never_said: NeverSaid,
    best_scores: Scores,
}

/// The scores of the best turns.
#[derive(Default)]
struct Scores {
    said: Vec<f64>,
    never_said: Vec<f64>,
}

impl Marks {
    fn add(&mut self, question: &Question, answer: &RecallResponse, memory: &Taught) {
        let best = answer.turns.first().map(|turn| turn.score);
        if question.category == NEVER_SAID {
            self.never_said.questions += 1;
            self.never_said.answered_with_nothing += usize::from(answer.reason.is_some());
            self.best_scores.never_said.extend(best);
            return;
        }
        self.best_scores.said.extend(best);
        if question.evidence.is_empty() {
            self.skipped += 1;
            return;
        }
        let ranking: Vec<String> = answer
            .turns
            .iter()
            .filter_map(|turn| memory.turns.get(&turn.turn_id).cloned())
            .collect();
        self.all.add(&question.evidence, &ranking);
        self.by_category
            .entry(question.category)
            .or_default()
            .add(&question.evidence, &ranking);
    }

    fn recalled(mut self, dataset: &Dataset) -> Recalled {
        self.never_said.median_best_score = median(self.best_scores.never_said);
        self.never_said.median_best_score_of_others = median(self.best_scores.said);
        Recalled {
            questions: dataset.questions(),
            quality: self.all.mean(),
            by_category: self
                .by_category
                .into_iter()
                .filter_map(|(category, sum)| Some((category, sum.mean()?)))
                .collect(),
            skipped_without_evidence: self.skipped,
            unknown_evidence: dataset.unknown_evidence,
            never_said: self.never_said,
        }
    }
}

fn median(mut scores: Vec<f64>) -> Option<f64> {
    scores.sort_by(f64::total_cmp);
    scores.get(scores.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_scores() {
        assert_eq!(median(vec![0.3, 0.1, 0.2]), Some(0.2));
        assert_eq!(median(Vec::new()), None);
    }
}
