//! Spans that wait for the end of their local root.
//!
//! Position: between the batches that the console exporter is given and the trees it prints.
//!
//! Invariants:
//! - at most [`MAX_SPANS`] spans and [`MAX_BYTES`] wait; beyond that the oldest trace goes;
//! - every span added comes out exactly once.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::super::{AnyValue, SpanRecord};

pub(super) const MAX_SPANS: usize = 10_000;
pub(super) const MAX_BYTES: usize = 4 << 20;

type TraceId = [u8; 16];
type SpanKey = ([u8; 16], [u8; 8]);

#[derive(Debug, Default)]
pub(super) struct Pending {
    traces: HashMap<TraceId, Waiting>,
    /// Oldest first.
    arrivals: BTreeMap<u64, TraceId>,
    next_arrival: u64,
    span_count: usize,
    bytes: usize,
    released: Released,
}

#[derive(Debug)]
struct Waiting {
    arrival: u64,
    spans: Vec<SpanRecord>,
}

impl Pending {
    pub(super) fn add(&mut self, span: SpanRecord) {
        self.span_count += 1;
        self.bytes += approximate_bytes(&span);
        let waiting = self.traces.entry(span.trace_id).or_insert_with(|| {
            let arrival = self.next_arrival;
            self.next_arrival += 1;
            self.arrivals.insert(arrival, span.trace_id);
            Waiting {
                arrival,
                spans: Vec::new(),
            }
        });
        waiting.spans.push(span);
    }

    /// Takes out what can be printed of a trace: local roots and spans whose parent was printed
    /// before, with everything below them. Empty where the root is still running.
    pub(super) fn take_ended(&mut self, trace_id: TraceId) -> Vec<SpanRecord> {
        let Some(waiting) = self.remove(trace_id) else {
            return Vec::new();
        };
        let ended = self.find_ended(&waiting);
        let (mut out, mut rest) = (Vec::new(), Vec::new());
        for (span, ended) in waiting.into_iter().zip(ended) {
            if ended {
                out.push(span);
            } else {
                rest.push(span);
            }
        }
        for span in rest {
            self.add(span);
        }
        self.released.add(&out);
        out
    }

    /// The oldest trace, once more waits than may.
    pub(super) fn take_excess(&mut self) -> Option<Vec<SpanRecord>> {
        let full = self.span_count > MAX_SPANS || self.bytes > MAX_BYTES;
        if full { self.take_oldest() } else { None }
    }

    /// The oldest trace, whether its root has ended or not.
    pub(super) fn take_oldest(&mut self) -> Option<Vec<SpanRecord>> {
        let trace_id = *self.arrivals.first_key_value()?.1;
        let spans = self.remove(trace_id)?;
        self.released.add(&spans);
        Some(spans)
    }

    fn remove(&mut self, trace_id: TraceId) -> Option<Vec<SpanRecord>> {
        let waiting = self.traces.remove(&trace_id)?;
        self.arrivals.remove(&waiting.arrival);
        self.span_count -= waiting.spans.len();
        self.bytes -= waiting.spans.iter().map(approximate_bytes).sum::<usize>();
        Some(waiting.spans)
    }

    fn find_ended(&self, spans: &[SpanRecord]) -> Vec<bool> {
        let mut children: HashMap<[u8; 8], Vec<usize>> = HashMap::new();
        let mut stack = Vec::new();
        for (index, span) in spans.iter().enumerate() {
            let parent = span.parent_span_id;
            let below_released = parent.is_some_and(|id| self.released.has((span.trace_id, id)));
            if span.is_local_root() || below_released {
                stack.push(index);
            }
            if let Some(parent) = parent {
                children.entry(parent).or_default().push(index);
            }
        }
        let mut ended = vec![false; spans.len()];
        while let Some(index) = stack.pop() {
            ended[index] = true;
            stack.extend(children.remove(&spans[index].span_id).into_iter().flatten());
        }
        ended
    }
}

/// The spans released last, to know a child that ends after its root.
#[derive(Debug, Default)]
struct Released {
    known: HashSet<SpanKey>,
    order: VecDeque<SpanKey>,
}

impl Released {
    fn add(&mut self, spans: &[SpanRecord]) {
        for span in spans {
            let key = (span.trace_id, span.span_id);
            if self.known.insert(key) {
                self.order.push_back(key);
            }
        }
        while self.order.len() > MAX_SPANS {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    fn has(&self, key: SpanKey) -> bool {
        self.known.contains(&key)
    }
}

fn approximate_bytes(span: &SpanRecord) -> usize {
    let events = span
        .events
        .iter()
        .map(|event| 96 + event.name.len() + entries(&event.attributes));
    let links = span
        .links
        .iter()
        .map(|link| 128 + link.trace_state.len() + entries(&link.attributes));
    let texts = span.name.len() + span.trace_state.len() + span.status_message.len();
    let nested = events.sum::<usize>() + links.sum::<usize>();
    size_of::<SpanRecord>() + texts + entries(&span.attributes) + nested
}

fn entries(attributes: &[(String, AnyValue)]) -> usize {
    attributes
        .iter()
        .map(|(key, value)| size_of::<(String, AnyValue)>() + key.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &AnyValue) -> usize {
    match value {
        AnyValue::String(text) => text.len(),
        AnyValue::Bytes(bytes) => bytes.len(),
        AnyValue::Array(items) => items
            .iter()
            .map(|item| size_of::<AnyValue>() + value_bytes(item))
            .sum(),
        AnyValue::Map(map) => entries(map),
        AnyValue::Empty | AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => 0,
    }
}
