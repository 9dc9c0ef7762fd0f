//! Messages to a stream, each with its acknowledgement.
//!
//! Position: in place of the methods of `async_nats::jetstream::Context`.
//!
//! Invariant: a span ends when the acknowledgement has come, or when nobody waits for it any more.

use super::{Traced, inside};
use crate::span::Span;
use ::async_nats::{
    HeaderMap, ToSubject,
    jetstream::{
        Context,
        context::{PublishAckFuture, PublishError},
        message::PublishMessage,
        publish::PublishAck,
    },
};
use bytes::Bytes;
use std::pin::Pin;

impl Traced<'_, Context> {
    /// Sends a message to a stream in a `publish <subject>` span.
    ///
    /// # Errors
    ///
    /// Those of `jetstream::Context::publish`.
    pub async fn publish(
        self,
        subject: impl ToSubject,
        payload: Bytes,
    ) -> Result<Acknowledgement, PublishError> {
        let message = PublishMessage::build().payload(payload);
        self.send_publish(subject, message).await
    }

    /// Sends a message with headers to a stream in a `publish <subject>` span.
    ///
    /// # Errors
    ///
    /// Those of `jetstream::Context::publish_with_headers`.
    pub async fn publish_with_headers(
        self,
        subject: impl ToSubject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Acknowledgement, PublishError> {
        let message = PublishMessage::build().payload(payload).headers(headers);
        self.send_publish(subject, message).await
    }

    /// Sends a message that was built before, in a `publish <subject>` span.
    ///
    /// # Errors
    ///
    /// Those of `jetstream::Context::send_publish`.
    pub async fn send_publish(
        self,
        subject: impl ToSubject,
        message: PublishMessage,
    ) -> Result<Acknowledgement, PublishError> {
        let message = message.outbound_message(subject);
        let mut headers = message.headers.unwrap_or_default();
        let span = self.publishing(&message.subject, &mut headers);
        let with_context = PublishMessage::build()
            .payload(message.payload)
            .headers(headers);
        match self
            .client
            .send_publish(message.subject, with_context)
            .await
        {
            Ok(ack) => Ok(Acknowledgement { ack, span }),
            Err(error) => {
                span.record_error(&error);
                Err(error)
            }
        }
    }
}

/// The acknowledgement of a message, to be awaited like that of `async-nats`.
///
/// The span of the message ends with it. Dropped without that, it ends then, and says nothing of the outcome.
#[derive(Debug)]
#[must_use = "nobody knows whether the stream has the message"]
pub struct Acknowledgement {
    ack: PublishAckFuture,
    span: Span,
}

impl IntoFuture for Acknowledgement {
    type Output = Result<PublishAck, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(inside(self.span, self.ack.into_future()))
    }
}
