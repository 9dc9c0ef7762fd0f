//! The native half of the Python package `continuum.observability`.
//!
//! Position: Python calls it, it calls the recorder; the public functions, with their documentation,
//! are in `python/continuum/observability/`.
//!
//! Invariants:
//! - telemetry never raises into the program: what cannot be recorded is left out; the exception is
//!   set-up, which raises `ValueError` for settings that cannot be used;
//! - the current context is the one of `opentelemetry-api`, never the recorder's own stack;
//! - whatever may wait, waits without the interpreter's lock.

#![expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands arguments over by value"
)]
#![expect(
    clippy::doc_markdown,
    reason = "docstrings of Python name arguments as they are"
)]

mod context;
mod exception;
mod layer;
mod meter;
mod opentelemetry;
mod propagation;
mod raised;
mod request;
mod sampler;
mod scope;
mod snapshot;
mod span;
mod state;
mod telemetry;
mod tracer;
mod value;
mod work;

/// The recorder for Python.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::{
        layer::{
            record_cache_outcome, scrub_query_plan, trace_cache_operation,
            trace_concept_extraction, trace_consensus_operation, trace_embedding_generation,
            trace_graph_traversal, trace_learn, trace_peer_communication, trace_pipeline,
            trace_query, trace_recall, trace_sync_operation, trace_transaction,
        },
        meter::{measurements, set_measuring, set_observer},
        opentelemetry::install,
        propagation::{current_ids, current_span, extract, inject, propagated_fields, set_baggage},
        request::describe_request,
        sampler::PySampler,
        scope::Scope,
        span::PySpan,
        telemetry::{
            force_flush, force_sampling, init, is_active, set_sampler, set_sampling_rate, shutdown,
            stats,
        },
        tracer::PyTracer,
    };
}
