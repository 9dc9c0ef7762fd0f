//! What is fixed when a span starts, and its bytes.
//!
//! Position: filled in by `Start`, written by [`super::body`] as the first bytes of a record.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, message `Span`.

use super::{
    SpanKind,
    buffer::{ROOM, put, put_bytes},
};
#[cfg(feature = "tracing")]
use crate::recorder::ParentOrigin;
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

/// Where the parent is, by what [`write_fixed`] wrote.
#[cfg(feature = "tracing")]
pub(super) fn parent_origin(record: &[u8]) -> ParentOrigin {
    const FLAGS: usize = HEADER_LEN + 18 + 10 + 11 + 2;
    let is_remote = record.get(FLAGS + 1).is_some_and(|byte| byte & 2 != 0);
    match record.get(FLAGS + 4) {
        Some(tag) if *tag == 4 << 3 | 2 && is_remote => ParentOrigin::Remote,
        Some(tag) if *tag == 4 << 3 | 2 => ParentOrigin::Local,
        _ => ParentOrigin::None,
    }
}

/// `Span.flags` and `Link.flags`: the W3C flags, and whether the parent (the target) is remote.
pub(super) fn wire_flags(flags: TraceFlags, is_remote: bool) -> [u8; 4] {
    const HAS_IS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    (u32::from(flags.to_w3c()) | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 })
        .to_le_bytes()
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use super::*;
    use crate::{Context, SpanRef, TraceState, get_tracer, testing::TestRecorder, with_context};

    #[test]
    fn where_the_parent_is_can_be_read_from_what_was_written() {
        let origin = |span: &SpanRef| span.with(|body| parent_origin(body.buffer.as_slice()));
        let tracer = get_tracer("test");
        TestRecorder::new().run(|| {
            tracer.in_scope("root", |root| {
                assert_eq!(origin(root), Some(ParentOrigin::None));
                tracer.in_scope("child", |child| {
                    assert_eq!(origin(child), Some(ParentOrigin::Local));
                });
            });
            let state: TraceState = "vendor=1".parse().unwrap();
            let caller = SpanContext::new(
                7_u128.into(),
                9_u64.into(),
                TraceFlags::SAMPLED,
                true,
                state,
            );
            let below = Context::current().with_remote_span_context(caller);
            with_context(&below, || {
                tracer.in_scope("served", |served| {
                    assert_eq!(origin(served), Some(ParentOrigin::Remote));
                });
            });
        });
    }
}
