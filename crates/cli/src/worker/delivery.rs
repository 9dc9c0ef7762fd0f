//! Delivers jobs: each as a part of the trace that made it, or several again in a trace of their own.
//!
//! Position: `worker` claims, **here** the jobs are read, pushed and settled.
//!
//! Invariants:
//! - the first attempt of a job is a child of its producer, so that one trace leads from the request of
//!   a client to the database of the other node;
//! - what is tried again is a new root with a link to each producer, because those traces are over;
//! - a job that has failed is put off or buried, never forgotten; that the other node is away buries none.

use std::{convert::Infallible, error::Error, fmt, sync::Arc};

use continuum_memory::{Job, MemoryError, Outbox, SyncEntry, SyncOutcome};
use continuum_observability::{
    Context, SpanRef, Status, extract_trace_context, get_tracer,
    layers::{
        federation::{SyncStats, trace_sync_operation},
        messaging::trace_process,
    },
    link_spans,
    semconv::attribute,
    spawn_blocking,
};
use tokio::sync::watch;

use super::{
    Pass, Worker, aside,
    peer::PushError,
    retry::{Failure, with_attempts},
};

/// The queue in spans.
const QUEUE: &str = "outbox";

/// The system of the queue in spans: it is ours.
const SYSTEM: &str = "continuum";

impl Worker {
    /// Delivers claimed jobs of one tenant; those that are not tried go back.
    pub(super) async fn deliver(
        &self,
        outbox: &Outbox,
        jobs: Vec<Job>,
        stop: &watch::Receiver<bool>,
        pass: &mut Pass,
    ) {
        let (first, again): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.attempts == 1);
        for job in first {
            if pass.goes_on(stop) {
                let result = self.process_first(outbox, &job).await;
                pass.add(&result);
            } else {
                release(outbox, &job).await;
            }
        }
        if !again.is_empty() && pass.goes_on(stop) {
            self.process_batch(outbox, again, stop, pass).await;
        } else {
            for job in again {
                release(outbox, &job).await;
            }
        }
    }

    /// Continues the trace of the producer.
    async fn process_first(&self, outbox: &Outbox, job: &Job) -> Result<(), DeliveryError> {
        let (producer, number) = (extract_trace_context(&job.carrier), job.id.to_string());
        trace_process(QUEUE)
            .system(SYSTEM)
            .parent(&producer)
            .message_id(&number)
            .tenant_id(outbox.tenant().as_str())
            .run(|_| self.process(outbox, job))
            .await
    }

    /// Starts a trace that links to the producers of all jobs.
    async fn process_batch(
        &self,
        outbox: &Outbox,
        jobs: Vec<Job>,
        stop: &watch::Receiver<bool>,
        pass: &mut Pass,
    ) {
        let root = Context::root();
        let items = async |span: SpanRef| {
            span.update_name("batch_process");
            let delivered = pass.delivered;
            for (index, job) in jobs.iter().enumerate() {
                if pass.goes_on(stop) {
                    let result = self.process_item(outbox, index, job).await;
                    pass.add(&result);
                } else {
                    release(outbox, job).await;
                }
            }
            if pass.delivered == delivered {
                span.set_status(Status::error("none of the jobs was delivered"));
            }
            Ok::<_, Infallible>(())
        };
        let Ok(()) = trace_process(QUEUE)
            .system(SYSTEM)
            .parent(&root)
            .links(jobs.iter().filter_map(|job| link_spans(&job.carrier)))
            .batch_message_count(jobs.len())
            .tenant_id(outbox.tenant().as_str())
            .run(items)
            .await;
    }

    async fn process_item(
        &self,
        outbox: &Outbox,
        index: usize,
        job: &Job,
    ) -> Result<(), DeliveryError> {
        let work = async |span: SpanRef| {
            let result = self.process(outbox, job).await;
            match &result {
                Ok(()) => span.set_status(Status::Ok),
                Err(error) => span.record_failure(error),
            }
            result
        };
        get_tracer("continuum.worker")
            .span_builder("process_item")
            .attribute("item.index", index)
            .attribute(attribute::MESSAGING_MESSAGE_ID, job.id.to_string())
            .attribute(attribute::MESSAGING_MESSAGE_ATTEMPT, job.attempts)
            .attribute(attribute::TENANT_ID, outbox.tenant().as_str())
            .in_span(work)
            .await
    }

    /// Pushes one job and settles it.
    async fn process(&self, outbox: &Outbox, job: &Job) -> Result<(), DeliveryError> {
        let result = self.push(outbox, job).await;
        let settled = match &result {
            Ok(()) => on(outbox, job, Outbox::finish).await,
            Err(error) => self.put_off(outbox, job, error).await,
        };
        if let Err(error) = settled {
            // It comes back when its lease ends, and the other node knows it by its number.
            tracing::warn!(tenant = %outbox.tenant(), job = job.id, %error, "a job cannot be settled");
        }
        result
    }

    async fn push(&self, outbox: &Outbox, job: &Job) -> Result<(), DeliveryError> {
        let Some(entry) = on(outbox, job, Outbox::entry).await? else {
            return Ok(());
        };
        trace_sync_operation("push")
            .attribute(attribute::SERVER_ADDRESS, self.peer.address())
            .attribute(attribute::SERVER_PORT, i64::from(self.peer.port()))
            .tenant_id(outbox.tenant().as_str())
            .run(|span| self.send(span, entry))
            .await
            .map_err(DeliveryError::Push)
    }

    /// Sends an entry, a few times if need be.
    async fn send(&self, span: SpanRef, entry: SyncEntry) -> Result<(), PushError> {
        // It was read from the store as what it is: strings, numbers and JSON.
        let body: Arc<[u8]> = serde_json::to_vec(&entry).unwrap_or_default().into();
        let attempt = || {
            let (peer, body) = (Arc::clone(&self.peer), Arc::clone(&body));
            async move {
                let sent = spawn_blocking(move || peer.send(&body)).await;
                sent.unwrap_or_else(|crashed| Err(PushError::Crashed(crashed)))
            }
        };
        let response = with_attempts(&self.policy, attempt).await?;
        span.set_attribute(
            attribute::FEDERATION_PEER_INSTANCE_ID,
            &response.instance_id,
        );
        span.sync_stats(SyncStats {
            entities_synced: response.concepts_extracted,
            conflicts_resolved: usize::from(response.outcome == SyncOutcome::Conflict),
            bytes_transferred: body.len() as u64,
        });
        Ok(())
    }

    async fn put_off(
        &self,
        outbox: &Outbox,
        job: &Job,
        error: &DeliveryError,
    ) -> Result<(), DeliveryError> {
        let (tenant, reason) = (outbox.tenant(), error.to_string());
        let is_away = error.is_of_the_peer();
        if error.is_final() || (!is_away && job.attempts >= self.policy.deliveries) {
            tracing::error!(%tenant, job = job.id, reason, "a job is given up");
            return on(outbox, job, move |outbox, job| outbox.bury(job, &reason)).await;
        }
        let delay = if is_away {
            self.policy.probe_delay(job.attempts)
        } else {
            self.policy.redelivery.delay(job.attempts)
        };
        tracing::warn!(%tenant, job = job.id, reason, "a job is put off");
        let postpone = move |outbox: &Outbox, job: &Job| outbox.postpone(job, delay, &reason);
        on(outbox, job, postpone).await
    }
}

