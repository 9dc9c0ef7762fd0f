//! Distributed tracing for AI-memory systems: see what your agent's memory did.
//!
//! A span is encoded once, by the code that it describes, into the bytes that leave the process.
//!
//! ```
//! use continuum_observability::{get_tracer, testing::TestRecorder};
//!
//! let recorder = TestRecorder::new();
//! recorder.run(|| {
//!     get_tracer("assistant").in_scope("answer_question", |span| {
//!         span.set_attribute("question.length", 42);
//!     });
//! });
//! assert_eq!(recorder.tree(), "answer_question question.length=42\n");
//! ```
//!
//! The modules follow the life of a span: `config`, `context`, `propagation`, `sampling`, `span`,
//! `recorder`, `export`, then [`layers`] and `interop` on top; [`semconv`] has the names of attributes.

mod config;
mod context;
mod diagnostics;
mod export;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(
    feature = "async_nats_0_51",
    feature = "opentelemetry_0_33",
    feature = "redis_1",
    feature = "rusqlite_0_41",
    feature = "tracing"
))]
pub mod interop;
pub mod layers;
pub mod lint;
#[cfg(any(feature = "log_0_4", feature = "tracing"))]
pub mod logs;
#[cfg(feature = "metrics")]
mod metrics;
pub mod propagation;
mod recorder;
mod sampling;
pub mod semconv;
mod span;
mod stderr;
pub mod testing;

pub use config::*;
pub use context::*;
pub use diagnostics::DiagnosticLevel;
pub use export::*;
#[cfg(feature = "metrics")]
pub use metrics::SpanMetrics;
pub use propagation::{
    Carrier, Extractor, Injector, PropagationFormat, Propagator, create_carrier_from_span,
    extract_from_environment, extract_trace_context, get_traceparent, get_tracestate,
    inject_context, inject_trace_context, link_spans, with_trace_context,
};
#[cfg(feature = "serde")]
pub use propagation::{extract_context_from_dict, propagate_context_to_dict};
pub use recorder::Stats;
pub use sampling::*;
pub use span::*;

#[cfg(feature = "macros")]
pub use continuum_observability_macros::{span, trace_function};

/// What `span!` and `#[trace_function]` expand to. Not for use by hand: it changes without notice.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::span::{Span, SpanKind, Value, traced::*};
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ReadmeIsTested;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/reliability.md")]
struct ReliabilityIsTested;
