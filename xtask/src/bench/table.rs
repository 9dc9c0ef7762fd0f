//! The rows as one markdown table, with a note for each dash, and a profile for each goal that is missed.
//!
//! Position: `samples` → **table** → standard output, docs/performance.md.

use std::fmt::Write as _;

use super::count::AT;
use super::plan::{COLUMNS, Goal, REASONS, ROWS, Row};
use super::samples::{Measure, Summary};

/// The record of S1's child, made and copied, without anything that makes it a span.
const PRIMITIVE: &str = "record S1 child, rdtsc";

/// The peer that records nothing, and on which others stand.
const FLOOR: &str = "tracing";

/// The verdict on a row of which a goal is missed.
const MISSED: &str = "**no**";

/// What takes less of the instructions is not named.
const NAMED_SHARE: f64 = 0.03;

/// Shows all rows that were measured.
pub(super) fn markdown(summary: &Summary) -> String {
    let mut notes = Vec::new();
    let mut text = head();
    let is_measured = |row: &&Row| summary.get(row.ours, row.scenario, row.metric).is_some();
    for row in ROWS.iter().filter(is_measured) {
        let line = Line { row, summary }.markdown(&mut notes);
        text += &line;
    }
    text.push('\n');
    for (number, note) in notes.iter().enumerate() {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{}. {note}", number + 1);
    }
    text += &profiles(summary);
    text
}

/// Where the instructions go of rows whose goal is missed: a table, or nothing.
fn profiles(summary: &Summary) -> String {
    let missed = ROWS.iter().map(|row| Line { row, summary });
    let missed = missed.filter(|line| line.verdict() == MISSED);
    let lines: String = missed.filter_map(|line| line.profile()).collect();
    if lines.is_empty() {
        return lines;
    }
    format!(
        "\n| goal missed | instructions | where they go, by source file (inlined code where it is written) |\n\
         |---|--:|---|\n{lines}"
    )
}

fn head() -> String {
    let peers: Vec<_> = COLUMNS.iter().map(|(_, head)| *head).collect();
    let columns = format!(
        "| scenario | goal | met | ratio | CONTINUUM | {} | instructions |\n",
        peers.join(" | ")
    );
    let right = "--:|".repeat(COLUMNS.len() + 4);
    format!("{columns}|---|---|{right}\n")
}

/// A row with the numbers of a run.
struct Line<'a> {
    row: &'a Row,
    summary: &'a Summary,
}

