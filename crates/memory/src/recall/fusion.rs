//! Makes one order of the turns that several signals propose.
//!
//! Ranks are compared, not scores: the scores of full-text search and of the graph have no common
//! unit.
//!
//! Invariants: scores are between 0 and 1; of two turns with the same score the newer is first.
//!
//! Source: Cormack, Clarke and Büttcher, "Reciprocal rank fusion", SIGIR 2009.

use std::collections::BTreeMap;

use crate::config::RecallConfig;
use crate::request::Signals;
use crate::store::TurnId;

/// A turn with what each signal adds to its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) turn: TurnId,
    pub(super) signals: Signals,
}

impl Ranked {
    pub(super) fn score(&self) -> f64 {
        self.signals.fts + self.signals.window + self.signals.graph
    }
}

/// Fuses three rankings, each best first.
pub(super) fn fuse(
    config: &RecallConfig,
    turns: &[TurnId],
    windows: &[TurnId],
    graph: &[TurnId],
) -> Vec<Ranked> {
    let weights = config.fts_weight + config.window_weight + config.graph_weight;
    // What a turn gets that is first of every signal.
    let best = weights / (config.rank_offset + 1.0);
    let share = |weight: f64, rank: usize| weight / (config.rank_offset + 1.0 + rank as f64) / best;

    let mut signals: BTreeMap<TurnId, Signals> = BTreeMap::new();
    for (rank, turn) in turns.iter().enumerate() {
        signals.entry(*turn).or_default().fts = share(config.fts_weight, rank);
    }
    for (rank, turn) in windows.iter().enumerate() {
        signals.entry(*turn).or_default().window = share(config.window_weight, rank);
    }
    for (rank, turn) in graph.iter().enumerate() {
        signals.entry(*turn).or_default().graph = share(config.graph_weight, rank);
    }
    let mut ranked: Vec<_> = signals
        .into_iter()
        .map(|(turn, signals)| Ranked { turn, signals })
        .collect();
    ranked.sort_by(|a, b| b.score().total_cmp(&a.score()).then(b.turn.cmp(&a.turn)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::fuse;
    use crate::config::RecallConfig;

    fn order(turns: &[i64], windows: &[i64], graph: &[i64]) -> Vec<i64> {
        let ranked = fuse(&RecallConfig::default(), turns, windows, graph);
        ranked.into_iter().map(|ranked| ranked.turn).collect()
    }

    #[test]
    fn the_first_of_every_signal_has_the_score_one() {
        let ranked = fuse(&RecallConfig::default(), &[7, 8], &[7], &[7]);
        assert!((ranked[0].score() - 1.0).abs() < 1e-9);
        assert!(ranked[1].score() > 0.0 && ranked[1].score() < 1.0);
    }

    #[test]
    fn turns_that_signals_agree_on_come_first() {
        assert_eq!(order(&[1, 2], &[3, 2], &[2])[0], 2);
    }

    #[test]
    fn of_equals_the_newer_comes_first() {
        let config = RecallConfig {
            window_weight: 1.0,
            fts_weight: 1.0,
            ..RecallConfig::default()
        };
        let ranked = fuse(&config, &[4], &[9], &[]);
        assert_eq!(ranked[0].turn, 9);
    }
}
