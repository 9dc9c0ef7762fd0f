//! The `opentelemetry` API, `tracing` and native spans in one process: every parent is right.
//!
//! A test binary of its own, since it installs the global tracer provider and subscriber.
#![allow(
    clippy::unwrap_used,
    clippy::mem_forget,
    clippy::cognitive_complexity,
    reason = "a test fails by panicking; forgotten guards are what some of them are about; the macros \
              of tracing are complex"
)]

mod api_baggage;
mod api_behaviour;
mod api_span;
mod async_nesting;
mod guards;
mod installation;
mod layer;
mod layer_around;
mod layer_conventions;
mod layer_metrics;
mod layer_parents;
mod layer_rules;
mod misuse;
mod sync_nesting;
mod world;
