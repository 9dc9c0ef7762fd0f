//! A span in progress: its own wire format, growing as it is described.
//!
//! Position: created by `Tracer`, filled through `SpanRef`, finished into a chunk of the recorder.
//! The fixed fields and the name are written at the start, attributes, events and links as they
//! come; end, dropped counts and status by [`SpanBody::finish`]. The record is then copied as it is.
//!
//! Invariants:
//! - setting a key twice keeps the last value;
//! - a field is written once: the order on the wire is the order of the calls;
//! - what exceeds a limit is counted in the matching `dropped_*_count`, never lost silently.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, message `Span`; OpenTelemetry specification,
//! Trace SDK, "Span limits".

use super::{
    SpanKind, SpanLimits, Status, Value,
    buffer::{Buffer, ROOM, SHORT_TEXT, put, put_text, put_varint},
    counted::Counted,
    encode::{attribute_len, count_len, field_len, read_varint},
    keys::{KeyEnds, SeenKeys},
    last_exception::LastException,
    members::{Members, ShortMembers},
    opening::{Opening, wire_flags, write_fixed},
    redaction::{is_hidden, visible},
    short::{Plain, is_short_key, put_attribute},
    url::redact_urls,
};
use crate::{
    context::{SpanContext, TraceState},
    recorder::{Anchor, HEADER_LEN, RecordHeader},
    semconv::{Naming, event},
};
use std::time::Duration;

/// A span that is larger than this takes no more attributes, events or links.
const MAX_BODY_BYTES: usize = 1 << 20;
/// A pooled buffer that is larger than this gives its memory back.
const KEEP_BYTES: usize = 16 << 10;

const NAME: u8 = 5;
pub(super) const ATTRIBUTE: u8 = 9;
pub(super) const EVENT: u8 = 11;
pub(super) const LINK: u8 = 13;

/// Everything that a span knows before it ends.
#[derive(Debug, Default)]
pub(crate) struct SpanBody {
    /// The record as it will be copied out: header, fixed fields, then what was added.
    pub(super) buffer: Buffer,
    pub(super) seen_keys: SeenKeys,
    /// Where the name's field begins and ends.
    pub(super) name: (usize, usize),
    /// Where what was added begins.
    pub(super) fixed_len: usize,
    pub(super) status: StatusCode,
    pub(super) status_text: String,
    limits: SpanLimits,
    pub(super) attributes: Counted,
    pub(super) events: Counted,
    pub(super) links: Counted,
    pub(super) last_exception: LastException,
    /// Whether the span is exported when it has ended.
    pub(super) sampled: bool,
    pub(crate) kind: SpanKind,
    scope: u32,
    pub(crate) naming: Naming,
    /// From this duration on, the span gets a `slow_query` event at its end.
    pub(crate) slow_after_nanos: u64,
    start_ticks: u64,
    start_unix_nanos: u64,
    anchor: Anchor,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusCode {
    #[default]
    Unset = 0,
    Ok = 1,
    Error = 2,
}

impl SpanBody {
    /// Starts a new span in this body: writes what will not change.
    #[inline]
    pub(crate) fn begin(&mut self, opening: &Opening<'_>) {
        self.buffer.clear(KEEP_BYTES);
        self.seen_keys = SeenKeys::default();
        self.status = StatusCode::Unset;
        self.limits = opening.recorder.config.limits;
        self.sampled = opening.span.is_sampled();
        self.kind = opening.kind;
        self.scope = opening.scope;
        self.naming = opening.recorder.config.naming;
        self.slow_after_nanos = u64::MAX;
        self.attributes = Counted::default();
        self.events = Counted::default();
        self.links = Counted::default();
        self.last_exception = LastException::default();
        self.start_ticks = opening.start_ticks;
        self.start_unix_nanos = opening.start_unix_nanos;
        self.anchor = opening.anchor;
        let name = opening.name.as_bytes();
        let mut fixed = 0;
        self.buffer.short(|room| {
            fixed = write_fixed(room, opening);
            if name.len() <= SHORT_TEXT {
                put_text(room, fixed, NAME, name)
            } else {
                fixed
            }
        });
        if name.len() > SHORT_TEXT {
            self.append_name(opening.name);
        } else {
            self.name = (fixed, self.buffer.len());
        }
        if !opening.span.trace_state().is_empty() {
            self.write_trace_state(opening.span.trace_state());
        }
        self.fixed_len = self.buffer.len();
    }

