//! [`ContinuumSpan`]: a span in the hands of API code.
//!
//! Position: made by `ContinuumTracer`, and by `bridge` as the mirror of a native span.
//!
//! Invariant: each method acts on the span itself, through the same recorder; after the span has
//! ended none does anything.

use super::{
    bridge::is_mirroring,
    convert::{attributes, unix_nanos},
    live::{Native, Registration, note_asked},
};
use crate::{Context, Span, SpanRef};
use opentelemetry::{KeyValue, Value, trace as api};
use std::{
    borrow::Cow,
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

/// A span of the `opentelemetry` API on this recorder.
#[derive(Debug)]
pub struct ContinuumSpan {
    handle: Handle,
    identity: api::SpanContext,
    /// There once somebody may look for it.
    native: OnceLock<Findable>,
}

#[derive(Debug)]
enum Handle {
    Owner(Span),
    /// A native span seen by API code, which describes it but cannot end it.
    Mirror(Arc<Native>),
}

/// The native side of a span, and what it is found by.
#[derive(Debug)]
struct Findable {
    native: Arc<Native>,
    /// Held for its drop.
    _registration: Registration,
}

impl Findable {
    fn new(native: Arc<Native>) -> Self {
        Self {
            _registration: Registration::new(&native),
            native,
        }
    }
}

impl ContinuumSpan {
    pub(super) fn owner(span: Span) -> Self {
        let identity = span.view().context().into();
        let span = Self {
            handle: Handle::Owner(span),
            identity,
            native: OnceLock::new(),
        };
        if !is_mirroring() {
            // No observer sees into what context it goes.
            span.findable();
        }
        span
    }

    /// The current span of `context`.
    pub(super) fn mirror(context: Context) -> Self {
        Self {
            identity: context.span_context().into(),
            handle: Handle::Mirror(Native::new(context)),
            native: OnceLock::new(),
        }
    }

    fn view(&self) -> &SpanRef {
        match &self.handle {
            Handle::Owner(span) => span.view(),
            Handle::Mirror(native) => native.context().span(),
        }
    }

    fn findable(&self) -> &Findable {
        self.native.get_or_init(|| {
            Findable::new(match &self.handle {
                Handle::Owner(span) => Native::new(span.as_context()),
                Handle::Mirror(native) => native.clone(),
            })
        })
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
        if is_mirroring() {
            note_asked(&self.findable().native);
        }
        &self.identity
    }

    fn is_recording(&self) -> bool {
        self.view().is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        let (span, key) = (self.view(), attribute.key.as_str());
        match &attribute.value {
            Value::I64(number) => span.set_attribute(key, *number),
            Value::F64(number) => span.set_attribute(key, *number),
            Value::Bool(truth) => span.set_attribute(key, *truth),
            Value::String(text) => span.set_attribute(key, text.as_str()),
            other => span.set_attribute(key, other),
        }
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
