//! Messages of `async-nats`, release 0.51, inside of spans.
//!
//! Position: in place of the methods of its `Client` and of `JetStream`, and around the work that a message asks
//! for; on top of the messaging layer.
//!
//! Invariants:
//! - a result is passed on unchanged;
//! - of a message its subject, its id and the attempt are recorded, no other header and nothing of its payload;
//! - an inbox, which is made for one answer, is no part of a name.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "Messaging spans".

mod headers;
mod jetstream;
mod message;

pub use self::{
    jetstream::Acknowledgement,
    message::{MessageExt, Received, trace_batch},
};

use crate::{
    context::FutureExt as _,
    layers::messaging::{trace_publish, trace_request},
    propagation::inject_context,
    span::{Span, SpanRef},
};
use ::async_nats::{
    Client, HeaderMap, HeaderValue, Message, PublishError, Request, RequestError, ToSubject, header,
};
use bytes::Bytes;
use std::error::Error;

/// What the subjects begin with that clients make for answers, unless they are given a prefix of their own: what
/// is sent to those is named by a [template](Traced::template).
const INBOX: &str = "_INBOX.";

/// Gives a client, or a `JetStream` context, the methods of [`Traced`].
pub trait ClientExt: Sized {
    /// The same client, each message of which is sent in a span, with the context in its headers.
    ///
    /// ```no_run
    /// use continuum_observability::interop::async_nats_0_51::ClientExt as _;
    ///
    /// # async fn doc(client: async_nats::Client) -> Result<(), async_nats::Error> {
    /// client.traced().publish("turns.learned", "hello".into()).await?;
    /// let answer = client.traced().request("embed", "hello".into()).await?;
    ///
    /// let jetstream = async_nats::jetstream::new(client);
    /// let acknowledgement = jetstream.traced().publish("turns.learned", "hello".into()).await?;
    /// acknowledgement.await?;
    /// # Ok(())
    /// # }
    /// ```
    fn traced(&self) -> Traced<'_, Self> {
        Traced {
            client: self,
            template: None,
        }
    }
}

impl ClientExt for Client {}
impl ClientExt for ::async_nats::jetstream::Context {}

/// A client that sends each message in a span.
///
/// The methods have the names of those of `async-nats`, and do what those do.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'c, C> {
    client: &'c C,
    template: Option<&'c str>,
}

impl<'c, C> Traced<'c, C> {
    /// Names spans by a template in place of the subject: `turns.*.learned` where that has an id in it.
    ///
    /// ```no_run
    /// # use continuum_observability::interop::async_nats_0_51::ClientExt as _;
    /// # async fn doc(client: async_nats::Client, id: u64) -> Result<(), async_nats::Error> {
    /// let turns = client.traced().template("turns.*.learned");
    /// turns.publish(format!("turns.{id}.learned"), "hello".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn template(self, template: &'c str) -> Self {
        Self {
            template: Some(template),
            ..self
        }
    }

    /// The span of a message that is sent, in whose headers it goes along.
    fn publishing(&self, subject: &str, headers: &mut HeaderMap) -> Span {
        let mut span = trace_publish(subject).system("nats");
        if let Some(id) = message_id(headers) {
            span = span.message_id(id);
        }
        let span = match self.template {
            Some(template) => span.template(template).start(),
            None if subject.starts_with(INBOX) => span.temporary().start(),
            None => span.start(),
        };
        inject_context(span.context(), headers);
        span
    }

    /// The span of a question.
    fn requesting(&self, subject: &str) -> Span {
        let span = trace_request(subject).system("nats");
        match self.template {
            Some(template) => span.template(template).start(),
            None if subject.starts_with(INBOX) => span.temporary().start(),
            None => span.start(),
        }
    }
}

impl Traced<'_, Client> {
    /// Sends a message in a `publish <subject>` span.
    ///
    /// # Errors
    ///
    /// Those of `Client::publish`.
    pub async fn publish(
        self,
        subject: impl ToSubject,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.publish_with_headers(subject, HeaderMap::new(), payload)
            .await
    }

    /// Sends a message with headers in a `publish <subject>` span.
    ///
    /// # Errors
    ///
    /// Those of `Client::publish_with_headers`.
    pub async fn publish_with_headers(
        self,
        subject: impl ToSubject,
        mut headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let subject = subject.to_subject();
        let span = self.publishing(&subject, &mut headers);
        let sent = self.client.publish_with_headers(subject, headers, payload);
        inside(span, sent).await
    }

    /// Sends a message with headers that names where to answer, in a `publish <subject>` span.
    ///
    /// # Errors
    ///
    /// Those of `Client::publish_with_reply_and_headers`.
    pub async fn publish_with_reply_and_headers(
        self,
        subject: impl ToSubject,
        reply: impl ToSubject,
        mut headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let subject = subject.to_subject();
        let span = self.publishing(&subject, &mut headers);
        let client = self.client;
        let sent = client.publish_with_reply_and_headers(subject, reply, headers, payload);
        inside(span, sent).await
    }

    /// Asks a question in a `request <subject>` span, which ends with the answer.
    ///
    /// # Errors
    ///
    /// Those of `Client::request`.
    pub async fn request(
        self,
        subject: impl ToSubject,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().payload(payload))
            .await
    }

    /// Asks a question with headers in a `request <subject>` span, which ends with the answer.
    ///
    /// # Errors
    ///
    /// Those of `Client::request_with_headers`.
    pub async fn request_with_headers(
        self,
        subject: impl ToSubject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        let request = Request::new().headers(headers).payload(payload);
        self.send_request(subject, request).await
    }

    /// Asks a question that was built before, in a `request <subject>` span, which ends with the answer.
    ///
    /// # Errors
    ///
    /// Those of `Client::send_request`.
    pub async fn send_request(
        self,
        subject: impl ToSubject,
        mut request: Request,
    ) -> Result<Message, RequestError> {
        let subject = subject.to_subject();
        let span = self.requesting(&subject);
        inject_context(span.context(), request.headers.get_or_insert_default());
        inside(span, self.client.send_request(subject, request)).await
    }
}

/// The id by which a stream recognises a message that comes twice.
fn message_id(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::NATS_MESSAGE_ID)
        .map(HeaderValue::as_str)
}

/// Sends something inside of its span, and records what became of it.
async fn inside<T, E: Error>(span: Span, sent: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let view = span.view().clone();
    let settled = async {
        let result = sent.await;
        settle(&view, &result);
        result
    };
    settled.in_span(span).await
}

fn settle<T, E: Error>(span: &SpanRef, result: &Result<T, E>) {
    match result {
        Ok(_) => span.succeed(),
        Err(error) => span.record_error(error),
    }
}
