//! Requests of `reqwest` inside of spans.
//!
//! Position: in place of `send` and `execute`.
//!
//! Invariant: the error is passed on unchanged; of the URL in its text, no secret is recorded, as in
//! the text of any exception.

use super::{HttpRequest, trace_http_request};
use crate::{context::FutureExt as _, propagation::inject_context, span::SpanRef};
use ::reqwest::{Client, Error, Request, RequestBuilder, Response};

/// Sends requests that were built by a client.
pub trait RequestBuilderExt {
    /// Sends the request as `send` does, inside a CLIENT span, with the context in its headers.
    ///
    /// # Errors
    ///
    /// Those of `send`, unchanged. A response of 400 or above is not one, but makes the span fail.
    ///
    /// ```
    /// use continuum_observability::layers::client::RequestBuilderExt as _;
    ///
    /// # async fn doc() -> Result<(), reqwest::Error> {
    /// let answer = reqwest::Client::new().post("http://peer:8080/sync").send_traced().await?;
    /// # Ok(())
    /// # }
    /// ```
    fn send_traced(self) -> impl Future<Output = Result<Response, Error>> + Send;

    /// Does the same, with a template in the span's name or attributes of your own.
    ///
    /// # Errors
    ///
    /// As [`send_traced`](Self::send_traced).
    ///
    /// ```
    /// use continuum_observability::layers::client::RequestBuilderExt as _;
    ///
    /// # async fn doc(id: u64, tenant: &str) -> Result<(), reqwest::Error> {
    /// let request = reqwest::Client::new().get(format!("http://peer:8080/users/{id}"));
    /// let answer = request
    ///     .send_traced_with(|span| span.template("/users/{id}").tenant_id(tenant))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    fn send_traced_with<'a>(
        self,
        describe: impl FnOnce(HttpRequest<'a>) -> HttpRequest<'a> + Send,
    ) -> impl Future<Output = Result<Response, Error>> + Send;
}

impl RequestBuilderExt for RequestBuilder {
    async fn send_traced(self) -> Result<Response, Error> {
        self.send_traced_with(|span| span).await
    }

    async fn send_traced_with<'a>(
        self,
        describe: impl FnOnce(HttpRequest<'a>) -> HttpRequest<'a> + Send,
    ) -> Result<Response, Error> {
        let (client, request) = self.build_split();
        client.execute_traced_with(request?, describe).await
    }
}

/// Sends requests.
pub trait ClientExt {
    /// Sends the request as `execute` does, inside a CLIENT span, with the context in its headers.
    ///
    /// # Errors
    ///
    /// Those of `execute`, unchanged. A response of 400 or above is not one, but makes the span fail.
    fn execute_traced(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, Error>> + Send;

    /// Does the same, with a template in the span's name or attributes of your own.
    ///
    /// # Errors
    ///
    /// As [`execute_traced`](Self::execute_traced).
    fn execute_traced_with<'a>(
        &self,
        request: Request,
        describe: impl FnOnce(HttpRequest<'a>) -> HttpRequest<'a> + Send,
    ) -> impl Future<Output = Result<Response, Error>> + Send;
}

impl ClientExt for Client {
    async fn execute_traced(&self, request: Request) -> Result<Response, Error> {
        self.execute_traced_with(request, |span| span).await
    }

    async fn execute_traced_with<'a>(
        &self,
        mut request: Request,
        describe: impl FnOnce(HttpRequest<'a>) -> HttpRequest<'a> + Send,
    ) -> Result<Response, Error> {
        let span = trace_http_request(request.method().as_str(), request.url().as_str());
        let span = describe(span).start();
        inject_context(&span.as_context(), request.headers_mut());
        let view = span.view().clone();
        let sent = async {
            let result = self.execute(request).await;
            match &result {
                Ok(response) => record_response(&view, response),
                Err(error) => {
                    view.record_error(error);
                    view.error_type(kind(error));
                }
            }
            result
        };
        sent.in_span(span).await
    }
}

fn record_response(span: &SpanRef, response: &Response) {
    let status = response.status();
    span.http_outcome(
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
    );
    if let Some(size) = response.content_length() {
        span.http_response_body_size(size);
    }
}

/// The class of an error, one of a few.
fn kind(error: &Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_redirect() {
        "redirect"
    } else {
        "reqwest::Error"
    }
}
