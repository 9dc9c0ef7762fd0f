//! Pattern "Long-Running Background Task": the work goes on after its cause has ended, in its trace.
//!
//! `cargo run --example background_task` prints two traces:
//!
//! ```text
//! initiate_background_task    task.type=memory_sync
//! └─ background_task          task.is_background=true memory.stored_count=2
//! initiate_background_task    task.type=report
//! └─ background_task          task.is_background=true memory.reported_count=2
//! ```
//!
//! What to look at: two ways, for two cases. Work that waits in a queue carries its context with it as
//! text, which could as well lie in a file or cross to another machine. Work that starts at once is
//! spawned by [`spawn`], which carries the context over by itself; a bare `tokio::spawn` does not.

use std::sync::Arc;

use anyhow::Result;
use continuum_observability::{
    Carrier, SpanRef, create_carrier_from_span, extract_trace_context, get_tracer, init_telemetry,
    spawn,
};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

const QUEUE_SIZE: usize = 64;

type Memories = Arc<Mutex<Vec<String>>>;

/// Memories to be stored, with the context of who asked for it.
#[derive(Debug)]
struct Job {
    memories: Vec<String>,
    trace_context: Carrier,
}

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    sync_and_report(&["the schema is versioned", "tests run on every change"]).await?;
    Ok(())
}

/// Gives how many memories there are in the end.
async fn sync_and_report(memories: &[&str]) -> Result<usize> {
    let stored = Memories::default();
    let (queue, jobs) = channel(QUEUE_SIZE);
    let worker = spawn(work_off(jobs, Arc::clone(&stored)));
    initiate_sync(&queue, memories).await?;
    drop(queue); // The worker ends with the queue.
    worker.await?;
    Ok(initiate_report(&stored).await?)
}

/// Leaves the work to a worker that runs all the time.
async fn initiate_sync(queue: &Sender<Job>, memories: &[&str]) -> Result<()> {
    let initiate = async |span: SpanRef| {
        span.set_attribute("task.type", "memory_sync");
        let job = Job {
            memories: memories.iter().map(ToString::to_string).collect(),
            trace_context: create_carrier_from_span(&span),
        };
        Ok(queue.send(job).await?)
    };
    get_tracer("app")
        .in_span("initiate_background_task", initiate)
        .await
}

/// The worker's own context is of no use: each job brings the one that it belongs to.
async fn work_off(mut jobs: Receiver<Job>, memories: Memories) {
    while let Some(job) = jobs.recv().await {
        let parent = extract_trace_context(&job.trace_context);
        let span = get_tracer("worker")
            .span_builder("background_task")
            .parent(&parent);
        let store = async |span: SpanRef| {
            span.set_attribute("task.is_background", true);
            span.set_attribute("memory.stored_count", job.memories.len());
            memories.lock().await.extend(job.memories);
        };
        span.in_span(store).await;
    }
}

/// Starts the work at once, and does not wait for it.
fn initiate_report(memories: &Memories) -> JoinHandle<usize> {
    get_tracer("app").in_scope("initiate_background_task", |span| {
        span.set_attribute("task.type", "report");
        spawn(report(Arc::clone(memories)))
    })
}

async fn report(memories: Memories) -> usize {
    let count = async |span: SpanRef| {
        let count = memories.lock().await.len();
        span.set_attribute("task.is_background", true);
        span.set_attribute("memory.reported_count", count);
        count
    };
    get_tracer("worker").in_span("background_task", count).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    #[tokio::test]
    async fn background_work_belongs_to_the_trace_of_its_cause_either_way() {
        let recorder = TestRecorder::new();
        let reported = recorder.run_async(sync_and_report(&["one", "two"])).await;
        assert_eq!(reported.unwrap(), 2);
        assert_eq!(
            recorder.tree(),
            "initiate_background_task task.type=memory_sync\n  \
             background_task task.is_background=true memory.stored_count=2\n\
             initiate_background_task task.type=report\n  \
             background_task task.is_background=true memory.reported_count=2\n"
        );
        assert_no_findings(&recorder);
    }
}
