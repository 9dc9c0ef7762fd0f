//! How much each signal counts in a recall, from the command line or the environment.
//!
//! Position: options of `continuum serve` → **ranking** → [`RecallConfig`].

use anyhow::{Result, ensure};
use clap::Args;
use continuum_memory::RecallConfig;

/// The weights of the signals.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ranking of turns")]
pub(super) struct Ranking {
    /// Weight of a turn whose own text matches
    #[arg(long = "fts-weight", value_name = "WEIGHT", env = "CONTINUUM_FTS_WEIGHT", value_parser = weight, default_value_t = RecallConfig::default().fts_weight)]
    fts: f64,
    /// Weight of a turn that matches together with the two before it
    #[arg(long = "window-weight", value_name = "WEIGHT", env = "CONTINUUM_WINDOW_WEIGHT", value_parser = weight, default_value_t = RecallConfig::default().window_weight)]
    window: f64,
    /// Weight of a turn about concepts that are linked to those of the question
    #[arg(long = "graph-weight", value_name = "WEIGHT", env = "CONTINUUM_GRAPH_WEIGHT", value_parser = weight, default_value_t = RecallConfig::default().graph_weight)]
    graph: f64,
}

impl Ranking {
    /// The settings of a recall with these weights.
    ///
    /// # Errors
    ///
    /// All weights are zero: nothing would decide.
    pub(super) fn config(&self) -> Result<RecallConfig> {
        let config = RecallConfig {
            fts_weight: self.fts,
            window_weight: self.window,
            graph_weight: self.graph,
            ..RecallConfig::default()
        };
        let sum = config.fts_weight + config.window_weight + config.graph_weight;
        ensure!(sum > 0.0, "at least one weight must be above 0");
        Ok(config)
    }
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok();
    weight
        .filter(|weight| (0.0..=1_000.0).contains(weight))
        .ok_or_else(|| "expected a number from 0 to 1000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        ranking: Ranking,
    }

    fn config(arguments: &[&str]) -> Result<RecallConfig> {
        let program = Program::try_parse_from([&["program"], arguments].concat())?;
        program.ranking.config()
    }

    #[test]
    fn weights_are_those_of_the_memory_unless_given() {
        assert_eq!(config(&[]).unwrap(), RecallConfig::default());
        let given = config(&["--window-weight", "0", "--graph-weight=0.5"]).unwrap();
        let expected = RecallConfig {
            window_weight: 0.0,
            graph_weight: 0.5,
            ..RecallConfig::default()
        };
        assert_eq!(given, expected);
    }

    #[test]
    fn weights_that_decide_nothing_are_refused() {
        for weight in ["-1", "NaN", "inf", "much", ""] {
            let error = config(&[&format!("--fts-weight={weight}")])
                .unwrap_err()
                .to_string();
            assert!(error.contains("fts-weight"), "{error}");
        }
        let none = ["--fts-weight=0", "--window-weight=0", "--graph-weight=0"];
        let error = config(&none).unwrap_err().to_string();
        assert_eq!(error, "at least one weight must be above 0");
    }
}
