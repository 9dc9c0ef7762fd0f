//! What came out of the demo, as one document.
//!
//! Position: filled by the steps of the demo, written as JSON or by `text`.

use std::{collections::BTreeMap, path::PathBuf};

use continuum_observability::Stats;
use serde::Serialize;

use super::layer::LayerLatency;
use crate::evaluation::Quality;

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The file that was given; `None` for the embedded conversations.
    pub(super) dataset: Option<PathBuf>,
    pub(super) learned: Learned,
    pub(super) recalled: Recalled,
    pub(super) federated: Federated,
    pub(super) layers: Vec<LayerLatency>,
    pub(super) traces: Vec<Picture>,
    pub(super) spans: Accounting,
    /// Where the data is, if it was kept.
    pub(super) data_dir: Option<PathBuf>,
}

/// What was learned, added up over the answers of the service.
#[derive(Debug, Default, Serialize)]
pub(super) struct Learned {
    pub(super) conversations: usize,
    pub(super) turns: usize,
    pub(super) concept_mentions: usize,
    pub(super) decisions: usize,
    pub(super) links: usize,
    pub(super) compound_mentions: usize,
}

/// How well questions were answered.
#[derive(Debug, Serialize)]
pub(super) struct Recalled {
    pub(super) questions: usize,
    /// Over categories 1 to 4.
    pub(super) quality: Option<Quality>,
    pub(super) by_category: BTreeMap<u8, Quality>,
    /// Questions of categories 1 to 4 that name no turn of their conversation.
    pub(super) skipped_without_evidence: usize,
    /// Evidence that names no turn of its conversation.
    pub(super) unknown_evidence: usize,
    pub(super) never_said: NeverSaid,
}

/// What was told to one node and asked of another.
#[derive(Debug, Serialize)]
pub(super) struct Federated {
    pub(super) told_turns: usize,
    pub(super) recalled_turns: usize,
    /// From the client of the first node to the database of the second.
    pub(super) trace_id: String,
}

/// What happened to questions about things that were never said.
#[derive(Debug, Default, Serialize)]
pub(super) struct NeverSaid {
    pub(super) questions: usize,
    /// The answer had no turn, and a reason.
    pub(super) answered_with_nothing: usize,
    pub(super) median_best_score: Option<f64>,
    /// The same for questions about things that were said.
    pub(super) median_best_score_of_others: Option<f64>,
}

/// One trace as a tree.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    pub(super) title: &'static str,
    pub(super) trace_id: String,
    pub(super) tree: String,
}

/// Where every span went.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Accounting {
    pub(super) started: u64,
    pub(super) exported: u64,
    pub(super) sampled_out: u64,
    pub(super) dropped: u64,
    pub(super) pending: u64,
    /// Started is the sum of the others, nothing was dropped or is pending, and the report was made
    /// from as many spans as were exported.
    pub(super) accounted: bool,
}

impl Accounting {
    pub(super) fn new(stats: &Stats, reported_spans: usize) -> Self {
        let mut accounting = Self {
            started: stats.started,
            exported: stats.exported,
            sampled_out: stats.sampled_out,
            dropped: stats.dropped(),
            pending: stats.pending,
            accounted: false,
        };
        accounting.accounted = accounting.adds_up(reported_spans);
        accounting
    }

    fn adds_up(&self, reported_spans: usize) -> bool {
        let sum = self.exported + self.sampled_out + self.dropped + self.pending;
        self.started > 0
            && self.started == sum
            && self.dropped == 0
            && self.pending == 0
            && usize::try_from(self.exported) == Ok(reported_spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(started: u64, exported: u64, pending: u64) -> Stats {
        let mut stats = Stats::default();
        (stats.started, stats.exported, stats.pending) = (started, exported, pending);
        stats
    }

    #[test]
    fn spans_are_accounted_for_only_when_none_is_missing() {
        assert!(Accounting::new(&stats(7, 7, 0), 7).accounted);
        assert!(!Accounting::new(&stats(7, 6, 1), 6).accounted);
        assert!(!Accounting::new(&stats(8, 7, 0), 7).accounted);
        assert!(!Accounting::new(&stats(7, 7, 0), 6).accounted);
        assert!(!Accounting::new(&stats(0, 0, 0), 0).accounted);
    }

    #[test]
    fn a_dropped_span_is_never_accounted_for() {
        let mut dropped = stats(7, 6, 0);
        dropped.dropped_rejected = 1;
        assert!(!Accounting::new(&dropped, 6).accounted);
    }
}
