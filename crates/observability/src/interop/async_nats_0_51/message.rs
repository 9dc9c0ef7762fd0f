//! Messages that come, in spans around the work that they ask for.
//!
//! Position: after a subscriber or a consumer, in front of the work.
//!
//! Invariants:
//! - the first attempt is a child of the span that sent the message; a later one, and a batch, are traces of
//!   their own with a link to each sender, so that no trace grows for hours;
//! - a message without a context, or with a malformed one, begins a trace.

use super::{INBOX, message_id};
use crate::{
    context::{Context, SpanContext},
    layers::messaging::{Process, trace_process},
    propagation::extract_trace_context,
};
use ::async_nats::{Message, jetstream};

/// Gives a message, of a subscription or of a stream, the context that it came with.
pub trait MessageExt {
    /// The message as what its spans begin with.
    ///
    /// ```no_run
    /// use continuum_observability::interop::async_nats_0_51::MessageExt as _;
    ///
    /// # async fn embed(text: &[u8]) -> Result<(), std::io::Error> { Ok(()) }
    /// # async fn doc(message: async_nats::Message) -> Result<(), std::io::Error> {
    /// message.traced().process().run(async |_span| embed(&message.payload).await).await?;
    /// # Ok(())
    /// # }
    /// ```
    fn traced(&self) -> Received<'_>;
}

impl MessageExt for Message {
    fn traced(&self) -> Received<'_> {
        Received::of(self, None)
    }
}

impl MessageExt for jetstream::Message {
    fn traced(&self) -> Received<'_> {
        let delivered = self.info().ok().map(|info| info.delivered);
        Received::of(self, delivered.and_then(|count| u32::try_from(count).ok()))
    }
}

/// Several messages that are processed at once, in one span with a link to each sender.
///
/// ```no_run
/// use continuum_observability::interop::async_nats_0_51::trace_batch;
///
/// # async fn embed(messages: &[async_nats::Message]) -> Result<(), std::io::Error> { Ok(()) }
/// # async fn doc(messages: Vec<async_nats::Message>) -> Result<(), std::io::Error> {
/// let batch = trace_batch("turns.*.learned", &messages);
/// batch.process().run(async |_span| embed(&messages).await).await?;
/// # Ok(())
/// # }
/// ```
pub fn trace_batch<'a>(destination: &'a str, messages: &[impl MessageExt]) -> Received<'a> {
    let senders = messages
        .iter()
        .filter_map(|message| message.traced().sender());
    Received {
        subject: destination,
        message_id: None,
        attempt: None,
        message_count: Some(messages.len()),
        parent: Context::root(),
        links: senders.collect(),
    }
}

/// A message that came, or several; made by [`MessageExt::traced`] and [`trace_batch`].
#[derive(Debug)]
pub struct Received<'a> {
    subject: &'a str,
    message_id: Option<&'a str>,
    attempt: Option<u32>,
    message_count: Option<usize>,
    parent: Context,
    links: Vec<SpanContext>,
}

impl<'a> Received<'a> {
    fn of(message: &'a Message, attempt: Option<u32>) -> Self {
        let headers = message.headers.as_ref();
        let mut received = Self {
            subject: &message.subject,
            message_id: headers.and_then(message_id),
            attempt,
            message_count: None,
            parent: headers.map_or_else(Context::root, extract_trace_context),
            links: Vec::new(),
        };
        if attempt.is_some_and(|attempt| attempt > 1) {
            received.links.extend(received.sender());
            let baggage = received.parent.baggage().clone();
            received.parent = Context::root().with_baggage(baggage);
        }
        received
    }

    /// The span that sent the message.
    fn sender(&self) -> Option<SpanContext> {
        let parent = self.parent.span_context();
        let sender = self.links.first().unwrap_or(parent);
        sender.is_valid().then(|| sender.clone())
    }

    /// A `process <subject>` span around the work that is asked for.
    ///
    /// Where the subject has an id in it, name the span by [`Process::template`].
    pub fn process(&self) -> Process<'_> {
        let mut span = trace_process(self.subject)
            .system("nats")
            .parent(&self.parent)
            .links(self.links.iter().cloned());
        if let Some(id) = self.message_id {
            span = span.message_id(id);
        }
        if let Some(attempt) = self.attempt {
            span = span.attempt(attempt);
        }
        if let Some(count) = self.message_count {
            span = span.batch_message_count(count);
        }
        if self.subject.starts_with(INBOX) {
            span = span.temporary();
        }
        span
    }
}
