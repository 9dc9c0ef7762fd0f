//! Baggage: whose request it is, said once at the entry, is known to every span and service below.
//!
//! `cargo run --example baggage` prints, with times and the rest of the attributes:
//!
//! ```text
//! answer_question        tenant.id=user_123
//! └─ memory.recall       tenant.id=user_123
//!    └─ read_memories    tenant.id=user_123 memory.count=2
//! ```
//!
//! What to look at: nobody passes the tenant on. [`set_baggage`] acts in the nearest scope, and is gone
//! with it. Every service on the way can read baggage, so that secrets have no place there.

use std::collections::HashMap;

use anyhow::Result;
use continuum_observability::layers::memory::trace_recall;
use continuum_observability::{
    Telemetry, TelemetryBuilder, get_baggage, get_tracer, inject_trace_context, set_baggage,
    with_trace_context,
};

const TENANT: &str = "tenant.id";

type Headers = HashMap<String, String>;

fn main() -> Result<()> {
    let _telemetry = telemetry().init()?;
    answer("user_123");
    Ok(())
}

/// Each span that starts with this baggage has it as an attribute too.
fn telemetry() -> TelemetryBuilder {
    Telemetry::builder().baggage_attributes([TENANT])
}

fn answer(tenant_id: &str) -> usize {
    get_tracer("assistant").in_scope("answer_question", |span| {
        span.tenant_id(tenant_id); // It has started already.
        set_baggage(TENANT, tenant_id);
        recall("what did we decide?")
    })
}

/// Asks another service, to which the headers of the request bring trace and baggage.
fn recall(question: &str) -> usize {
    trace_recall(question).in_scope(|_| {
        let mut headers = Headers::new();
        inject_trace_context(&mut headers);
        read_memories(&headers)
    })
}

/// The other service: it knows only what is in the headers.
fn read_memories(headers: &Headers) -> usize {
    with_trace_context(headers, || {
        get_tracer("store").in_scope("read_memories", |span| {
            let count = match get_baggage(TENANT).as_deref() {
                Some("user_123") => 2,
                _ => 0,
            };
            span.set_attribute("memory.count", count);
            count
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    #[test]
    fn the_tenant_is_known_below_the_entry_and_forgotten_after_it() {
        let recorder = TestRecorder::of(telemetry());
        recorder.run(|| {
            assert_eq!(answer("user_123"), 2);
            assert_eq!(get_baggage(TENANT), None);
        });
        assert_eq!(
            recorder.tree(),
            "answer_question tenant.id=user_123\n  \
             memory.recall memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=19 memory.max_concepts=10 \
             tenant.id=user_123\n    \
             read_memories tenant.id=user_123 memory.count=2\n"
        );
        assert_no_findings(&recorder);
    }
}
