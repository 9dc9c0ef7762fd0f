//! What a log record says of its trace.
//!
//! Position: made for each record, from the current context.
//!
//! Invariant: the tenant's name is the only thing here that somebody else chose, and it is written so
//! that it stays on its line.

use crate::{
    Context, SpanId, TraceFlags, TraceId, recorder::Recorder, semconv::attribute, span::SpanBody,
};
use std::fmt;

/// Under which a tenant travels as baggage.
const TENANT: &str = "tenant_id";

/// The current trace, as a log record has it.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: TraceFlags,
    pub(super) tenant: Option<String>,
}

impl Ids {
    /// Those of the current span; `None` where there is none, or where nobody wants them.
    pub(super) fn current() -> Option<Self> {
        Self::of(&Context::current())
    }

    /// The same for another context.
    pub(super) fn of(context: &Context) -> Option<Self> {
        let recorder = context.recorder.or_else(Recorder::global);
        if recorder.is_some_and(|recorder| !recorder.config.log_correlation) {
            return None;
        }
        let span = context.span.span_context();
        span.is_valid().then(|| Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            flags: span.trace_flags(),
            tenant: tenant(context),
        })
    }
}

/// Whose data the span is about, or else everything that belongs to the request.
fn tenant(context: &Context) -> Option<String> {
    let read = |body: &mut SpanBody| Some(body.text_attribute(attribute::TENANT_ID)?.to_owned());
    let of_span = context.span.with(read).flatten();
    of_span.or_else(|| context.baggage.get(TENANT).map(str::to_owned))
}

/// As fields of a line of text.
impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace_id, span_id, flags) = (self.trace_id, self.span_id, self.flags.to_u8());
        write!(
            f,
            "trace_id={trace_id} span_id={span_id} trace_flags={flags:02x}"
        )?;
        match &self.tenant {
            Some(tenant) => write!(f, " tenant_id={tenant:?}"),
            None => Ok(()),
        }
    }
}
