//! Writing out what the flight recorder holds: when, how much of it, and how it is marked.
//!
//! Position: on the export thread, between the [`Aside`](crate::recorder::Aside) of the recorder and
//! the request; sees everything that is exported, for the errors in it.
//!
//! Invariants:
//! - a span is written out once: what leaves is taken out of the ring;
//! - errors have something written out at most once in a pause, while a snapshot always has;
//! - what leaves is taken from those sampled out before it is counted as anything else.

use super::{
    tail::Outlet,
    wire::{Field, Fields},
};
use crate::{
    context::TraceId,
    recorder::{Chunk, Core, put_record, records},
    sampling::FlightRecorder,
    semconv::attribute,
    span::{Value, Writer, attribute_len},
};
use std::time::{Duration, Instant};

/// OTLP `Span.end_time_unix_nano`.
const END_TIME: u32 = 8;
/// OTLP `Span.attributes`.
const ATTRIBUTE: u8 = 9;
/// OTLP `Span.flags`.
const FLAGS: u32 = 16;

/// Why spans are written out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    /// A trace that is exported has a failed span.
    Error {
        trace_id: [u8; 16],
        end_unix_nanos: u64,
    },
    /// Somebody asked.
    Snapshot,
}

/// The flight recorder as the export thread knows it.
#[derive(Debug)]
pub(crate) struct Recovery {
    window_nanos: u64,
    pause: Duration,
    /// The first error since the last pause.
    error: Option<Cause>,
    paused_until: Option<Instant>,
    leaving: Vec<u8>,
    staying: Vec<u8>,
}

impl Recovery {
    pub(crate) fn new(settings: FlightRecorder) -> Self {
        Self {
            window_nanos: u64::try_from(settings.window.as_nanos()).unwrap_or(u64::MAX),
            pause: settings.pause,
            error: None,
            paused_until: None,
            leaving: Vec::new(),
            staying: Vec::new(),
        }
    }

    /// Looks for an error in records that are exported.
    pub(crate) fn watch(&mut self, exported: &[u8], now: Instant) {
        let is_paused = self.paused_until.is_some_and(|until| now < until);
        if self.error.is_none() && !is_paused {
            let failed = records(exported).find(|(header, _)| header.failed);
            self.error = failed.map(|(header, span)| Cause::Error {
                trace_id: header.trace_id,
                end_unix_nanos: end_unix_nanos(span),
            });
        }
    }

    /// Gives what there is a cause for to `out`; returns how many spans that are.
    pub(crate) fn recover(
        &mut self,
        wants_snapshot: bool,
        now: Instant,
        core: &Core,
        out: &mut Outlet<'_>,
    ) -> u64 {
        let error = self.error.take();
        if error.is_some() {
            self.paused_until = now.checked_add(self.pause);
        }
        let cause = if wants_snapshot {
            Some(Cause::Snapshot)
        } else {
            error
        };
        cause.map_or(0, |cause| self.write(cause, core, out))
    }

    fn write(&mut self, cause: Cause, core: &Core, out: &mut Outlet<'_>) -> u64 {
        let Some(aside) = core.aside() else {
            return 0;
        };
        core.collect_aside();
        let oldest_unix_nanos = match cause {
            Cause::Snapshot => 0,
            Cause::Error { end_unix_nanos, .. } => end_unix_nanos.saturating_sub(self.window_nanos),
        };
        let mark = mark(cause);
        let mut recovered = 0;
        let mut lent = aside.lend();
        lent.retain_mut(|chunk| {
            recovered += self.sort(chunk, oldest_unix_nanos, core);
            out(&self.leaving, &mark);
            chunk.spans > 0
        });
        aside.give_back(lent);
        recovered
    }

    /// Takes what is not too old out of a chunk, into `leaving`.
    fn sort(&mut self, chunk: &mut Chunk, oldest_unix_nanos: u64, core: &Core) -> u64 {
        self.leaving.clear();
        self.staying.clear();
        let (mut from_head, mut from_tail) = (0, 0);
        for (header, span) in records(&chunk.bytes) {
            if end_unix_nanos(span) < oldest_unix_nanos {
                put_record(header, &[span], &mut self.staying);
                continue;
            }
            put_record(header, &[span], &mut self.leaving);
            // What was sampled when it started was given away by the tail.
            *if is_sampled(span) {
                &mut from_tail
            } else {
                &mut from_head
            } += 1;
        }
        let leaving = from_head + from_tail;
        if leaving > 0 {
            chunk.bytes.clear();
            chunk.bytes.extend_from_slice(&self.staying);
            chunk.spans -= leaving;
            core.totals.recovered(from_head, from_tail);
            core.totals.taken.begin(leaving);
        }
        leaving
    }
}

/// When a span ended; the end of time for what cannot be read.
fn end_unix_nanos(span: &[u8]) -> u64 {
    match field(span, END_TIME) {
        Some(Field::Fixed64(nanos)) => nanos,
        _ => u64::MAX,
    }
}

fn is_sampled(span: &[u8]) -> bool {
    matches!(field(span, FLAGS), Some(Field::Fixed32(flags)) if flags & 1 == 1)
}

/// The first field of a span that has this number.
fn field(span: &[u8], wanted: u32) -> Option<Field<'_>> {
    let mut fields = Fields::new(span);
    while let Ok(Some((number, field))) = fields.next_field() {
        if number == wanted {
            return Some(field);
        }
    }
    None
}

/// The attributes of a span that is written out for that cause.
fn mark(cause: Cause) -> Vec<u8> {
    let mut mark = Vec::new();
    match cause {
        Cause::Snapshot => put_attribute(&mut mark, attribute::FLIGHT_RECORDER_CAUSE, "snapshot"),
        Cause::Error { trace_id, .. } => {
            let trace_id = TraceId::from_bytes(trace_id).to_string();
            put_attribute(&mut mark, attribute::FLIGHT_RECORDER_CAUSE, "error");
            put_attribute(&mut mark, attribute::FLIGHT_RECORDER_TRACE_ID, &trace_id);
        }
    }
    mark
}

fn put_attribute(out: &mut Vec<u8>, key: &str, value: &str) {
    let (key, value, start) = (key.as_bytes(), Value::from(value), out.len());
    out.resize(start + attribute_len(key, &value, usize::MAX), 0);
    Writer::new(&mut out[start..]).attribute(ATTRIBUTE, key, &value, usize::MAX);
}
