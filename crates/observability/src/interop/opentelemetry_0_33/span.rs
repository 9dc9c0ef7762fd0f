//! [`ContinuumSpan`]: a span in the hands of API code.
//!
//! Position: made by `ContinuumTracer`, and by `bridge` as the mirror of a native span.
//!
//! Invariant: each method acts on the span itself, through the same recorder; after the span has
//! ended none does anything.

use super::{
    convert::{attributes, unix_nanos},
    live::Registration,
};
use crate::{Context, Span, SpanRef};
use opentelemetry::{KeyValue, trace as api};
use std::{
    borrow::Cow,
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
    time::SystemTime,
};

/// A span of the `opentelemetry` API on this recorder.
#[derive(Debug)]
pub struct ContinuumSpan {
    handle: Handle,
    identity: api::SpanContext,
    /// Held for its drop.
    _registration: Registration,
}

#[derive(Debug)]
enum Handle {
    Owner(Span),
    /// A native span seen by API code, which describes it but cannot end it.
    Mirror(SpanRef),
}

impl ContinuumSpan {
    pub(super) fn owner(span: Span) -> Self {
        let identity = span.view().context().into();
        let registration = Registration::new(span.as_context());
        Self {
            handle: Handle::Owner(span),
            identity,
            _registration: registration,
        }
    }

    /// The current span of `context`.
    pub(super) fn mirror(context: Context) -> Self {
        let view = context.span().clone();
        let identity = view.context().into();
        let registration = Registration::new(context);
        Self {
            handle: Handle::Mirror(view),
            identity,
            _registration: registration,
        }
    }

    fn view(&self) -> &SpanRef {
        match &self.handle {
            Handle::Owner(span) => span.view(),
            Handle::Mirror(view) => view,
        }
    }
}

impl api::Span for ContinuumSpan {
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, members: Vec<KeyValue>) {
        self.view().add_event(&name.into(), &attributes(&members));
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        members: Vec<KeyValue>,
    ) {
        self.view()
            .add_event_at(&name.into(), unix_nanos(timestamp), &attributes(&members));
    }

    /// Adds the event `exception`; as the API says, the status stays as it is.
    fn record_error(&mut self, error: &dyn Error) {
        if self.is_recording() {
            let text = catch_unwind(AssertUnwindSafe(|| error.to_string())).unwrap_or_default();
            self.view()
                .add_event("exception", &[("exception.message", text.into())]);
        }
    }

    fn span_context(&self) -> &api::SpanContext {
        &self.identity
    }

    fn is_recording(&self) -> bool {
        self.view().is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.view()
            .set_attribute(attribute.key.as_str(), &attribute.value);
    }

    fn set_status(&mut self, status: api::Status) {
        self.view().set_status(status.into());
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        self.view().update_name(&new_name.into());
    }

    fn add_link(&mut self, span_context: api::SpanContext, members: Vec<KeyValue>) {
        self.view()
            .add_link(&(&span_context).into(), &attributes(&members));
    }

    fn end(&mut self) {
        if let Handle::Owner(span) = &mut self.handle {
            span.end();
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Handle::Owner(span) = &mut self.handle {
            span.end_with_timestamp(unix_nanos(timestamp));
        }
    }
}
