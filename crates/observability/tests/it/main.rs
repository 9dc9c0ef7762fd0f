//! The behaviour of the SDK as its users see it, in one binary.
//!
//! Each test has a recorder of its own, so they run in parallel and see only their own spans.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accounts;
mod attribute_types;
mod context_baggage;
mod context_cancellation;
mod context_futures;
mod context_guards;
mod context_panics;
mod context_sampling;
mod context_spawn;
mod context_streams;
mod exceptions;
mod executors;
mod flight_recorder;
mod hooks;
mod layer_forms;
mod layer_names;
mod propagation;
mod recorder_threads;
mod snapshot;
mod tail;
mod w3c_trace_context;
