//! What the programs printed, and its medians.
//!
//! Position: between `drive`, which adds samples, and `table` and `plot`, which read the summary.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// Samples by peer, scenario and metric.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<(String, String, String), Vec<f64>>);

impl Samples {
    pub(super) fn add(&mut self, peer: &str, scenario: &str, metric: &str, value: f64) {
        let key = (peer.to_owned(), scenario.to_owned(), metric.to_owned());
        self.0.entry(key).or_default().push(value);
    }

    pub(super) fn summary(mut self) -> Summary {
        let measures = self.0.iter_mut().map(|((peer, scenario, metric), values)| {
            values.sort_by(f64::total_cmp);
            Measure {
                peer: peer.clone(),
                scenario: scenario.clone(),
                metric: metric.clone(),
                median: values.get(values.len() / 2).copied().unwrap_or(f64::NAN),
                min: values.first().copied().unwrap_or(f64::NAN),
                max: values.last().copied().unwrap_or(f64::NAN),
                samples: values.len(),
            }
        });
        Summary {
            measures: measures.collect(),
        }
    }
}

/// The numbers of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Summary {
    measures: Vec<Measure>,
}

/// What became of the samples of one metric.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Measure {
    peer: String,
    scenario: String,
    metric: String,
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    samples: usize,
}

impl Summary {
    pub(super) fn get(&self, peer: &str, scenario: &str, metric: &str) -> Option<&Measure> {
        self.measures
            .iter()
            .find(|m| m.peer == peer && m.scenario == scenario && m.metric == metric)
    }

    /// The metrics of a peer in a scenario whose names begin like this: the rest of the name, and the value.
    pub(super) fn beginning_with(
        &self,
        start: &str,
        peer: &str,
        scenario: &str,
    ) -> Vec<(&str, f64)> {
        let of = self.measures.iter();
        let of = of.filter(|m| m.peer == peer && m.scenario == scenario);
        of.filter_map(|m| Some((m.metric.strip_prefix(start)?, m.median)))
            .collect()
    }

    pub(super) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    pub(super) fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_median_and_extremes_also_after_json() {
        let mut samples = Samples::default();
        for value in [3.0, 1.0, 9.0, 7.0, 5.0] {
            samples.add("ours", "S1", "caller", value);
        }
        let json = samples.summary().to_json().unwrap();
        let summary = Summary::from_json(&json).unwrap();
        let measure = summary.get("ours", "S1", "caller").unwrap();
        assert_eq!((measure.min, measure.median, measure.max), (1.0, 5.0, 9.0));
        assert!(summary.get("ours", "S1", "process").is_none());
    }
}
