//! The `opentelemetry` API, release 0.33: its spans are recorded here and share one context with
//! the native ones.
//!
//! Position: `tracer` starts spans for API code, `span` describes them, `bridge` keeps the two
//! context stacks of a thread in step, `live` finds the native side of an API span, `baggage` has one for
//! both; `propagator` writes contexts for API code, `metrics` reports what becomes of spans
//! by the names of `component`, `span_metrics` what is measured of them.
//!
//! Invariant: with the bridge installed, each native scope has a mirror on the API's stack and each
//! API context a scope on the native stack; the mirrors make the API see native spans, the scopes
//! make the native side see the API's.

mod baggage;
mod bridge;
mod component;
mod convert;
mod live;
mod metrics;
mod propagator;
mod span;
#[cfg(feature = "metrics")]
mod span_metrics;
mod tracer;

pub use bridge::{InstallError, install};
pub use metrics::register_self_metrics;
pub use propagator::ContinuumPropagator;
pub use span::ContinuumSpan;
#[cfg(feature = "metrics")]
pub use span_metrics::register_span_metrics;
pub use tracer::{ContinuumTracer, ContinuumTracerProvider};

pub(crate) use bridge::{Mirror, is_mirroring, mirror};
