//! Short tasks that a request starts and does not wait for.
//!
//! Position: `http` starts them after the answer is known.
//!
//! Invariants:
//! - a task continues the trace of its request, which travels in a carrier as it would between processes;
//! - a bounded number runs at once; what finds no place is left out, because the next request of
//!   its kind starts it again.

use std::sync::Arc;

use continuum_memory::TenantMemory;
use continuum_observability::{
    Carrier, Context, FutureExt as _, SpanRef, Status, create_carrier_from_span,
    extract_trace_context, get_current_span, get_tracer, spawn_blocking,
};
use tokio::sync::Semaphore;

/// Tasks that may run at once.
const PLACES: u32 = 4;

/// The tasks of a service.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    places: Arc<Semaphore>,
}

impl Background {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES as usize)),
        }
    }

    /// Merges the full-text indexes of a memory.
    pub(crate) fn maintain_index(&self, memory: TenantMemory) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let carrier = create_carrier_from_span(&get_current_span());
        let task = async move {
            maintain_index(memory, &carrier).await;
            drop(place);
        };
        // The parent comes from the carrier and from nowhere else.
        tokio::spawn(task.with_context(Context::root()));
    }

    /// Waits until no task is running.
    pub(crate) async fn finished(&self) {
        // Nobody closes the semaphore; if somebody did, there would be nothing to wait for.
        drop(self.places.acquire_many(PLACES).await);
    }
}

async fn maintain_index(memory: TenantMemory, carrier: &Carrier) {
    let request = extract_trace_context(carrier);
    let tenant = memory.tenant().as_str().to_owned();
    let work = async |span: SpanRef| {
        let merged = spawn_blocking(move || memory.maintain_index()).await;
        match merged {
            Ok(Ok(())) => span.set_status(Status::Ok),
            Ok(Err(error)) => span.record_failure(&error),
            Err(crashed) => span.record_failure(&crashed),
        }
    };
    get_tracer("continuum.worker")
        .span_builder("memory.index_maintenance")
        .parent(&request)
        .attribute("memory.operation", "index_maintenance")
        .attribute("tenant.id", &tenant)
        .in_span(work)
        .await;
}
