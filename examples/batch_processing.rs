//! Pattern "Batch Processing": one span for the batch, with a link to the producer of each item.
//!
//! `cargo run --example batch_processing` prints a trace for each message that is sent, and one for
//! the batch in which they are processed:
//!
//! ```text
//! publish embeddings
//! publish embeddings
//! process embeddings      messaging.batch.message_count=2
//! │  · link to trace fd1c3f55efc3f29a76e2270be1f09250 span 01269c1b3e6fb8e4
//! │  · link to trace b94f54183d4baff981f21958bee87fc4 span 606c82e671e8a999
//! ├─ process_item         item.index=0
//! └─ process_item         item.index=1
//! ```
//!
//! What to look at: a batch has many causes, so that none of them can be its parent. Items have one
//! name, and their number as an attribute: names with numbers in them cannot be grouped.

use anyhow::Result;
use continuum_observability::layers::messaging::{trace_process, trace_publish};
use continuum_observability::{
    Carrier, create_carrier_from_span, get_tracer, init_telemetry, link_spans, spawn,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

const QUEUE: &str = "embeddings";
const QUEUE_SIZE: usize = 64;
const MAX_BATCH_SIZE: usize = 16;

/// What lies in the queue: the context of its producer travels with the data.
#[derive(Debug)]
struct Message {
    text: String,
    trace_context: Carrier,
}

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    embed_all(&["the schema is versioned", "tests run on every change"]).await?;
    Ok(())
}

/// Gives how many words there were in all of the texts.
async fn embed_all(texts: &[&str]) -> Result<usize> {
    let (sender, receiver) = channel(QUEUE_SIZE);
    for text in texts {
        publish(&sender, text).await?;
    }
    drop(sender); // The consumer ends with the queue.
    Ok(spawn(consume(receiver)).await?)
}

async fn publish(queue: &Sender<Message>, text: &str) -> Result<()> {
    let send = async |span| {
        let message = Message {
            text: text.to_owned(),
            trace_context: create_carrier_from_span(&span),
        };
        queue.send(message).await
    };
    Ok(trace_publish(QUEUE).run(send).await?)
}

async fn consume(mut queue: Receiver<Message>) -> usize {
    let (mut total, mut batch) = (0, Vec::new());
    while queue.recv_many(&mut batch, MAX_BATCH_SIZE).await > 0 {
        total += process(&batch);
        batch.clear();
    }
    total
}

fn process(batch: &[Message]) -> usize {
    let producers = batch
        .iter()
        .filter_map(|message| link_spans(&message.trace_context));
    let span = trace_process(QUEUE)
        .batch_message_count(batch.len())
        .links(producers);
    span.in_scope(|_| batch.iter().enumerate().map(process_item).sum())
}

fn process_item((index, message): (usize, &Message)) -> usize {
    get_tracer("embedder").in_scope("process_item", |span| {
        span.set_attribute("item.index", index);
        message.text.split_whitespace().count()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    #[tokio::test]
    async fn the_batch_is_a_trace_of_its_own_that_links_to_each_producer() {
        let recorder = TestRecorder::new();
        let words = recorder.run_async(embed_all(&["a b", "c d e"])).await;
        assert_eq!(words.unwrap(), 5);
        let publish = |number| {
            format!(
                "publish embeddings #{number} [producer] OK messaging.operation.name=publish \
                 messaging.operation.type=send messaging.destination.name=embeddings\n"
            )
        };
        let process = "process embeddings [consumer] messaging.operation.name=process \
             messaging.operation.type=process messaging.destination.name=embeddings \
             messaging.batch.message_count=2\n  \
             → publish embeddings #1\n  \
             → publish embeddings #2\n  \
             process_item item.index=0\n  \
             process_item item.index=1\n";
        assert_eq!(
            recorder.tree(),
            [&publish(1), &publish(2), process].concat()
        );
        assert_no_findings(&recorder);
    }
}
