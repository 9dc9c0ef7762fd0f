//! The HTTP API of the memory service.
//!
//! Position: network → `server` → `drain` → trace layer → `log` → `caller` (who asks) → `body` (what is
//! asked) → `route` → `continuum-memory`. What goes wrong on the way is a `problem`; `service` is what all
//! requests share. `metrics` answers on an address of its own.
//!
//! Invariants:
//! - the tenant comes from the key and from nowhere else; another node may name only tenants that its key
//!   opens;
//! - work on the store runs on blocking threads, inside the span of its request;
//! - every answer names its trace.

mod body;
mod caller;
mod drain;
mod log;
mod metrics;
mod misfit;
mod problem;
mod route;
mod server;
mod service;

pub use metrics::MetricsServer;
pub use route::{Access, Route, router, routes};
pub use server::Server;
pub use service::Service;
