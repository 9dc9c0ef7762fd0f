//! Builds the programs of benchmarks/rust-peers and runs them in turns.
//!
//! Position: `plan` → **drive** → `samples`.
//!
//! Invariants:
//! - a round does every scenario with every peer; who comes first changes from round to round;
//! - a program that fails or hangs costs its own sample only, and a line says so.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::count::Counter;
use super::plan::{Program, Scenario};
use super::samples::{Samples, Summary};
use crate::metadata::Metadata;
use crate::process;
use crate::workspace::Workspace;

const FOLDER: &str = "benchmarks/rust-peers";

/// More than any program takes.
const PATIENCE: Duration = Duration::from_mins(3);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    is_quick: bool,
    rounds: usize,
}

impl Effort {
    pub(super) fn new(is_quick: bool, rounds: Option<usize>) -> Self {
        let rounds = rounds.unwrap_or(if is_quick { 2 } else { 5 });
        Self { is_quick, rounds }
    }

    /// Deliveries take seconds each and hardly differ.
    fn takes_part(self, round: usize, scenario: &Scenario) -> bool {
        let is_delivery = matches!(scenario.program, Program::Delivery { .. });
        !is_delivery || round < if self.is_quick { 1 } else { 3 }
    }

    /// So many that the time to start does not count.
    fn spans(self, rate: Option<u64>) -> u64 {
        let flat_out = if self.is_quick { 200_000 } else { 1_000_000 };
        rate.map_or(flat_out, |rate| (rate * 3).min(flat_out))
    }
}

/// Measures everything and gives the medians.
pub(super) fn measure(
    workspace: &Workspace,
    scenarios: &[&Scenario],
    effort: Effort,
) -> Result<Summary> {
    let mut bench = Bench {
        programs: build(&workspace.root().join(FOLDER))?,
        effort,
        samples: Samples::default(),
    };
    let sink = Sink::start(&bench.programs)?;
    for round in 0..effort.rounds {
        bench.primitives();
        for (number, scenario) in scenarios.iter().enumerate() {
            if effort.takes_part(round, scenario) {
                eprintln!(
                    "round {} of {}: {}",
                    round + 1,
                    effort.rounds,
                    scenario.name
                );
                bench.scenario(scenario, round + number, &sink);
            }
        }
    }
    let counter = Counter {
        programs: &bench.programs,
        ports: &sink.ports,
        is_quick: effort.is_quick,
    };
    counter.count(scenarios, &mut bench.samples);
    Ok(bench.samples.summary())
}

/// Builds twice: what the bridge to `opentelemetry` needs changes what that API's own SDK is made of.
fn build(folder: &Path) -> Result<PathBuf> {
    let build = |arguments: &[&str]| {
        let mut cargo = process::cargo(folder);
        process::run(cargo.args(["build", "--release"]).args(arguments))
    };
    build(&["--features", "continuum", "--bins"])?;
    let bridged = ["--bin", "bridged", "--bin", "bridged-allocs"];
    build(&[&["--features", "bridges"], &bridged[..]].concat())?;
    let mut metadata = process::cargo(folder);
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Metadata = serde_json::from_str(&process::output(&mut metadata)?)?;
    Ok(metadata.target_directory.join("release"))
}

struct Bench {
    programs: PathBuf,
    effort: Effort,
    samples: Samples,
}

impl Bench {
    fn program(&self, name: &str) -> Command {
        process::program(self.programs.join(name), &self.programs)
    }

    fn primitives(&mut self) {
        let mut prims = self.program("prims");
        self.run(&mut prims, "prims", "primitives");
    }

    /// Every peer once, beginning with another one each time.
    fn scenario(&mut self, scenario: &Scenario, turn: usize, sink: &Sink) {
        let mut peers = scenario.peers.to_vec();
        let first = turn % peers.len().max(1);
        peers.rotate_left(first);
        for peer in peers {
            let mut program = self.program(scenario.program.name(peer));
            program.arg(peer);
            match scenario.program {
                Program::Hot => {
                    program.arg(scenario.name);
                    program.args(self.effort.is_quick.then_some("quick"));
                }
                Program::Allocations => {
                    program.arg("S1");
                }
                Program::Delivery { settings, rate } => {
                    let spans = self.effort.spans(rate).to_string();
                    program.args(["http", settings, &spans, &sink.ports[0], &sink.ports[1]]);
                }
            }
            self.run(&mut program, peer, scenario.name);
        }
    }

    /// Adds what the program prints; whatever it calls its scenario, here it is `scenario`.
    fn run(&mut self, program: &mut Command, peer: &str, scenario: &str) {
        match printed(program) {
            Ok(lines) => {
                for line in lines.lines() {
                    if let [_, _, metric, value] = line.split('\t').collect::<Vec<_>>()[..]
                        && let Ok(value) = value.parse()
                    {
                        self.samples.add(peer, scenario, metric, value);
                    }
                }
            }
            Err(error) => eprintln!("left out: {peer} {scenario}: {error:#}"),
        }
    }
}

/// Standard output of a program that ends in time.
fn printed(program: &mut Command) -> Result<String> {
    let mut child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // All of them print less than a pipe holds.
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("did not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut said)?;
    }
    if !status.success() {
        bail!("{status}");
    }
    Ok(said)
}

/// The receiver of all deliveries.
struct Sink {
    child: Child,
    /// OTLP over HTTP, over gRPC.
    ports: [String; 2],
}

impl Sink {
    fn start(programs: &Path) -> Result<Self> {
        let mut sink = process::program(programs.join("sink"), programs);
        let mut child = sink
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the sink")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the sink has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let mut words = line.split_whitespace().map(ToOwned::to_owned);
        let (Some(http), Some(grpc)) = (words.next(), words.next()) else {
            bail!("the sink did not say its ports: {line}");
        };
        Ok(Self {
            child,
            ports: [http, grpc],
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