impl Line<'_> {
    fn markdown(&self, notes: &mut Vec<String>) -> String {
        let ours = self.measure(self.row.ours);
        let peers = COLUMNS.iter().map(|(peer, head)| match self.shown(peer) {
            Some(measure) => cell(measure),
            None => self.dash(peer, head, notes),
        });
        let cells = [
            self.row.title.to_owned(),
            self.goals(),
            self.verdict().to_owned(),
            self.ratios(),
            ours.map_or_else(String::new, cell),
        ];
        let cells: Vec<_> = cells
            .into_iter()
            .chain(peers)
            .chain([self.instructions()])
            .collect();
        format!("| {} |\n", cells.join(" | "))
    }

    fn measure(&self, peer: &str) -> Option<&Measure> {
        self.summary.get(peer, self.row.scenario, self.row.metric)
    }

    /// A rival, or the bare Registry as the floor of what stands on it.
    fn shown(&self, peer: &str) -> Option<&Measure> {
        let is_rival = self.row.rivals.contains(&peer);
        let is_shown = is_rival || self.row.rivals.is_empty() || peer == FLOOR;
        self.measure(peer).filter(|_| is_shown)
    }

    fn dash(&self, peer: &str, head: &str, notes: &mut Vec<String>) -> String {
        let applies = |starts: &[&str]| {
            let begins = |start: &&str| {
                self.row.scenario.starts_with(start) || self.row.metric.starts_with(start)
            };
            starts.iter().any(begins)
        };
        let reason = REASONS
            .iter()
            .find(|(starts, of, _)| *of == peer && applies(starts));
        let Some((_, _, reason)) = reason else {
            return "–".to_owned();
        };
        let note = format!("{head} {reason}.");
        let number = notes
            .iter()
            .position(|known| *known == note)
            .unwrap_or_else(|| {
                notes.push(note);
                notes.len() - 1
            });
        format!("– ({})", number + 1)
    }

    fn best(&self, of: impl Fn(&Measure) -> f64) -> Option<f64> {
        let rivals = self.row.rivals.iter().filter_map(|peer| self.measure(peer));
        rivals.map(of).min_by(f64::total_cmp)
    }

    /// Ours to the best peer: of the medians, and of the minima; beyond the floor where that is judged.
    fn ratio(&self, of: impl Fn(&Measure) -> f64) -> Option<f64> {
        let floor = if matches!(self.row.goals, [Goal::AboveFloor(_)]) {
            of(self.measure(FLOOR)?)
        } else {
            0.0
        };
        let (ours, best) = (of(self.measure(self.row.ours)?), self.best(of)?);
        (best > floor).then_some((ours - floor) / (best - floor))
    }

    fn ratios(&self) -> String {
        match (self.ratio(|m| m.median), self.ratio(|m| m.min)) {
            (Some(medians), Some(minima)) => format!("{medians:.2} ({minima:.2})"),
            _ => "–".to_owned(),
        }
    }

    fn goals(&self) -> String {
        let goals: Vec<_> = self.row.goals.iter().map(|goal| words(*goal)).collect();
        if goals.is_empty() {
            "–".to_owned()
        } else {
            goals.join(", ")
        }
    }

    fn verdict(&self) -> &'static str {
        let met: Vec<_> = self
            .row
            .goals
            .iter()
            .map(|goal| self.is_met(*goal))
            .collect();
        if met.contains(&Some(false)) {
            MISSED
        } else if met.is_empty() || met.contains(&None) {
            "–"
        } else {
            "yes"
        }
    }

    fn is_met(&self, goal: Goal) -> Option<bool> {
        let ours = self.measure(self.row.ours)?;
        let at_most = |bound: f64, value: f64| Some(value <= bound);
        match goal {
            Goal::OfBest(share) => at_most(share * self.best(|m| m.median)?, ours.median),
            Goal::BeyondBest(more) => at_most(more + self.best(|m| m.median)?, ours.median),
            Goal::AboveFloor(share) => at_most(share, self.ratio(|m| m.median)?),
            Goal::Min(bound) => at_most(bound, ours.min),
            Goal::Median(bound) => at_most(bound, ours.median),
            Goal::Always(bound) => at_most(bound, ours.max),
            Goal::Exactly(value) => Some((ours.min..=ours.max) == (value..=value)),
            Goal::OfPrimitive(times) => {
                let primitive = self.summary.get("prims", "primitives", PRIMITIVE)?;
                at_most(times * primitive.median, ours.median)
            }
        }
    }

    /// Ours, and the fewest of a rival.
    fn instructions(&self) -> String {
        let count = |peer: &str| {
            let counted = self.summary.get(peer, self.row.scenario, "instructions");
            counted.map(|measure| measure.median)
        };
        let Some(ours) = count(self.row.ours).filter(|_| self.row.metric == "caller") else {
            return "–".to_owned();
        };
        let rivals = self.row.rivals.iter().filter_map(|peer| count(peer));
        let fewest = rivals.min_by(f64::total_cmp);
        fewest.map_or_else(
            || number(ours),
            |fewest| format!("{} ({})", number(ours), number(fewest)),
        )
    }
}

impl Line<'_> {
    /// The row's places, those that take most first; `None` where they were not counted.
    fn profile(&self) -> Option<String> {
        let Row { ours, scenario, .. } = self.row;
        let mut places = self.summary.beginning_with(AT, ours, scenario);
        places.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let all: f64 = places.iter().map(|(_, count)| count).sum();
        let named = places.iter().map(|(place, count)| (place, count / all));
        let named = named.take_while(|(_, share)| *share >= NAMED_SHARE);
        let named: Vec<_> = named
            .map(|(place, share)| format!("{place} {:.0} %", 100.0 * share))
            .collect();
        let title = self.row.title;
        (all > 0.0).then(|| format!("| {title} | {} | {} |\n", number(all), named.join(", ")))
    }
}

fn words(goal: Goal) -> String {
    match goal {
        Goal::OfBest(share) if share > 1.0 => format!("{share} × plain"),
        Goal::OfBest(share) => format!("1/{:.0} of the best", 1.0 / share),
        Goal::AboveFloor(share) => format!("1/{:.0} of the best above the Registry", 1.0 / share),
        Goal::BeyondBest(more) => format!("plain + {more}"),
        Goal::Min(bound) => format!("minimum {bound}"),
        Goal::Median(bound) | Goal::Always(bound) => format!("at most {bound}"),
        Goal::Exactly(value) => format!("exactly {value}"),
        Goal::OfPrimitive(times) => format!("{times} × record"),
    }
}

/// The median, and the minimum.
fn cell(measure: &Measure) -> String {
    format!("{} ({})", number(measure.median), number(measure.min))
}