impl Pass {
    fn add(&mut self, result: &Result<(), DeliveryError>) {
        match result {
            Ok(()) => self.delivered += 1,
            Err(error) => {
                self.failed += 1;
                self.is_peer_up &= !error.is_of_the_peer();
            }
        }
    }
}

/// Gives back a job that is not tried.
async fn release(outbox: &Outbox, job: &Job) {
    let (number, job) = (job.id, job.clone());
    if let Err(error) = aside(outbox, move |outbox| outbox.release(&job)).await {
        // It comes back when its lease ends.
        tracing::warn!(tenant = %outbox.tenant(), job = number, error, "a job cannot be released");
    }
}

/// Works on an outbox where it may block, inside the current span.
async fn on<T: Send + 'static>(
    outbox: &Outbox,
    job: &Job,
    work: impl FnOnce(&Outbox, &Job) -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, DeliveryError> {
    let (outbox, job) = (outbox.clone(), job.clone());
    let done = spawn_blocking(move || work(&outbox, &job)).await;
    let done = done.map_err(|crashed| DeliveryError::Push(PushError::Crashed(crashed)))?;
    done.map_err(DeliveryError::Memory)
}

/// Why a job was not delivered.
#[derive(Debug)]
enum DeliveryError {
    /// Our own memory could not be read or written.
    Memory(MemoryError),
    /// The other node did not take it.
    Push(PushError),
}

impl DeliveryError {
    fn is_of_the_peer(&self) -> bool {
        matches!(self, Self::Push(error) if error.is_of_the_peer())
    }
}

impl Failure for DeliveryError {
    fn is_final(&self) -> bool {
        matches!(self, Self::Push(error) if error.is_final())
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Memory(error) => error.source(),
            Self::Push(error) => error.source(),
        }
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Push(error) => error.fmt(f),
        }
    }
}
