//! What can be done to a span.
//!
//! Drawn by `strategies` in the property test, from the fuzzer's bytes in the fuzz target `encoder`.

use continuum_observability::{
    Context, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState, Value,
};

pub(crate) type Attributes = Vec<(String, Value<'static>)>;

/// How a span starts.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    /// Whether there is a remote parent, and its `tracestate`.
    pub(crate) parent: Option<TraceState>,
    pub(crate) attributes: Attributes,
    pub(crate) links: Vec<Link>,
    pub(crate) unix_nanos: Option<u64>,
}

impl Start {
    pub(crate) fn parent_span_context(&self) -> Option<SpanContext> {
        let ids = (TraceId::from(0xabcd_u128), SpanId::from(0xef_u64));
        let state = self.parent.clone()?;
        Some(SpanContext::new(
            ids.0,
            ids.1,
            TraceFlags::SAMPLED,
            true,
            state,
        ))
    }

    pub(crate) fn parent_context(&self) -> Option<Context> {
        // Of the current recorder.
        Some(Context::current().with_remote_span_context(self.parent_span_context()?))
    }
}

/// One operation on one of the spans.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Which one, counted around.
    pub(crate) span: usize,
    pub(crate) by: Actor,
    pub(crate) operation: Operation,
}

/// Who performs an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Actor {
    Owner,
    Reference,
    OtherThread,
    /// Another thread, while this one goes on with the other spans.
    Beside,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    SetAttribute(String, Value<'static>),
    AddEvent {
        name: String,
        unix_nanos: Option<u64>,
        attributes: Attributes,
    },
    AddLink(Link),
    SetStatus(Status<'static>),
    UpdateName(String),
    End(End),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Now,
    At(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) target: (u128, u64, u8, bool),
    pub(crate) state: TraceState,
    pub(crate) attributes: Attributes,
}

impl Link {
    pub(crate) fn context(&self) -> SpanContext {
        let (trace, span, flags, remote) = self.target;
        let flags = TraceFlags::new(flags);
        SpanContext::new(trace.into(), span.into(), flags, remote, self.state.clone())
    }
}

/// Few keys, so that they meet again: an empty one, some with the same ends and length, a long one.
pub(crate) fn keys() -> Vec<String> {
    let long = "k".repeat(200);
    ["", "a", "b", "k1y", "k1ya1y", "k1yb1y", "ключ", &long]
        .map(str::to_owned)
        .to_vec()
}
