//! The pages of this folder as documentation tests.
//!
//! Position: `build.rs` makes a whole program of every Rust block of a page; here they are run.
//!
//! Invariants: a page is listed once, and each of its Rust blocks is a test; no block shows a `mut` or an import that
//! it does not need.

#![doc(test(attr(deny(unused_mut, unused_imports))))]

/// The tracing guide.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/tracing-guide.md"))]
struct TracingGuide;

/// The same, beside the names that a Python developer knows.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/from-python.md"))]
struct FromPython;

/// Log records that know their trace, and metrics.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/logs-and-metrics.md"))]
struct LogsAndMetrics;

/// From other libraries.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/migrating.md"))]
struct Migrating;

/// Which traces are kept.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/sampling.md"))]
struct Sampling;
