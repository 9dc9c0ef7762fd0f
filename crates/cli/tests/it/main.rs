//! The program from outside: its HTTP API, its traces, its command line.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod command_line;
mod demo;
mod lint;
mod live;
mod refusals;
mod requests;
mod shutdown;
mod tenants;
mod traces;