    /// Gives back what a large span took, before the body goes to a pool.
    #[inline]
    pub(crate) fn release_memory(&mut self) {
        self.buffer.clear(KEEP_BYTES);
        if self.status_text.capacity() > KEEP_BYTES {
            self.status_text = String::new();
        }
    }

    #[cold]
    fn write_trace_state(&mut self, trace_state: &TraceState) {
        let state = trace_state.header().as_bytes();
        self.buffer.extend(field_len(state.len())).bytes(3, state);
    }

    #[cold]
    fn append_name(&mut self, name: &str) {
        let start = self.buffer.len();
        let field = field_len(name.len());
        self.buffer.extend(field).bytes(NAME, name.as_bytes());
        self.name = (start, start + field);
    }

    /// Takes the name out and writes another one behind what was added so far.
    pub(crate) fn set_name(&mut self, name: &str) {
        let (start, end) = self.name;
        self.buffer.remove(start..end);
        if start < self.fixed_len {
            self.fixed_len -= end - start;
        }
        self.append_name(name);
    }

    /// Whether the span is exported when it has ended.
    #[inline]
    pub(crate) fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The number of the instrumentation scope.
    pub(super) fn scope(&self) -> u32 {
        self.scope
    }

    pub(super) fn name(&self) -> &str {
        let (start, end) = self.name;
        let field = self.buffer.as_slice().get(start..end).unwrap_or_default();
        let mut at = 1;
        let _len = read_varint(field, &mut at);
        str::from_utf8(field.get(at..).unwrap_or_default()).unwrap_or_default()
    }

    /// How long a span took that ends then.
    #[inline]
    pub(crate) fn nanos_until(&self, end_unix_nanos: u64) -> u64 {
        end_unix_nanos.saturating_sub(self.start_unix_nanos)
    }

    /// Where `ticks` of an event lie on the wall clock.
    #[inline]
    pub(crate) fn unix_nanos_at(&self, ticks: u64) -> u64 {
        self.anchor.unix_nanos(ticks)
    }

    /// When a span ends that ends at `ticks`: never before its start.
    #[inline]
    pub(crate) fn end_unix_nanos(&self, ticks: u64) -> u64 {
        let passed = self.anchor.nanos(ticks.saturating_sub(self.start_ticks));
        self.start_unix_nanos.saturating_add(passed)
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
            self.status_text.push_str(&redact_urls(&description));
        }
    }

    /// An empty key is not an attribute and is counted as dropped.
    pub(crate) fn set_attribute(&mut self, key: &str, value: &Value<'_>) {
        if let Some(plain) = Plain::of(value) {
            return self.set_plain(key, plain);
        }
        if self.seen_keys.note(&KeyEnds::of(key)) {
            self.forget_attribute(key);
        }
        self.set_long_attribute(key, value);
    }

