//! What a span costs in instructions, which unlike time is the same at every run.
//!
//! The numbers are those of one compiler, processor and profile: elsewhere, in the profile `dev`,
//! and without Valgrind, nothing is compared and one line says so. `cargo xtask test` runs this in
//! the profile `instructions`.
#![cfg(all(not(debug_assertions), target_arch = "x86_64", target_os = "linux"))]

use std::process::Command;

const COMPILER: &str = "rustc 1.95.0";

/// How far a count may be from the number that is written down.
const TOLERANCE_PERCENT: u64 = 5;

/// Rounds of the shorter run.
const ROUNDS: u64 = 20;

/// What is counted.
struct Cost {
    scenario: &'static str,
    /// Spans, or calls, of one round.
    spans: u64,
    /// Instructions of the traced thread for each of them.
    instructions: u64,
}

const COSTS: [Cost; 10] = [
    cost("root_and_child", 2, 1246),
    cost("tail", 2, 1280),
    cost("flight_recorder", 2, 1278),
    cost("hundred_children", 101, 1351),
    cost("sampled_out", 2, 331),
    cost("not_installed", 2, 55),
    cost("hundred_calls", 101, 1522),
    cost("hundred_traced", 101, 1202),
    cost("sixteen_attributes", 1, 4065),
    cost("three_events", 1, 3125),
];

const fn cost(scenario: &'static str, spans: u64, instructions: u64) -> Cost {
    Cost {
        scenario,
        spans,
        instructions,
    }
}

#[test]
fn spans_cost_as_many_instructions_as_are_written_down() {
    if let Some(reason) = what_differs() {
        return eprintln!("skipped: instructions are not compared, {reason}");
    }
    let mut wrong = Vec::new();
    for cost in &COSTS {
        let counted = instructions_per_span(cost);
        eprintln!(
            "{:20} {counted} (written down: {})",
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

#[test]
fn a_backend_at_fault_costs_the_traced_thread_nothing() {
    if let Some(reason) = what_differs() {
        return eprintln!("skipped: instructions are not compared, {reason}");
    }
    let count = |scenario| instructions_per_span(&cost(scenario, 2, 0));
    let sound = count("root_and_child");
    for fault in ["refused", "stuck", "full"] {
        let counted = count(fault);
        eprintln!("{fault:20} {counted} (of a sound backend: {sound})");
        assert!(
            counted * 100 <= sound * (100 + TOLERANCE_PERCENT),
            "{fault}"
        );
    }
}

/// Why the numbers do not hold here, if so.
fn what_differs() -> Option<String> {
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

fn instructions_per_span(cost: &Cost) -> u64 {
    let [short, long] = [ROUNDS, 3 * ROUNDS].map(|factor| {
        let rounds = if cost.spans > 10 {
            factor
        } else {
            100 * factor
        };
        (rounds, instructions(cost.scenario, rounds))
    });
    (long.1 - short.1) / ((long.0 - short.0) * cost.spans)
}

/// Instructions inside of `measured` and what it calls.
fn instructions(scenario: &str, rounds: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg("--toggle-collect=*measured*");
    valgrind.args([env!("CARGO_BIN_EXE_continuum-instructions"), scenario]);
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
