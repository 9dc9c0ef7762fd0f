//! A span in progress: its own wire format, growing as it is described.
//!
//! Position: created by `Tracer`, filled through `SpanRef`, finished into a chunk of the recorder.
//! The fixed fields and the name are written at the start, attributes, events and links as they
//! come; end, dropped counts and status by [`SpanBody::finish`]. The record is then copied as it is.
//!
//! Invariants:
//! - setting a key twice keeps the last value;
//! - a field is written once: the order on the wire is the order of the calls;
//! - what exceeds a limit is counted in the matching `dropped_*_count`, never lost silently;
//! - a span has a bound in bytes: name and status are cut, what else does not fit is dropped.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, message `Span`; OpenTelemetry specification,
//! Trace SDK, "Span limits".

mod attributes;
#[cfg(feature = "tracing")]
mod encoded;
mod events;
mod known_key;
#[cfg(any(feature = "log_0_4", feature = "metrics", feature = "tracing"))]
mod reading;
mod template;

#[cfg(feature = "tracing")]
pub(crate) use encoded::{Encoded, KeySet};
pub(crate) use known_key::KnownKey;
pub(crate) use template::Template;

use super::{
    SpanKind, SpanLimits, Status,
    buffer::{Buffer, MAX_BODY_BYTES, SHORT_TEXT, put_text},
    counted::Counted,
    encode::{count_len, field_len, read_varint},
    keys::SeenKeys,
    last_exception::LastException,
    opening::{Opening, write_fixed},
    url::redact_urls,
};
use crate::{
    context::TraceState,
    recorder::{Anchor, HEADER_LEN, RecordHeader},
    semconv::Naming,
};
use std::ops::Range;

/// A pooled buffer that is larger than this gives its memory back.
const KEEP_BYTES: usize = 16 << 10;

/// Of a longer name or status text the beginning is kept.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Bytes of the field that says when a span ended.
const END_LEN: usize = 9;
const NAME: u8 = 5;
const END: u8 = 8;
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
    /// What sampler and hooks added at the start, if they were asked.
    #[cfg(feature = "tracing")]
    pub(super) by_hooks: Option<super::draft::ByHooks>,
    pub(super) status: StatusCode,
    pub(super) status_text: String,
    pub(super) limits: &'static SpanLimits,
    pub(super) attributes: Counted,
    pub(super) events: Counted,
    pub(super) links: Counted,
    pub(super) last_exception: LastException,
    /// Whether the span is exported when it has ended.
    pub(super) sampled: bool,
    pub(crate) kind: SpanKind,
    scope: u32,
    pub(crate) naming: Naming,
    /// Whether nobody knows how it ended, so that it counts neither as a success nor as a failure.
    #[cfg(all(feature = "metrics", feature = "tracing"))]
    pub(crate) is_outcome_unknown: bool,
    /// From this duration on, the span gets a `slow_query` event at its end.
    pub(crate) slow_after_nanos: u64,
    start_ticks: u64,
    start_unix_nanos: u64,
    anchor: Anchor,
}

