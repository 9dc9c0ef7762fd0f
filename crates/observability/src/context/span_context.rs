//! The identity of a span: what a child, a link or another process needs to know of it.
//!
//! Position: made when a span starts or by `propagation` from a carrier; read by samplers,
//! children, links and injectors. Immutable.
//!
//! Invariants:
//! - cloning copies 26 bytes and counts one reference, and none while the `tracestate` is empty;
//! - valid means that both ids are valid; nothing invalid is ever injected.
//!
//! Source: OpenTelemetry specification, Trace API, "`SpanContext`".

use super::ids::{SpanId, TraceFlags, TraceId};
use super::trace_state::TraceState;

/// The part of a span that travels: its ids, flags and `tracestate`.
///
/// # Examples
///
/// ```
/// use continuum_observability::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
///
/// let context = SpanContext::new(
///     TraceId::from(7_u128),
///     SpanId::from(9_u64),
///     TraceFlags::SAMPLED,
///     false,
///     TraceState::EMPTY,
/// );
/// assert!(context.is_valid() && context.is_sampled() && !context.is_remote());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SpanContext {
    trace_id: TraceId,
    span_id: SpanId,
    trace_flags: TraceFlags,
    is_remote: bool,
    trace_state: TraceState,
}

impl SpanContext {
    /// The context of no span: zero ids, no flags, no `tracestate`.
    pub const INVALID: Self = Self::new(
        TraceId::INVALID,
        SpanId::INVALID,
        TraceFlags::NONE,
        false,
        TraceState::EMPTY,
    );

    /// Puts the parts together; `is_remote` says that they came from another process.
    pub const fn new(
        trace_id: TraceId,
        span_id: SpanId,
        trace_flags: TraceFlags,
        is_remote: bool,
        trace_state: TraceState,
    ) -> Self {
        Self {
            trace_id,
            span_id,
            trace_flags,
            is_remote,
            trace_state,
        }
    }

    /// The id of the trace that the span belongs to.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The id of the span within its trace.
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The flags of the span.
    pub const fn trace_flags(&self) -> TraceFlags {
        self.trace_flags
    }

    /// What other tracing systems want carried along.
    pub const fn trace_state(&self) -> &TraceState {
        &self.trace_state
    }

    /// Takes trace, flags and `tracestate` from `parent`, in place.
    #[inline]
    pub(crate) fn join(&mut self, parent: &Self) {
        self.trace_id = parent.trace_id;
        self.trace_flags = parent.trace_flags;
        if !parent.trace_state.is_empty() {
            self.trace_state = parent.trace_state.clone();
        }
    }

    /// Takes a new trace, in place.
    #[inline]
    pub(crate) fn begin_trace(&mut self, trace_id: TraceId, flags: TraceFlags) {
        self.trace_id = trace_id;
        self.trace_flags = flags;
    }

    /// Sets the span's id and whether it is sampled, in place.
    #[inline]
    pub(crate) fn identify(&mut self, span_id: SpanId, sampled: bool) {
        self.span_id = span_id;
        self.trace_flags = self.trace_flags.with_sampled(sampled);
    }

    /// Replaces the `tracestate` in place.
    pub(crate) fn set_trace_state(&mut self, trace_state: TraceState) {
        self.trace_state = trace_state;
    }

    /// The same context with another `tracestate`.
    #[must_use]
    pub fn with_trace_state(self, trace_state: TraceState) -> Self {
        Self {
            trace_state,
            ..self
        }
    }

    /// Whether the span lives in another process.
    pub const fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// Whether both ids are anything but zero.
    pub const fn is_valid(&self) -> bool {
        self.trace_id.is_valid() && self.span_id.is_valid()
    }

    /// Whether the sampled flag is set.
    pub const fn is_sampled(&self) -> bool {
        self.trace_flags.is_sampled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(trace: u128, span: u64) -> SpanContext {
        let flags = TraceFlags::SAMPLED;
        SpanContext::new(trace.into(), span.into(), flags, true, TraceState::EMPTY)
    }

    #[test]
    fn valid_takes_both_ids() {
        assert!(context(1, 1).is_valid());
        assert!(!context(0, 1).is_valid());
        assert!(!context(1, 0).is_valid());
        assert_eq!(SpanContext::default(), SpanContext::INVALID);
        assert!(!SpanContext::INVALID.is_valid());
    }

    #[test]
    fn the_parts_come_out_as_they_went_in() {
        let state: TraceState = "a=1".parse().unwrap();
        let context = context(3, 4).with_trace_state(state.clone());
        assert_eq!(context.trace_id(), TraceId::from(3));
        assert_eq!(context.span_id(), SpanId::from(4));
        assert_eq!(context.trace_flags(), TraceFlags::SAMPLED);
        assert_eq!(context.trace_state(), &state);
        assert!(context.is_sampled() && context.is_remote());
    }
}
