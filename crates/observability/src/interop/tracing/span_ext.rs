//! [`SpanExt`]: what this recorder can do with a `tracing::Span` that `tracing` itself cannot.
//!
//! Position: for code that has the span in its hands; finds the layer through the span's subscriber.
//!
//! Invariant: a span that is disabled, or whose subscriber has no [`ContinuumLayer`], is left alone.

use super::ContinuumLayer;
use crate::{Context, SpanContext, SpanRef, Status, Value};
use tracing::Span;
use tracing_core::span::Id;

/// A `tracing` span as a span of this recorder.
///
/// ```
/// use continuum_observability::{
///     extract_trace_context, interop::tracing::{ContinuumLayer, SpanExt as _}, testing::TestRecorder,
/// };
/// use std::collections::HashMap;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(ContinuumLayer::new("application"));
/// let recorder = TestRecorder::new();
/// tracing::subscriber::with_default(subscriber, || {
///     recorder.run(|| {
///         let id = "0af7651916cd43dd8448eb211c80319c";
///         let traceparent = format!("00-{id}-b7ad6b7169203331-01");
///         let headers = HashMap::from([("traceparent".to_owned(), traceparent)]);
///         let span = tracing::info_span!("request", method = "GET");
///         span.set_parent(&extract_trace_context(&headers));
///         span.set_attribute("tenant.id", "acme");
///         assert_eq!(span.span_context().trace_id().to_string(), id);
///     });
/// });
/// assert_eq!(recorder.tree(), "request method=GET tenant.id=acme\n");
/// ```
pub trait SpanExt {
    /// Gives the span the current span of `parent` as its parent, and its baggage; says whether it did.
    ///
    /// To be called first of all: not any more once the span was entered, has a child, or was asked for its
    /// context. A span that was not recorded until then gets its fields back only while it is the one that
    /// this thread made last, and not where it was made below another span of this process: the fields of
    /// those are not looked at, so that a trace that is sampled out costs little. Of more than 256 fields none come
    /// back. What is said of it afterwards is recorded.
    fn set_parent(&self, parent: &Context) -> bool;

    /// The context in which the span is current: to be injected, or attached elsewhere.
    ///
    /// That around it where the span is not recorded itself; the current one when there is none.
    fn context(&self) -> Context;

    /// The identity of the span; invalid when there is none.
    fn span_context(&self) -> SpanContext;

    /// The span itself, through which everything can be said of it that this recorder knows.
    fn native(&self) -> SpanRef;

    /// Links the span to another one.
    fn add_link(&self, context: &SpanContext, attributes: &[(&str, Value<'_>)]) {
        self.native().add_link(context, attributes);
    }

    /// Adds an event that happens now.
    fn add_event(&self, name: &str, attributes: &[(&str, Value<'_>)]) {
        self.native().add_event(name, attributes);
    }

    /// Sets an attribute, also one that is not among the span's fields.
    fn set_attribute<'a>(&self, key: &str, value: impl Into<Value<'a>>) {
        self.native().set_attribute(key, value);
    }

    /// Sets the outcome.
    fn set_status(&self, status: Status<'_>) {
        self.native().set_status(status);
    }
}

impl SpanExt for Span {
    fn set_parent(&self, parent: &Context) -> bool {
        with_layer(self, |layer, id| layer.set_parent(id, parent)).unwrap_or_default()
    }

    fn context(&self) -> Context {
        let context = with_layer(self, ContinuumLayer::context).flatten();
        context.unwrap_or_else(Context::current)
    }

    fn span_context(&self) -> SpanContext {
        let context = with_layer(self, ContinuumLayer::recorded_context).flatten();
        context
            .map(|context| context.span_context().clone())
            .unwrap_or_default()
    }

    fn native(&self) -> SpanRef {
        with_layer(self, ContinuumLayer::view)
            .flatten()
            .unwrap_or_default()
    }
}

/// Calls with the layer that recorded the span.
fn with_layer<R>(span: &Span, call: impl FnOnce(&ContinuumLayer, &Id) -> R) -> Option<R> {
    let found = span.with_subscriber(|(id, dispatch)| {
        let layer = dispatch.downcast_ref::<ContinuumLayer>()?;
        Some(call(layer, id))
    });
    found.flatten()
}
