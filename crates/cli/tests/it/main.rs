//! The program from outside: its HTTP API, its traces, its command line.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod command_line;
mod conventions;
mod demo;
mod doctor;
mod federation;
mod guide;
mod lint;
mod live;
#[cfg(unix)]
mod metrics;
#[cfg(unix)]
mod nodes;
mod outbox;
mod receiver;
mod refusals;
mod requests;
mod run;
#[cfg(unix)]
mod serving;
mod shutdown;
mod tenants;
#[cfg(target_os = "linux")]
mod terminal;
mod trace;
mod traces;
