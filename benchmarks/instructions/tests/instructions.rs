//! What a span costs in instructions, which unlike time is the same at every run.
//!
//! `cargo xtask test` runs this in the profile `instructions`.
#![cfg(all(not(debug_assertions), target_arch = "x86_64", target_os = "linux"))]

mod counting;

use counting::{
    Cost, TOLERANCE_PERCENT, cost, hold, instructions, instructions_per_span, what_differs,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_continuum-instructions");

/// What a span may cost on all threads where its trace is decided at the tail, if it is 100 without.
const TAIL_PERCENT: u64 = 130;

const COSTS: [Cost; 21] = [
    cost("root_and_child", 2, 1178),
    cost("tail", 2, 1192),
    cost("flight_recorder", 2, 1182),
    cost("hundred_children", 101, 1276),
    cost("sampled_out", 2, 278),
    cost("not_installed", 2, 53),
    cost("hundred_calls", 101, 1515),
    cost("hundred_traced", 101, 1231),
    cost("sixteen_attributes", 1, 3605),
    cost("root_and_child_by_macro", 2, 1120),
    cost("sixteen_attributes_by_macro", 1, 2446),
    cost("three_events", 1, 2817),
    cost("measured", 1, 4153),
    cost("measured_out", 1, 3766),
    cost("hundred_recalls", 101, 2284),
    cost("hundred_queries", 101, 3497),
    cost("hundred_cache_operations", 101, 3942),
    cost("hundred_http_calls", 101, 4684),
    cost("inject", 1, 3206),
    cost("extract", 1, 2498),
    cost("http_request", 1, 8032),
];

#[test]
fn spans_cost_as_many_instructions_as_are_written_down() {
    hold(PROGRAM, &COSTS);
}

#[test]
fn a_backend_at_fault_costs_the_traced_thread_nothing() {
    if let Some(reason) = what_differs() {
        return eprintln!("skipped: instructions are not compared, {reason}");
    }
    let count = |scenario| instructions_per_span(PROGRAM, &cost(scenario, 2, 0));
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

#[test]
fn decisions_at_the_tail_cost_little_beside_all_that_is_done_for_a_span() {
    if let Some(reason) = what_differs() {
        return eprintln!("skipped: instructions are not compared, {reason}");
    }
    // When the export thread gets its turn is up to the system: it only adds to the least.
    let least = |scenario, rounds| {
        let counted =
            (0..3).map(|_| instructions(&["--fair-sched=yes"], PROGRAM, scenario, rounds));
        counted.min().unwrap()
    };
    // Two spans a round, and enough rounds for several requests.
    let count = |scenario| (least(scenario, 11_000) - least(scenario, 1_000)) / 20_000;
    let (plain, tail) = (count("root_and_child"), count("tail"));
    eprintln!("all threads: {tail} with decisions at the tail, {plain} without");
    assert!(tail * 100 <= plain * TAIL_PERCENT, "{tail} beside {plain}");
}
