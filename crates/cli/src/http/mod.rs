//! The HTTP API of the memory service.
//!
//! Position: network → `server` → `drain` → trace layer → `caller` (who asks) → `body` (what is asked) →
//! `route` → `continuum-memory`. What goes wrong on the way is a `problem`.
//!
//! Invariants:
//! - the tenant comes from the key and from nowhere else;
//! - work on the store runs on blocking threads, inside the span of its request;
//! - every answer names its trace.

mod body;
mod caller;
mod drain;
mod problem;
mod route;
mod server;

pub use route::{Service, router};
pub use server::Server;
