//! The events and links of a span in progress.
//!
//! Position: the part of [`super::SpanBody`] that has attributes of its own.

use super::{EVENT, LINK, SpanBody};
use crate::{
    context::SpanContext,
    semconv::event,
    span::{
        Value,
        buffer::{ROOM, SHORT_TEXT, put, put_text, put_varint},
        encode::{Writer, field_len},
        last_exception::LastException,
        members::{Members, ShortMembers},
        opening::wire_flags,
    },
};
use std::time::Duration;

impl SpanBody {
    /// The exception that was recorded last.
    pub(in crate::span) fn last_exception(&self) -> LastException {
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
        let attributes_len = members.encoded_len(limit);
        if let Some(mut out) = self.begin_event(name, unix_nanos, attributes_len) {
            members.write(&mut out, 3, limit);
        }
    }

    /// Writes an event up to its attributes, which take so many bytes; `None`, and it is counted, where the
    /// span has no room for it.
    pub(super) fn begin_event(
        &mut self,
        name: &str,
        unix_nanos: u64,
        attributes_len: usize,
    ) -> Option<Writer<'_>> {
        let len = 9 + field_len(name.len()) + attributes_len;
        if self.is_full(len) {
            self.events.dropped = self.events.dropped.saturating_add(1);
            return None;
        }
        if !self.events.admit(self.limits.events) {
            return None;
        }
        let mut out = self.buffer.extend(field_len(len));
        out.message(EVENT, len);
        out.fixed64(1, unix_nanos);
        out.bytes(2, name.as_bytes());
        Some(out)
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
        let Some(members) = members else {
            return false;
        };
        let is_kept = attributes.len() <= self.limits.attributes_per_event as usize
            && self.begin_short_event(name, unix_nanos, members.encoded_len);
        if is_kept {
            members.write(&mut self.buffer, 3);
        }
        is_kept
    }

    /// Writes an event with a short name up to its attributes, which take so many bytes; `false`, and nothing
    /// is done, where it is no such one, or not kept.
    #[inline]
    pub(super) fn begin_short_event(
        &mut self,
        name: &str,
        unix_nanos: u64,
        attributes_len: usize,
    ) -> bool {
        let len = 11 + name.len() + attributes_len;
        if name.len() > SHORT_TEXT
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
            put_text(room, at, 2, name)
        });
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
}