    /// The form of [`SpanBody::set_attribute`] for most values.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; its frame is a tenth of it"
    )]
    #[inline(always)]
    pub(crate) fn set_plain(&mut self, key: &str, value: Plain<'_>) {
        let ends = KeyEnds::of(key);
        if self.seen_keys.note(&ends) {
            self.forget_attribute(key);
        }
        let fits = self.attributes.kept < self.limits.attributes
            && self.buffer.len() <= MAX_BODY_BYTES - ROOM
            && is_short_key(key)
            && value.is_short(self.limits.value_length);
        if !fits || is_hidden(key, &ends) {
            return self.set_long_attribute(key, &value.to_value());
        }
        self.attributes.kept += 1;
        self.buffer
            .short(|room| put_attribute(room, ATTRIBUTE, key, value));
    }

    /// Sets what is known at the start.
    pub(crate) fn set_attributes(&mut self, attributes: &[(&str, Value<'_>)]) {
        for (key, value) in attributes {
            self.set_attribute(key, value);
        }
    }

    /// The general form of [`SpanBody::set_attribute`], which also counts what does not fit.
    #[cold]
    fn set_long_attribute(&mut self, key: &str, value: &Value<'_>) {
        let (key, value) = (key.as_bytes(), visible(key, value));
        let limit = self.limits.value_length;
        let len = attribute_len(key, value, limit);
        if key.is_empty() || self.is_full(len) {
            self.attributes.dropped = self.attributes.dropped.saturating_add(1);
        } else if self.attributes.admit(self.limits.attributes) {
            self.buffer
                .extend(len)
                .attribute(ATTRIBUTE, key, value, limit);
        }
    }

    /// Takes out the attribute `key`, if it is there.
    #[cold]
    pub(super) fn forget_attribute(&mut self, key: &str) {
        if let Some(old) = self.find_attribute(key.as_bytes()) {
            let (start, end) = self.name;
            if start > old.start {
                self.name = (start - old.len(), end - old.len());
            }
            self.buffer.remove(old);
            self.attributes.kept -= 1;
        }
    }

    /// Where the attribute `key` is encoded, found by walking the fields written so far.
    pub(super) fn find_attribute(&self, key: &[u8]) -> Option<std::ops::Range<usize>> {
        let bytes = self.buffer.as_slice();
        let mut at = self.fixed_len;
        while at < bytes.len() {
            let start = at;
            let tag = bytes[at] >> 3;
            at += 1;
            let len = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
            let end = at + len;
            if tag == ATTRIBUTE {
                let mut inner = at + 1;
                let key_len = usize::try_from(read_varint(bytes, &mut inner)?).ok()?;
                if bytes.get(inner..inner + key_len)? == key {
                    return Some(start..end);
                }
            }
            at = end;
        }
        None
    }

    /// The exception that was recorded last.
    pub(super) fn last_exception(&self) -> LastException {
        self.last_exception
    }

    pub(crate) fn add_event(
        &mut self,
        name: &str,
        unix_nanos: u64,
        attributes: &[(&str, Value<'_>)],
    ) {
        if name == event::EXCEPTION {
            let recorded = self.last_exception.note(attributes);
            self.append_event(name, unix_nanos, &recorded);
        } else {
            self.append_event(name, unix_nanos, attributes);
        }
    }

    fn append_event(&mut self, name: &str, unix_nanos: u64, attributes: &[(&str, Value<'_>)]) {
        let limit = self.limits.value_length;
        if self.add_short_event(name, unix_nanos, attributes) {
            return;
        }
        let members = Members::of(attributes, self.limits.attributes_per_event);
        let len = 9 + field_len(name.len()) + members.encoded_len(limit);
        if self.is_full(len) {
            self.events.dropped = self.events.dropped.saturating_add(1);
        } else if self.events.admit(self.limits.events) {
            let mut out = self.buffer.extend(field_len(len));
            out.message(EVENT, len);
            out.fixed64(1, unix_nanos);
            out.bytes(2, name.as_bytes());
            members.write(&mut out, 3, limit);
        }
    }

    /// Adds an event all of whose parts are short and kept; `false`: it is not such a one.
    #[inline]
    fn add_short_event(
        &mut self,
        name: &str,
        unix_nanos: u64,
        attributes: &[(&str, Value<'_>)],
    ) -> bool {
        let members = ShortMembers::of(attributes, self.limits.value_length);
        let Some(members) = members.filter(|_| name.len() <= SHORT_TEXT) else {
            return false;
        };
        let len = 11 + name.len() + members.encoded_len;
        if attributes.len() > self.limits.attributes_per_event as usize
            || self.events.kept >= self.limits.events
            || self.is_full(ROOM + len)
        {
            return false;
        }
        self.events.kept += 1;
        self.buffer.short(|room| {
            room[0] = EVENT << 3 | 2;
            let at = put_varint(room, 1, len as u64);
            room[at] = 1 << 3 | 1;
            let at = put(room, at + 1, &unix_nanos.to_le_bytes());
            put_text(room, at, 2, name.as_bytes())
        });
        members.write(&mut self.buffer, 3);
        true
    }

    pub(crate) fn add_link(&mut self, context: &SpanContext, attributes: &[(&str, Value<'_>)]) {
        let limit = self.limits.value_length;
        let members = Members::of(attributes, self.limits.attributes_per_link);
        let state = context.trace_state().header();
        let state_len = if state.is_empty() {
            0
        } else {
            field_len(state.len())
        };
        let len = 18 + 10 + state_len + members.encoded_len(limit) + 5;
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
            members.write(&mut out, 4, limit);
            out.byte(6 << 3 | 5);
            out.raw(&wire_flags(context.trace_flags(), context.is_remote()));
        }
    }

    fn is_full(&self, more: usize) -> bool {
        self.buffer.len().saturating_add(more) > MAX_BODY_BYTES
    }

    /// Adds the `slow_query` event to a span that was watched and took long.
    #[inline]
    pub(crate) fn note_slowness(&mut self, end_unix_nanos: u64) {
        let nanos = self.nanos_until(end_unix_nanos);
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

    /// The OTLP `Span` as it would be if it ended now, without an end.
    pub(super) fn so_far(&mut self) -> Vec<u8> {
        let described = self.buffer.len();
        self.write_outcome();
        let bytes = self.buffer.as_slice().get(HEADER_LEN..).map(<[u8]>::to_vec);
        self.buffer.remove(described..self.buffer.len());
        bytes.unwrap_or_default()
    }

    /// Appends the finished record, header and OTLP `Span`, to `out`.
    #[inline]
    pub(crate) fn finish(&mut self, end_unix_nanos: u64, out: &mut Vec<u8>) {
        let end_unix_nanos = end_unix_nanos.max(self.start_unix_nanos);
        self.buffer.short(|room| {
            room[0] = 8 << 3 | 1;
            put(room, 1, &end_unix_nanos.to_le_bytes())
        });
        let dropped = self.attributes.dropped | self.events.dropped | self.links.dropped;
        if dropped != 0 || self.status != StatusCode::Unset {
            self.write_outcome();
        }
        let duration = end_unix_nanos - self.start_unix_nanos;
        let failed = self.failed();
        if let Some((header, span)) = self.buffer.used_mut().split_first_chunk_mut() {
            RecordHeader::complete(header, span.len(), duration, failed);
        }
        out.extend_from_slice(self.buffer.as_slice());
    }

    /// Writes the dropped counts and the status.
    #[cold]
    fn write_outcome(&mut self) {
        let (attributes, events, links) = (
            self.attributes.dropped,
            self.events.dropped,
            self.links.dropped,
        );
        let status_len = self.status_len();
        let len = count_len(attributes)
            + count_len(events)
            + count_len(links)
            + if status_len == 0 {
                0
            } else {
                field_len(status_len)
            };
        let mut out = self.buffer.extend(len);
        out.count(10, attributes);
        out.count(12, events);
        out.count(14, links);
        if status_len > 0 {
            out.message(15, status_len);
            if !self.status_text.is_empty() {
                out.bytes(2, self.status_text.as_bytes());
            }
            out.raw(&[3 << 3, self.status as u8]);
        }
    }

    fn status_len(&self) -> usize {
        match self.status {
            StatusCode::Unset => 0,
            _ if self.status_text.is_empty() => 2,
            _ => 2 + field_len(self.status_text.len()),
        }
    }
}
