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
    /// A question through a queue; made by [`trace_request`].
    Request {
        /// The messaging system: `nats`.
        system: &'a str => attribute::MESSAGING_SYSTEM,
        /// The id of the message.
        message_id: &'a str => attribute::MESSAGING_MESSAGE_ID,
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

/// A `request <destination>` span around the sending of a message until its answer is there.
///
/// ```
/// use continuum_observability::{layers::messaging::trace_request, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     trace_request("embed").system("nats").in_scope(|_| { /* inject, send and wait */ });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "request embed [client] messaging.operation.name=request \
///      messaging.operation.type=send messaging.destination.name=embed messaging.system=nats\n"
/// );
/// ```
pub fn trace_request(destination: &str) -> Request<'_> {
    let name = spare::joined(["request ", destination]);
    let span = LayerSpan::new(name, SpanKind::Client);
    Request(described(span, ["request", "send"], destination))
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

/// How a span is named whose destination is not one of a few.
macro_rules! many_destinations {
    ($name:ident, $operation:literal) => {
        impl<'a> $name<'a> {
            /// Names the span by a template, such as `turns.*.learned` where the destination has an id in it.
            pub fn template(mut self, template: &'a str) -> Self {
                self.0.rename(spare::joined([$operation, " ", template]));
                self.0
                    .set(attribute::MESSAGING_DESTINATION_TEMPLATE, template);
                self
            }

            /// Says that the destination is made for one answer; it is no part of the name then.
            pub fn temporary(mut self) -> Self {
                self.0.rename(spare::joined([$operation, " (temporary)"]));
                self.0.set(attribute::MESSAGING_DESTINATION_TEMPORARY, true);
                self
            }
        }
    };
}
many_destinations!(Publish, "publish");
many_destinations!(Request, "request");
many_destinations!(Process, "process");

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
