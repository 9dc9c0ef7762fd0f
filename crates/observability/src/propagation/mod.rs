//! Context across process boundaries: ids and baggage into the headers of a message and out again.
//!
//! Position: a client or producer injects the current `context` into a [`carrier`]; a server or
//! consumer extracts it and makes it the parent of its first span.
//!
//! Invariants:
//! - whatever a carrier holds, reading it never panics and never yields an invalid context;
//! - what was injected is extracted unchanged;
//! - nothing is injected for an invalid context or an empty baggage.
//!
//! Source: W3C Trace Context level 2; W3C Baggage; OpenTelemetry specification, Propagators API.

pub mod baggage;
pub mod carrier;
mod current;
pub mod trace_context;

pub use carrier::{Extractor, Injector};
pub use current::{extract_trace_context, get_traceparent, inject_context, inject_trace_context};
