//! What is measured, and what is expected of it: scenarios, rows of the table, goals, reasons for dashes.
//!
//! Position: `mod` chooses among the scenarios; `drive` runs them, `table` shows the rows.
//!
//! Invariant: each row of the table is in docs/performance.md, and no other (see the tests).

mod row;
mod scenario;

pub(super) use row::{Goal, ROWS, Row};
pub(super) use scenario::{Program, SCENARIOS, Scenario};

/// The names by which benchmarks/rust-peers knows the peers, and the heads of the columns.
pub(super) const COLUMNS: [(&str, &str); 4] = [
    ("otel", "opentelemetry_sdk"),
    ("tracing-otel", "tracing-opentelemetry"),
    ("fastrace", "fastrace"),
    ("tracing", "tracing, bare"),
];

/// Why a peer has a dash: what its scenarios begin with, the peer, the reason.
pub(super) const REASONS: &[(&[&str], &str, &str)] = &[
    (&["S5"], "fastrace", "has no baggage"),
    (&["S5"], "tracing", "has no propagation of its own"),
    (
        &["S5"],
        "tracing-otel",
        "propagates with opentelemetry, whose row it is",
    ),
    (&["function"], "otel", "has no attribute macro"),
    (
        &["flat-out", "tuned", "rate"],
        "tracing",
        "delivers nothing",
    ),
    (
        &["uncounted"],
        "otel",
        "has no count that the program can read",
    ),
    (
        &["uncounted"],
        "tracing-otel",
        "has no count that the program can read",
    ),
    (
        &["uncounted"],
        "fastrace",
        "has no count that the program can read",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_shows_what_a_scenario_measures() {
        for row in ROWS {
            let scenario = SCENARIOS
                .iter()
                .find(|scenario| scenario.name == row.scenario);
            let scenario = scenario.unwrap_or_else(|| panic!("{} is not measured", row.scenario));
            assert!(scenario.peers.contains(&row.ours), "{}", row.title);
            assert!(!scenario.is_only_plotted, "{}", row.title);
        }
    }

    #[test]
    fn every_scenario_is_in_a_row_or_only_plotted() {
        for scenario in SCENARIOS {
            let has_row = ROWS.iter().any(|row| row.scenario == scenario.name);
            assert_eq!(has_row, !scenario.is_only_plotted, "{}", scenario.name);
        }
    }

    #[test]
    fn the_page_has_each_row_once_and_no_other() {
        let page = include_str!("../../../../docs/performance.md");
        let begin = page.find("| scenario |").unwrap();
        let table = page[begin..].split("\n\n").next().unwrap();
        let cells = table
            .lines()
            .skip(2)
            .filter_map(|line| line.split(" | ").next());
        let shown: Vec<_> = cells.map(|cell| cell.trim_start_matches("| ")).collect();
        let expected: Vec<_> = ROWS.iter().map(|row| row.title).collect();
        assert_eq!(
            shown, expected,
            "run `cargo xtask bench` and put its table into docs/performance.md"
        );
    }
}
