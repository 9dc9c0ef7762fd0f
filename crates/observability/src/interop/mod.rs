//! Other tracing interfaces on this recorder, in any nesting with the native one, and spans for libraries
//! that have none of their own.
//!
//! Position: on top of `span`, `context` and `layers`; nothing below knows of it but the scopes of the context
//! stack, which have a counterpart in the `opentelemetry` API while its bridge is installed.
//!
//! Invariant: the native stack is the truth for contextual parents; whatever becomes current through
//! another interface becomes a scope of that stack.

#[cfg(feature = "async_nats_0_51")]
pub mod async_nats_0_51;
#[cfg(feature = "opentelemetry_0_33")]
pub mod opentelemetry_0_33;
#[cfg(feature = "opentelemetry_sdk_0_33")]
pub mod opentelemetry_sdk_0_33;
#[cfg(feature = "redis_1")]
pub mod redis_1;
#[cfg(feature = "rusqlite_0_41")]
pub mod rusqlite_0_41;
#[cfg(feature = "tracing")]
pub mod tracing;

#[cfg(any(feature = "opentelemetry_0_33", feature = "tracing"))]
mod sharded;
