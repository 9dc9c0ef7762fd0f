//! Context across process boundaries: ids and baggage into the headers of a message and out again.
//!
//! Position: a client or producer injects the current `context` into a [`carrier`]; a server or
//! consumer extracts it and makes it the parent of its first span.
//!
//! Invariants:
//! - whatever a carrier holds, reading it never panics and never yields an invalid context;
//! - what was injected is extracted unchanged;
//! - nothing is injected for an invalid context or an empty baggage, and what another context left in
//!   the carrier is taken away.
//!
//! Each format is a module with what it reads and writes; [`Propagators`] is the list of those in
//! use.
//!
//! Source: W3C Trace Context level 2; W3C Baggage; OpenTelemetry specification, Propagators API.

pub mod b3;
pub mod baggage;
pub mod carrier;
mod current;
mod format;
pub mod jaeger;
mod losses;
#[cfg(feature = "serde")]
mod message;
pub(crate) mod percent;
mod propagators;
#[cfg(all(test, feature = "http_1", feature = "serde"))]
mod properties;
pub mod trace_context;
pub mod xray;

pub use carrier::{Carrier, Extractor, Injector};
pub use current::{
    create_carrier_from_span, extract_from_environment, extract_trace_context, get_traceparent,
    get_tracestate, inject_context, inject_trace_context, link_spans, with_trace_context,
};
pub use format::{PropagationFormat, Propagator};
pub use losses::{BaggageLosses, baggage_losses};
#[cfg(feature = "serde")]
pub use message::{JsonMessage, extract_context_from_dict, propagate_context_to_dict};
pub use propagators::Propagators;
