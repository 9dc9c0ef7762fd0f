//! What is fixed when a span starts, and its bytes.
//!
//! Position: filled in by `Start`, written by [`super::body`] as the first bytes of a record.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, message `Span`.

use super::{
    SpanKind,
    buffer::{ROOM, put, put_bytes},
};
use crate::{
    context::{SpanContext, SpanId, TraceFlags},
    recorder::{Anchor, HEADER_LEN, RecordHeader, Recorder},
};

/// What is fixed when a span starts.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) recorder: &'static Recorder,
    pub(crate) span: &'a SpanContext,
    pub(crate) parent: Option<&'a SpanContext>,
    pub(crate) local_root: SpanId,
    pub(crate) undecided: bool,
    pub(crate) forced: bool,
    pub(crate) scope: u32,
    pub(crate) start_ticks: u64,
    pub(crate) start_unix_nanos: u64,
    pub(crate) anchor: Anchor,
}

/// Writes the record's header and the fields that are there from the start and never change.
#[inline]
pub(super) fn write_fixed(room: &mut [u8; ROOM], opening: &Opening<'_>) -> usize {
    let header = RecordHeader {
        scope: opening.scope,
        trace_id: opening.span.trace_id().to_bytes(),
        local_root: opening.local_root.to_bytes(),
        is_local_root: opening.local_root == opening.span.span_id(),
        undecided: opening.undecided,
        forced: opening.forced,
        has_trace_state: !opening.span.trace_state().is_empty(),
        ..RecordHeader::default()
    };
    let mut at = put(room, 0, &header.to_bytes());
    debug_assert_eq!(at, HEADER_LEN);
    at = put_bytes(room, at, 1, opening.span.trace_id().to_bytes());
    at = put_bytes(room, at, 2, opening.span.span_id().to_bytes());
    at = put(room, at, &[6 << 3, opening.kind as u8, 7 << 3 | 1]);
    at = put(room, at, &opening.start_unix_nanos.to_le_bytes());
    let parent_is_remote = opening.parent.is_some_and(SpanContext::is_remote);
    at = put(room, at, &[0x85, 0x01]);
    at = put(
        room,
        at,
        &wire_flags(opening.span.trace_flags(), parent_is_remote),
    );
    match opening.parent {
        Some(parent) => put_bytes(room, at, 4, parent.span_id().to_bytes()),
        None => at,
    }
}

/// `Span.flags` and `Link.flags`: the W3C flags, and whether the parent (the target) is remote.
pub(super) fn wire_flags(flags: TraceFlags, is_remote: bool) -> [u8; 4] {
    const HAS_IS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    (u32::from(flags.to_w3c()) | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 })
        .to_le_bytes()
}
