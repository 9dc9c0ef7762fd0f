//! Ready-made spans for the layers of a memory system, named after the tracing guide.
//!
//! Position: on top of `span`; thin tables over one mechanism, the private `LayerSpan`.
//!
//! Every helper can be used in four forms: `run` for async code that returns a `Result`, `run_sync`
//! for synchronous code that does, `in_scope` for a closure that returns anything, and
//! `start_as_current` for a guard. The first two record an `Err` and set OK otherwise.

#[cfg(feature = "tower")]
pub mod api;
pub mod cache;
pub mod database;
pub mod memory;
mod span;