fn number(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value.abs() < 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Samples;
    use super::*;

    fn table(samples: &[(&str, &str, &str, f64)]) -> String {
        let mut all = Samples::default();
        for (peer, scenario, metric, value) in samples {
            all.add(peer, scenario, metric, *value);
        }
        markdown(&all.summary())
    }

    #[test]
    fn a_row_is_judged_beside_the_best_rival() {
        let table = table(&[
            ("continuum", "S2", "caller", 50.0),
            ("otel", "S2", "caller", 300.0),
            ("fastrace", "S2", "caller", 200.0),
            ("tracing", "S2", "caller", 90.0),
            ("continuum", "S2", "instructions", 800.0),
            ("otel", "S2", "instructions", 3000.0),
        ]);
        assert_eq!(
            table.lines().nth(2),
            Some(
                "| S2 100 children with 3 attributes, ns per span | 1/3 of the best | yes | 0.25 (0.25) | 50 (50) | \
                 300 (300) | – | 200 (200) | 90 (90) | 800 (3000) |"
            )
        );
    }

    #[test]
    fn one_goal_that_is_missed_is_enough() {
        let samples = |ours| {
            [
                ("continuum", "attributes-16", "caller", ours),
                ("otel", "attributes-16", "caller", 900.0),
            ]
        };
        assert!(table(&samples(150.0)).contains("| yes |"));
        assert!(table(&samples(170.0)).contains("| **no** |"));
    }

    #[test]
    fn a_loss_in_any_sample_misses_the_goal_of_none() {
        let lost = |values: [f64; 2]| {
            table(&values.map(|value| ("continuum", "rate-50000", "lost_percent", value)))
        };
        assert!(lost([0.0, 0.0]).contains("| yes |"));
        assert!(lost([0.0, 0.1]).contains("| **no** |"));
    }

    #[test]
    fn a_goal_that_is_missed_shows_although_the_other_cannot_be_judged() {
        // No peer was measured, and 300 is above the other bound.
        let alone = [("continuum", "attributes-16", "caller", 300.0)];
        assert!(table(&alone).contains("| **no** |"));
    }

    #[test]
    fn a_peer_that_loses_nothing_is_not_beaten_by_a_loss() {
        let loss = |ours| {
            table(&[
                ("continuum", "axum", "loss", ours),
                ("otel", "axum", "loss", -0.2),
            ])
        };
        assert!(loss(0.1).contains("| **no** |"));
        assert!(loss(-0.3).contains("| yes |"));
    }

    #[test]
    fn a_span_that_is_counted_twice_misses_the_goal_as_well() {
        let uncounted =
            |values: [f64; 2]| table(&values.map(|n| ("continuum", "flat-out", "uncounted", n)));
        assert!(uncounted([0.0, 0.0]).contains("| yes |"));
        assert!(uncounted([0.0, -1.0]).contains("| **no** |"));
        assert!(uncounted([0.0, 1.0]).contains("| **no** |"));
    }

    #[test]
    fn what_stands_on_the_registry_is_judged_beyond_it() {
        let with = |ours| {
            table(&[
                ("continuum-tracing", "S1", "caller", ours),
                ("tracing-otel", "S1", "caller", 1000.0),
                ("tracing", "S1", "caller", 100.0),
            ])
        };
        assert!(
            with(400.0).contains("| yes | 0.33 (0.33) |"),
            "{}",
            with(400.0)
        );
        assert!(with(500.0).contains("| **no** | 0.44 (0.44) |"));
    }

    #[test]
    fn a_goal_that_is_missed_has_a_profile() {
        let with = |ours| {
            table(&[
                ("continuum", "S3", "caller", ours),
                ("continuum", "S3", "at span/start.rs", 60.0),
                ("continuum", "S3", "at libc", 139.0),
                ("continuum", "S3", "at std", 1.0),
                ("otel", "S3", "at elsewhere", 7.0),
            ])
        };
        let line = "| S3 sampled out, ns per span | 200 | libc 70 %, span/start.rs 30 % |\n";
        assert!(with(20.0).ends_with(line), "{}", with(20.0));
        assert!(!with(9.0).contains("libc"));
    }

    #[test]
    fn a_dash_has_a_note_that_says_why() {
        let table = table(&[
            ("continuum", "S5i", "caller", 90.0),
            ("otel", "S5i", "caller", 900.0),
        ]);
        assert!(table.contains("| – (2) |"), "{table}");
        assert!(
            table.ends_with(
                "\n2. fastrace has no baggage.\n3. tracing, bare has no propagation of its own.\n"
            ),
            "{table}"
        );
    }
}
