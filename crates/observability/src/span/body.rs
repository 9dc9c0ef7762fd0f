//! A span in progress: its own wire format, growing as it is described.
//!
//! Position: created by `Tracer`, filled through `SpanRef`, finished into a chunk of the recorder.
//! Attributes, events and links are appended as OTLP at once; what may still change (name, status,
//! times) is kept aside and written by [`SpanBody::finish`].
//!
//! Invariants:
//! - setting a key twice keeps the last value;
//! - what exceeds a limit is counted in the matching `dropped_*_count`, never lost silently.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, message `Span`; OpenTelemetry specification,
//! Trace SDK, "Span limits".

use super::{
    SpanKind, SpanLimits, Status, Value,
    encode::{Buffer, Writer, attribute_len, count_len, field_len, last_of_each_key, read_varint},
};
use crate::{
    context::{SpanContext, SpanId, TraceState},
    recorder::{Anchor, RecordHeader},
    semconv::{Naming, event},
};
use std::time::Duration;

/// A span that is larger than this takes no more attributes, events or links.
const MAX_BODY_BYTES: usize = 1 << 20;
/// A pooled buffer that is larger than this gives its memory back.
const KEEP_BYTES: usize = 16 << 10;

const ATTRIBUTE: u8 = 9;
const EVENT: u8 = 11;
const LINK: u8 = 13;

/// Everything that a span knows before it ends.
#[derive(Debug, Default)]
pub(crate) struct SpanBody {
    buffer: Buffer,
    seen_keys: u64,
    name: String,
    status_text: String,
    status: StatusCode,
    pub(crate) kind: SpanKind,
    pub(crate) limits: SpanLimits,
    /// Set at each start, like the limits.
    pub(crate) naming: Naming,
    /// From this duration on, the span gets a `slow_query` event at its end.
    pub(crate) slow_after_nanos: u64,
    attributes: Counted,
    events: Counted,
    links: Counted,
    pub(crate) identity: Identity,
}

/// What is fixed when a span starts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Identity {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    pub(crate) parent_span_id: Option<[u8; 8]>,
    pub(crate) parent_is_remote: bool,
    pub(crate) flags: u8,
    pub(crate) trace_state: TraceState,
    pub(crate) local_root: SpanId,
    pub(crate) scope: u32,
    pub(crate) start_ticks: u64,
    pub(crate) start_unix_nanos: u64,
    pub(crate) anchor: Anchor,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum StatusCode {
    #[default]
    Unset = 0,
    Ok = 1,
    Error = 2,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    kept: u32,
    dropped: u32,
}

impl Counted {
    /// Counts one more, as kept if the limit allows.
    fn admit(&mut self, limit: u32) -> bool {
        let fits = self.kept < limit;
        if fits {
            self.kept += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        fits
    }
}

impl SpanBody {
    /// Starts a new span in this body.
    pub(crate) fn begin(&mut self, name: &str, kind: SpanKind, limits: SpanLimits) {
        self.buffer.clear(KEEP_BYTES);
        self.seen_keys = 0;
        self.set_name(name);
        self.status = StatusCode::Unset;
        self.status_text.clear();
        self.kind = kind;
        self.limits = limits;
        self.slow_after_nanos = u64::MAX;
        self.attributes = Counted::default();
        self.events = Counted::default();
        self.links = Counted::default();
    }

