//! The `opentelemetry` API, `tracing` and native spans in one process: every parent is right.
//!
//! A test binary of its own, since it installs the global tracer provider and subscriber.

mod api_span;
mod async_nesting;
mod guards;
mod layer;
mod misuse;
mod sync_nesting;
mod world;
