//! Counts instructions with Callgrind, and for our own recorder where they go.
//!
//! Position: the last step of `drive`; `profile` reads what Callgrind writes.
//!
//! Invariant: the counts do not depend on the speed of the machine, so that each is taken once.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::plan::{Program, Scenario};
use super::profile;
use super::samples::Samples;
use crate::process;

/// What the names of metrics begin with that say where instructions go.
pub(super) const AT: &str = "at ";

/// Spans that are delivered for a profile.
const DELIVERED: &str = "40000";

/// The programs, and where the receiver of deliveries listens.
pub(super) struct Counter<'a> {
    pub(super) programs: &'a Path,
    pub(super) ports: &'a [String; 2],
    /// Ours alone.
    pub(super) is_quick: bool,
}

impl Counter<'_> {
    /// Every peer once where one thread does the work; where more do, ours for its profile.
    pub(super) fn count(&self, scenarios: &[&Scenario], samples: &mut Samples) {
        let mut probe = process::program("valgrind", self.programs);
        if !process::succeeds(probe.arg("--version")) {
            return eprintln!("instructions are not counted: valgrind is missing");
        }
        for scenario in scenarios.iter().filter(|scenario| scenario.is_profiled()) {
            eprintln!("instructions: {}", scenario.name);
            let is_of_one_thread = scenario.counts_instructions();
            let is_asked = |peer: &&&str| is_ours(peer) || is_of_one_thread && !self.is_quick;
            for peer in scenario.peers.iter().filter(is_asked) {
                if let Err(error) = self.peer(scenario, peer, samples) {
                    eprintln!("not counted: {peer} {}: {error:#}", scenario.name);
                }
            }
        }
    }

    fn peer(&self, scenario: &Scenario, peer: &str, samples: &mut Samples) -> Result<()> {
        let file = self.programs.join("callgrind.out");
        let mut valgrind = process::program("valgrind", self.programs);
        valgrind.arg("--tool=callgrind");
        valgrind.arg(format!("--callgrind-out-file={}", file.display()));
        if scenario.counts_instructions() {
            valgrind.arg("--toggle-collect=*hot*measured*");
        }
        valgrind.arg(self.programs.join(scenario.program.name(peer)));
        valgrind.arg(peer);
        match scenario.program {
            Program::Delivery { settings, .. } => {
                valgrind.args(["http", settings, DELIVERED, &self.ports[0], &self.ports[1]]);
            }
            _ => {
                valgrind.args([scenario.name, "instructions"]);
            }
        }
        let output = valgrind.output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let Some(operations) = operations(scenario, &said)? else {
            return Ok(());
        };
        let places = profile::by_place(&fs::read_to_string(&file)?);
        let all: u64 = places.values().sum();
        let per_operation = |count: u64| count as f64 / operations;
        if scenario.counts_instructions() {
            samples.add(peer, scenario.name, "instructions", per_operation(all));
        }
        if is_ours(peer) {
            for (place, count) in places {
                let metric = format!("{AT}{place}");
                samples.add(peer, scenario.name, &metric, per_operation(count));
            }
        }
        Ok(())
    }
}

fn is_ours(peer: &str) -> bool {
    peer.starts_with("continuum")
}

/// For how many operations the program has worked; `None` if the peer cannot.
fn operations(scenario: &Scenario, said: &str) -> Result<Option<f64>> {
    if matches!(scenario.program, Program::Delivery { .. }) {
        return Ok(Some(DELIVERED.parse()?));
    }
    let last = said.trim().rsplit('\t').next();
    match last.filter(|word| !word.is_empty()) {
        Some(word) => Ok(Some(word.parse().context(said.trim().to_owned())?)),
        None => Ok(None),
    }
}