    /// Gives back what a large span took, before the body goes to a pool.
    pub(crate) fn release_memory(&mut self) {
        self.buffer.clear(KEEP_BYTES);
        for text in [&mut self.name, &mut self.status_text] {
            if text.capacity() > KEEP_BYTES {
                *text = String::new();
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.name.clear();
        self.name.push_str(name);
    }

    /// Keeps the last description; after OK nothing changes any more.
    pub(crate) fn set_status(&mut self, status: Status<'_>) {
        let code = match status {
            Status::Unset => return,
            Status::Ok => StatusCode::Ok,
            Status::Error { .. } => StatusCode::Error,
        };
        if self.status == StatusCode::Ok {
            return;
        }
        self.status = code;
        self.status_text.clear();
        if let Status::Error { description } = status {
            self.status_text.push_str(&description);
        }
    }

    /// An empty key is not an attribute and is counted as dropped.
    #[inline]
    pub(crate) fn set_attribute(&mut self, key: &str, value: &Value<'_>) {
        let bit = 1u64 << key_bucket(key.as_bytes());
        if self.seen_keys & bit != 0
            && let Some(old) = self.find_attribute(key)
        {
            self.buffer.remove(old);
            self.attributes.kept -= 1;
        }
        let limit = self.limits.value_length;
        let len = attribute_len(key, value, limit);
        if key.is_empty() || self.is_full(len) {
            self.attributes.dropped = self.attributes.dropped.saturating_add(1);
            return;
        }
        if self.attributes.admit(self.limits.attributes) {
            self.seen_keys |= bit;
            self.buffer
                .extend(len)
                .attribute(ATTRIBUTE, key, value, limit);
        }
    }

    /// Where the attribute `key` is encoded, found by walking the fields written so far.
    #[cold]
    fn find_attribute(&self, key: &str) -> Option<std::ops::Range<usize>> {
        let bytes = self.buffer.as_slice();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let tag = bytes[at] >> 3;
            at += 1;
            let len = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
            let end = at + len;
            if tag == ATTRIBUTE {
                let mut inner = at + 1;
                let key_len = usize::try_from(read_varint(bytes, &mut inner)?).ok()?;
                if bytes.get(inner..inner + key_len)? == key.as_bytes() {
                    return Some(start..end);
                }
            }
            at = end;
        }
        None
    }

    pub(crate) fn add_event<K: AsRef<str>>(
        &mut self,
        name: &str,
        unix_nanos: u64,
        attributes: &[(K, Value<'_>)],
    ) {
        let limit = self.limits.value_length;
        let (kept, dropped) = Self::members(attributes, self.limits.attributes_per_event);
        let len = 9 + field_len(name.len()) + attributes_len(&kept, limit) + count_len(dropped);
        if self.is_full(len) {
            self.events.dropped = self.events.dropped.saturating_add(1);
        } else if self.events.admit(self.limits.events) {
            let mut out = self.buffer.extend(field_len(len));
            out.message(EVENT, len);
            out.fixed64(1, unix_nanos);
            out.bytes(2, name.as_bytes());
            write_attributes(&mut out, 3, &kept, limit);
            out.count(4, dropped);
        }
    }

    pub(crate) fn add_link<K: AsRef<str>>(
        &mut self,
        context: &SpanContext,
        attributes: &[(K, Value<'_>)],
    ) {
        let limit = self.limits.value_length;
        let (kept, dropped) = Self::members(attributes, self.limits.attributes_per_link);
        let state = context.trace_state().header();
        let state_len = if state.is_empty() {
            0
        } else {
            field_len(state.len())
        };
        let len = 18 + 10 + state_len + attributes_len(&kept, limit) + count_len(dropped) + 5;
        if self.is_full(len) {
            self.links.dropped = self.links.dropped.saturating_add(1);
        } else if self.links.admit(self.limits.links) {
            let mut out = self.buffer.extend(field_len(len));
            out.message(LINK, len);
            out.bytes(1, &context.trace_id().to_bytes());
            out.bytes(2, &context.span_id().to_bytes());
            if state_len > 0 {
                out.bytes(3, state.as_bytes());
            }
            write_attributes(&mut out, 4, &kept, limit);
            out.count(5, dropped);
            out.byte(6 << 3 | 5);
            out.raw(&wire_flags(
                context.trace_flags().to_w3c(),
                context.is_remote(),
            ));
        }
    }

    /// The attributes of an event or a link that are kept, and how many are not.
    fn members<'a, 'v, K: AsRef<str>>(
        attributes: &'a [(K, Value<'v>)],
        limit: u32,
    ) -> (Vec<(&'a str, &'a Value<'v>)>, u32) {
        let mut kept = Vec::new();
        let mut dropped = 0;
        for (key, value) in last_of_each_key(attributes) {
            if kept.len() < limit as usize && !key.is_empty() {
                kept.push((key, value));
            } else {
                dropped += 1;
            }
        }
        (kept, dropped)
    }

    fn is_full(&self, more: usize) -> bool {
        self.buffer.len().saturating_add(more) > MAX_BODY_BYTES
    }

    /// Adds the `slow_query` event to a span that was watched and took long.
    #[inline]
    pub(crate) fn note_slowness(&mut self, end_unix_nanos: u64) {
        let nanos = end_unix_nanos.saturating_sub(self.identity.start_unix_nanos);
        if nanos >= self.slow_after_nanos {
            self.add_slow_query(nanos, end_unix_nanos);
        }
    }

    #[cold]
    fn add_slow_query(&mut self, nanos: u64, end_unix_nanos: u64) {
        let seconds = |nanos| Value::F64(Duration::from_nanos(nanos).as_secs_f64());
        let attributes = [
            ("duration_seconds", seconds(nanos)),
            ("threshold_seconds", seconds(self.slow_after_nanos)),
        ];
        self.add_event(event::SLOW_QUERY, end_unix_nanos, &attributes);
    }

    /// Whether the span carries an error status.
    pub(crate) fn failed(&self) -> bool {
        self.status == StatusCode::Error
    }

    /// Appends the finished record, header and OTLP `Span`, to `out`.
    pub(crate) fn finish(&self, end_unix_nanos: u64, out: &mut Vec<u8>) {
        let identity = &self.identity;
        let end_unix_nanos = end_unix_nanos.max(identity.start_unix_nanos);
        let tail = self.tail_len();
        let header = RecordHeader {
            len: u32::try_from(self.buffer.len() + tail).unwrap_or(u32::MAX),
            scope: identity.scope,
            trace_id: identity.trace_id,
            local_root: identity.local_root.to_bytes(),
            is_local_root: identity.local_root.to_bytes() == identity.span_id,
            failed: self.failed(),
            duration_nanos: end_unix_nanos - identity.start_unix_nanos,
        };
        header.write(out);
        out.extend_from_slice(self.buffer.as_slice());
        let start = out.len();
        out.resize(start + tail, 0);
        self.write_tail(&mut Writer::new(&mut out[start..]), end_unix_nanos);
    }

    fn status_len(&self) -> usize {
        match self.status {
            StatusCode::Unset => 0,
            _ if self.status_text.is_empty() => 2,
            _ => 2 + field_len(self.status_text.len()),
        }
    }

    fn tail_len(&self) -> usize {
        let state = self.identity.trace_state.header().len();
        let status = self.status_len();
        18 + 10 // trace and span id
            + if state == 0 { 0 } else { field_len(state) }
            + if self.identity.parent_span_id.is_some() { 10 } else { 0 }
            + field_len(self.name.len())
            + 2 + 9 + 9 // kind, start, end
            + count_len(self.attributes.dropped)
            + count_len(self.events.dropped)
            + count_len(self.links.dropped)
            + if status == 0 { 0 } else { field_len(status) }
            + 6 // flags
    }

    fn write_tail(&self, out: &mut Writer<'_>, end_unix_nanos: u64) {
        let identity = &self.identity;
        out.bytes(1, &identity.trace_id);
        out.bytes(2, &identity.span_id);
        let state = identity.trace_state.header();
        if !state.is_empty() {
            out.bytes(3, state.as_bytes());
        }
        if let Some(parent) = &identity.parent_span_id {
            out.bytes(4, parent);
        }
        out.bytes(5, self.name.as_bytes());
        out.raw(&[6 << 3, self.kind as u8]);
        out.fixed64(7, identity.start_unix_nanos);
        out.fixed64(8, end_unix_nanos);
        out.count(10, self.attributes.dropped);
        out.count(12, self.events.dropped);
        out.count(14, self.links.dropped);
        self.write_status(out);
        out.raw(&[0x85, 0x01]);
        out.raw(&wire_flags(identity.flags, identity.parent_is_remote));
    }

    fn write_status(&self, out: &mut Writer<'_>) {
        let len = self.status_len();
        if len > 0 {
            out.message(15, len);
            if !self.status_text.is_empty() {
                out.bytes(2, self.status_text.as_bytes());
            }
            out.raw(&[3 << 3, self.status as u8]);
        }
    }
}

/// `Span.flags` and `Link.flags`: the W3C flags, and whether the parent (the target) is remote.
fn wire_flags(flags: u8, is_remote: bool) -> [u8; 4] {
    const HAS_IS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    (u32::from(flags) | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 }).to_le_bytes()
}

fn attributes_len(attributes: &[(&str, &Value<'_>)], limit: usize) -> usize {
    attributes
        .iter()
        .map(|(key, value)| attribute_len(key, value, limit))
        .sum()
}

fn write_attributes(
    out: &mut Writer<'_>,
    tag: u8,
    attributes: &[(&str, &Value<'_>)],
    limit: usize,
) {
    for (key, value) in attributes {
        out.attribute(tag, key, value, limit);
    }
}

/// One of 64 buckets; two keys in different buckets differ for sure.
#[inline]
fn key_bucket(key: &[u8]) -> u32 {
    let word = |at: usize| key.get(at).copied().map_or(0, u64::from);
    let ends = word(0) | word(key.len() / 2) << 8 | word(key.len().wrapping_sub(1)) << 16;
    let mixed = (ends | (key.len() as u64) << 24).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 58) as u32
}
