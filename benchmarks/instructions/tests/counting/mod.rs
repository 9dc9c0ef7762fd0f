//! Counts by Callgrind, and what they are held to.
//!
//! Flow: a test names a program of this package and its scenarios; each runs twice, and what a round more
//! costs is the difference between the two.
//!
//! Invariant: the numbers are those of one compiler, processor and profile; elsewhere nothing is compared,
//! and one line says so.

use std::process::Command;

const COMPILER: &str = "rustc 1.95.0";

/// How far a count may be from the number that is written down.
pub(crate) const TOLERANCE_PERCENT: u64 = 5;

/// Inside of `measured` and what it calls.
const OF_THE_CALLER: &[&str] = &["--toggle-collect=*measured*"];

/// Rounds of the shorter run.
const ROUNDS: u64 = 20;

/// What is counted.
pub(crate) struct Cost {
    pub(crate) scenario: &'static str,
    /// Spans, or calls, of one round.
    pub(crate) spans: u64,
    /// Instructions of the traced thread for each of them.
    pub(crate) instructions: u64,
}

pub(crate) const fn cost(scenario: &'static str, spans: u64, instructions: u64) -> Cost {
    Cost {
        scenario,
        spans,
        instructions,
    }
}

/// Counts what `program` costs in each scenario, and fails where that is not what is written down.
pub(crate) fn hold(program: &str, costs: &[Cost]) {
    if let Some(reason) = what_differs() {
        return eprintln!("skipped: instructions are not compared, {reason}");
    }
    let mut wrong = Vec::new();
    for cost in costs {
        let counted = instructions_per_span(program, cost);
        eprintln!(
            "{:26} {counted} (written down: {})",
            cost.scenario, cost.instructions
        );
        if counted.abs_diff(cost.instructions) * 100 > cost.instructions * TOLERANCE_PERCENT {
            wrong.push(cost.scenario);
        }
    }
    assert!(
        wrong.is_empty(),
        "over {TOLERANCE_PERCENT} % from what is written down: {}. Find out why; then write down \
         the new number, if it is as it should be.",
        wrong.join(", ")
    );
}

/// Why the numbers do not hold here, if so.
pub(crate) fn what_differs() -> Option<String> {
    if !is_x86_feature_detected!("avx2") {
        return Some("the processor has no AVX2".to_owned());
    }
    let compiler = said(Command::new("rustc").arg("--version"));
    if !compiler
        .as_ref()
        .is_some_and(|said| said.starts_with(COMPILER))
    {
        return Some(format!("the compiler is not {COMPILER}"));
    }
    let valgrind = said(Command::new("valgrind").arg("--version"));
    valgrind.is_none().then(|| "valgrind is missing".to_owned())
}

fn said(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

pub(crate) fn instructions_per_span(program: &str, cost: &Cost) -> u64 {
    let [short, long] = [ROUNDS, 3 * ROUNDS].map(|factor| {
        let rounds = if cost.spans > 10 {
            factor
        } else {
            100 * factor
        };
        let counted = instructions(OF_THE_CALLER, program, cost.scenario, rounds);
        (rounds, counted)
    });
    (long.1 - short.1) / ((long.0 - short.0) * cost.spans)
}

/// Instructions of a run: of all threads, unless the options of Callgrind say of what.
pub(crate) fn instructions(options: &[&str], program: &str, scenario: &str, rounds: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.args(options);
    valgrind.args([program, scenario]);
    let output = valgrind.arg(rounds.to_string()).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let Some((_, collected)) = collected.filter(|_| output.status.success()) else {
        panic!("valgrind said: {report}");
    };
    collected.trim().parse().unwrap()
}
