//! What a span costs that is made through the API of `tracing` or `opentelemetry`, in instructions.
//!
//! `cargo xtask test` runs this in the profile `instructions`, with the feature `bridges`. The rows of
//! `registry` are the work of `tracing-subscriber` itself, without our layer.
#![cfg(all(not(debug_assertions), target_arch = "x86_64", target_os = "linux"))]

mod counting;

use counting::{Cost, cost, hold};

const PROGRAM: &str = env!("CARGO_BIN_EXE_continuum-instructions-bridges");

const COSTS: [Cost; 17] = [
    cost("registry.root_and_child", 2, 971),
    cost("registry.hundred_children", 101, 1188),
    cost("registry.hundred_calls", 101, 1562),
    cost("registry.sixteen_attributes", 1, 600),
    cost("registry.three_events", 1, 927),
    cost("registry.client_span", 1, 751),
    cost("layer.root_and_child", 2, 2998),
    cost("layer.hundred_children", 101, 3482),
    cost("layer.hundred_calls", 101, 4106),
    cost("layer.sixteen_attributes", 1, 4160),
    cost("layer.three_events", 1, 7929),
    cost("layer.client_span", 1, 3588),
    cost("layer.sampled_out", 2, 2139),
    cost("api.root_and_child", 2, 2631),
    cost("api.hundred_children", 101, 1912),
    cost("api.hundred_calls", 101, 3837),
    cost("bridged.root_and_child", 2, 2261),
];

#[test]
fn spans_through_other_interfaces_cost_as_many_instructions_as_are_written_down() {
    hold(PROGRAM, &COSTS);
}