/// A moment, as it was told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SpanTime {
    /// Of the clock.
    Ticks(u64),
    /// By the user.
    UnixNanos(u64),
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusCode {
    #[default]
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// As much of a name or a status text as a span keeps.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// The field that says when a span ended.
#[inline]
fn end_field(unix_nanos: u64) -> [u8; END_LEN] {
    let mut field = [END << 3 | 1; END_LEN];
    field[1..].copy_from_slice(&unix_nanos.to_le_bytes());
    field
}

impl SpanBody {
    /// Starts a new span in this body: writes what will not change.
    #[expect(clippy::inline_always, reason = "the hottest path, in its two callers")]
    #[inline(always)]
    pub(crate) fn begin(&mut self, opening: &Opening<'_>) {
        self.buffer.restart();
        self.seen_keys = SeenKeys::default();
        self.status = StatusCode::Unset;
        self.limits = &opening.recorder.config.limits;
        self.sampled = opening.span.is_sampled();
        self.kind = opening.kind;
        self.scope = opening.scope;
        self.naming = opening.recorder.config.naming;
        #[cfg(all(feature = "metrics", feature = "tracing"))]
        {
            self.is_outcome_unknown = false;
        }
        self.slow_after_nanos = u64::MAX;
        self.attributes = Counted::default();
        self.events = Counted::default();
        self.links = Counted::default();
        self.last_exception = LastException::default();
        #[cfg(feature = "tracing")]
        {
            self.by_hooks = None;
        }
        self.start_ticks = opening.start_ticks;
        self.start_unix_nanos = opening.start_unix_nanos;
        self.anchor = opening.anchor;
        let name = opening.name;
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
            self.append_name(name);
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

    /// What is kept for the next span.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.buffer.capacity() + self.status_text.capacity()
    }

    /// Keeps nothing for the next span.
    pub(crate) fn release_all_memory(&mut self) {
        self.buffer.clear(0);
        self.status_text = String::new();
    }

    #[cold]
    fn write_trace_state(&mut self, trace_state: &TraceState) {
        let state = trace_state.header().as_bytes();
        self.buffer.extend(field_len(state.len())).bytes(3, state);
    }

    #[cold]
    fn append_name(&mut self, name: &str) {
        let name = beginning(name);
        let start = self.buffer.len();
        let field = field_len(name.len());
        self.buffer.extend(field).bytes(NAME, name.as_bytes());
        self.name = (start, start + field);
    }

    /// Takes the name out and writes another one behind what was added so far.
    pub(crate) fn set_name(&mut self, name: &str) {
        let (start, end) = self.name;
        if start < self.fixed_len {
            self.buffer.remove(start..end);
            self.fixed_len -= end - start;
        } else {
            self.take_out(start..end);
        }
        self.append_name(name);
    }

    /// Removes a field that was added.
    pub(super) fn take_out(&mut self, field: Range<usize>) {
        #[cfg(feature = "tracing")]
        self.move_hooked(&field);
        self.buffer.remove(field);
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

    pub(crate) fn name(&self) -> &str {
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

    /// When a span ends that ends then: at ticks, never before its start.
    #[inline]
    pub(crate) fn end_unix_nanos(&self, end: SpanTime) -> u64 {
        match end {
            SpanTime::UnixNanos(given) => given,
            SpanTime::Ticks(ticks) => {
                let passed = self.anchor.nanos(ticks.saturating_sub(self.start_ticks));
                self.start_unix_nanos.saturating_add(passed)
            }
        }
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
            self.status_text
                .push_str(beginning(&redact_urls(&description)));
        }
    }

    fn is_full(&self, more: usize) -> bool {
        self.buffer.len().saturating_add(more) > MAX_BODY_BYTES
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

    /// Writes what may change until the end; returns how many bytes [`SpanBody::finish`] appends.
    #[inline]
    pub(crate) fn complete(&mut self) -> usize {
        let dropped = self.attributes.dropped | self.events.dropped | self.links.dropped;
        if dropped != 0 || self.status != StatusCode::Unset {
            self.write_outcome();
        }
        self.buffer.len() + END_LEN
    }

    /// Appends the record of a span that is complete, header and OTLP `Span`, to `out`.
    #[expect(
        clippy::inline_always,
        reason = "the hottest path; the other callers are cold"
    )]
    #[inline(always)]
    pub(crate) fn finish(&self, end_unix_nanos: u64, out: &mut Vec<u8>) {
        let end_unix_nanos = end_unix_nanos.max(self.start_unix_nanos);
        let (bytes, start) = (self.buffer.as_slice(), out.len());
        out.extend_from_slice(bytes);
        out.extend_from_slice(&end_field(end_unix_nanos));
        // Not before it was copied: what has just been written in parts is slow to read as a whole.
        if let Some((header, span)) = out[start..].split_first_chunk_mut() {
            let duration = end_unix_nanos - self.start_unix_nanos;
            RecordHeader::complete(header, span.len(), duration, self.failed());
        }
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
