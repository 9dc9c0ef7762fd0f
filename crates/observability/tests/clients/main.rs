//! Libraries without spans of their own, in spans: against the real thing each.
//!
//! `SQLite` runs in the test; Redis and NATS come from the machine, where `cargo xtask test` brings it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod nats;
mod redis;
mod rusqlite;
mod server;
