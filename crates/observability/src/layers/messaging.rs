//! Spans of messages through a queue: one for the producer, one for the consumer.
//!
//! A consumer's span is a child of the producer's when it processes one message for the first time
//! ([`parent`](Process::parent)); a batch and a later attempt are traces of their own, with a link to
//! each producer ([`links`](Process::links)).
//!
//! Source: OpenTelemetry semantic conventions 1.x, "Messaging spans".

use super::{
    span::{LayerSpan, layer_span},
    spare,
};
use crate::{
    semconv::{Group, attribute, former},
    span::SpanKind,
};

layer_span! {
    /// The sending of messages; made by [`trace_publish`].
    Publish {
        /// The messaging system: `nats`, `kafka`.
        system: &'a str => attribute::MESSAGING_SYSTEM,
        /// The id of the message.
        message_id: &'a str => attribute::MESSAGING_MESSAGE_ID,
        /// How many messages are sent at once.
        batch_message_count: usize => attribute::MESSAGING_BATCH_MESSAGE_COUNT,
    }
}

layer_span! {
    /// The processing of messages; made by [`trace_process`].
    Process {
        /// The messaging system: `nats`, `kafka`.
        system: &'a str => attribute::MESSAGING_SYSTEM,
        /// The id of the message.
        message_id: &'a str => attribute::MESSAGING_MESSAGE_ID,
        /// Which attempt this is, counted from 1.
        attempt: u32 => attribute::MESSAGING_MESSAGE_ATTEMPT,
        /// How many messages are processed at once.
        batch_message_count: usize => attribute::MESSAGING_BATCH_MESSAGE_COUNT,
    }
}

/// A `publish <destination>` span around the sending of messages.
///
/// The destination is a queue or topic, not an address made for one reply.
///
/// ```
/// use continuum_observability::{layers::messaging::trace_publish, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     trace_publish("embeddings").system("nats").in_scope(|_| { /* inject and send */ });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "publish embeddings [producer] messaging.operation.name=publish \
///      messaging.operation.type=send messaging.destination.name=embeddings messaging.system=nats\n"
/// );
/// ```
pub fn trace_publish(destination: &str) -> Publish<'_> {
    let name = spare::joined(["publish ", destination]);
    Publish(send(LayerSpan::new(name, SpanKind::Producer), destination))
}

/// A `process <destination>` span around the work that a message, or a batch of them, asks for.
///
/// ```
/// use continuum_observability::{
///     SpanContext, layers::messaging::{trace_process, trace_publish}, testing::TestRecorder,
/// };
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let sent = trace_publish("embeddings").start().span_context();
///     trace_process("embeddings").attempt(2).links([sent]).in_scope(|_| { /* work */ });
/// });
/// assert_eq!(
///     recorder.tree().lines().skip(1).collect::<Vec<_>>().join("\n"),
///     "process embeddings [consumer] messaging.operation.name=process \
///      messaging.operation.type=process messaging.destination.name=embeddings \
///      messaging.message.attempt=2\n  → publish embeddings"
/// );
/// ```
pub fn trace_process(destination: &str) -> Process<'_> {
    let name = spare::joined(["process ", destination]);
    let span = LayerSpan::new(name, SpanKind::Consumer);
    Process(described(span, ["process", "process"], destination))
}

/// What a span says that sends something to `destination`.
pub(super) fn send<'a>(span: LayerSpan<'a>, destination: &'a str) -> LayerSpan<'a> {
    described(span, ["publish", "send"], destination)
}

/// Earlier conventions knew the name of an operation only, in another attribute.
fn described<'a>(
    mut span: LayerSpan<'a>,
    [name, kind]: [&'static str; 2],
    destination: &'a str,
) -> LayerSpan<'a> {
    let group = Group::Messaging;
    span.set_stable(group, attribute::MESSAGING_OPERATION_NAME, name);
    span.set_stable(group, attribute::MESSAGING_OPERATION_TYPE, kind);
    span.set_former(group, former::MESSAGING_OPERATION, name);
    span.with(attribute::MESSAGING_DESTINATION_NAME, destination)
}
