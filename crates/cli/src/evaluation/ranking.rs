//! How well a ranking answers a question: recall at `k` and the reciprocal rank.
//!
//! Invariant: a question without evidence has no figure; it is never counted as zero or one.

use serde::Serialize;

/// The share of the evidence among the first `k` of a ranking; `None` without evidence.
///
/// ```
/// use continuum_cli::evaluation::recall_at;
///
/// assert_eq!(recall_at(2, &["a", "b"], &["x", "b", "a"]), Some(0.5));
/// ```
pub fn recall_at<T: PartialEq>(k: usize, evidence: &[T], ranking: &[T]) -> Option<f64> {
    if evidence.is_empty() {
        return None;
    }
    let top = &ranking[..k.min(ranking.len())];
    let found = evidence.iter().filter(|id| top.contains(id)).count();
    Some(found as f64 / evidence.len() as f64)
}

/// One divided by the rank of the first evidence, 0 if there is none in the ranking.
pub fn reciprocal_rank<T: PartialEq>(evidence: &[T], ranking: &[T]) -> Option<f64> {
    if evidence.is_empty() {
        return None;
    }
    let first = ranking.iter().position(|id| evidence.contains(id));
    Some(first.map_or(0.0, |index| 1.0 / (index + 1) as f64))
}

/// Averages over questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Questions with evidence.
    pub questions: usize,
    /// Mean recall at 5.
    pub recall_at_5: f64,
    /// Mean recall at 10.
    pub recall_at_10: f64,
    /// Mean reciprocal rank within the first 10.
    pub mrr: f64,
}

/// Adds questions up for [`Quality`].
#[derive(Debug, Clone, Copy, Default)]
pub struct QualitySum(Quality);

impl QualitySum {
    /// Adds a question; one without evidence changes nothing.
    pub fn add<T: PartialEq>(&mut self, evidence: &[T], ranking: &[T]) {
        let ranking = &ranking[..ranking.len().min(10)];
        let figures = (
            recall_at(5, evidence, ranking),
            recall_at(10, evidence, ranking),
            reciprocal_rank(evidence, ranking),
        );
        if let (Some(at_5), Some(at_10), Some(reciprocal)) = figures {
            self.0.questions += 1;
            self.0.recall_at_5 += at_5;
            self.0.recall_at_10 += at_10;
            self.0.mrr += reciprocal;
        }
    }

    /// The averages; `None` when no question had evidence.
    pub fn mean(&self) -> Option<Quality> {
        let questions = self.0.questions;
        let mean = |sum: f64| sum / questions as f64;
        (questions > 0).then(|| Quality {
            questions,
            recall_at_5: mean(self.0.recall_at_5),
            recall_at_10: mean(self.0.recall_at_10),
            mrr: mean(self.0.mrr),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_is_the_share_of_the_evidence_in_the_first_k() {
        assert_eq!(recall_at(1, &[1, 2], &[2, 1]), Some(0.5));
        assert_eq!(recall_at(2, &[1, 2], &[2, 1]), Some(1.0));
        assert_eq!(recall_at(5, &[1, 2], &[]), Some(0.0));
        assert_eq!(recall_at(5, &[], &[1]), None);
    }

    #[test]
    fn reciprocal_rank_looks_at_the_first_evidence_alone() {
        assert_eq!(reciprocal_rank(&[3, 4], &[1, 4, 3]), Some(0.5));
        assert_eq!(reciprocal_rank(&[9], &[1, 4, 3]), Some(0.0));
        assert_eq!(reciprocal_rank::<u8>(&[], &[1]), None);
    }

    #[test]
    fn questions_without_evidence_do_not_change_the_average() {
        let mut sum = QualitySum::default();
        assert_eq!(sum.mean(), None);
        sum.add(&[2], &[1, 2, 3, 4, 5, 6, 7, 8]);
        sum.add(&[8], &[1, 2, 3, 4, 5, 6, 7, 8]);
        sum.add(&[], &[1]);
        let quality = sum.mean().unwrap();
        assert_eq!(quality.questions, 2);
        let figures = (quality.recall_at_5, quality.recall_at_10, quality.mrr);
        assert_eq!(figures, (0.5, 1.0, 0.3125));
    }

    #[test]
    fn evidence_beyond_the_tenth_place_does_not_count() {
        let mut sum = QualitySum::default();
        sum.add(&[11], &(1..=20).collect::<Vec<_>>());
        let none = Quality {
            questions: 1,
            ..Quality::default()
        };
        assert_eq!(sum.mean(), Some(none));
    }
}
