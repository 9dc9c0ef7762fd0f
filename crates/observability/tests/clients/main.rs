//! Libraries without spans of their own, in spans: against the real thing each.
//!
//! `SQLite` runs in the test; Redis comes from the machine, where `cargo xtask test` brings it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod redis;
mod rusqlite;
mod server;
