//! Spans that wait until nothing more of their trace arrives.
//!
//! Position: between the requests of programs and the traces that are shown. A trace may come from
//! several processes, each with its own batches, so that no single span says that it is whole.
//!
//! Invariants:
//! - every span added comes out exactly once;
//! - what waits is bounded; everything is shown as it is when there is too much.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use continuum_observability::SpanRecord;

/// How long a trace whose root has ended must be quiet.
const SETTLED: Duration = Duration::from_millis(400);

/// How long any other must be: its root may be running, here or in a program that sends its spans elsewhere.
const GIVEN_UP: Duration = Duration::from_secs(4);

const MAX_WAITING_BYTES: usize = 64 << 20;

/// Traces that are known to have been shown, so that what follows is called late.
const MAX_SHOWN: usize = 10_000;

/// How much of a trace is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Its root, or the spans of everybody whose parent is elsewhere.
    Whole,
    /// A parent has not ended, or was never sent.
    WithoutRoot,
    /// Spans of a trace that was shown before.
    Late,
}

/// Spans of one trace that are shown together.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) spans: Vec<SpanRecord>,
    pub(crate) completeness: Completeness,
    /// About as much memory as they take.
    pub(crate) bytes: usize,
}

type TraceId = [u8; 16];

#[derive(Debug)]
struct Waiting {
    /// Counts up; what came first is shown first.
    arrival: u64,
    spans: Vec<SpanRecord>,
    bytes: usize,
    has_root: bool,
    last: Instant,
}

/// The traces that are not shown yet.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    waiting: BTreeMap<TraceId, Waiting>,
    arrivals: u64,
    bytes: usize,
    shown: Shown,
}

impl Assembly {
    /// Takes the spans of a request of `message_bytes`.
    pub(super) fn add(&mut self, spans: Vec<SpanRecord>, message_bytes: usize, now: Instant) {
        // A share of the message, once encoded and once as texts of their own.
        let share = 2 * message_bytes / spans.len().max(1);
        let bytes = size_of::<SpanRecord>() + share;
        for span in spans {
            let arrivals = &mut self.arrivals;
            let is_late = self.shown.has(span.trace_id);
            let waiting = self.waiting.entry(span.trace_id).or_insert_with(|| {
                *arrivals += 1;
                Waiting {
                    arrival: *arrivals,
                    spans: Vec::new(),
                    bytes: 0,
                    has_root: is_late,
                    last: now,
                }
            });
            waiting.has_root |= span.parent_span_id.is_none();
            waiting.last = now;
            waiting.spans.push(span);
            waiting.bytes += bytes;
            self.bytes += bytes;
        }
    }

    /// The traces of which nothing more is expected, in the order they began to arrive.
    pub(super) fn take_settled(&mut self, now: Instant) -> Vec<Trace> {
        if self.bytes > MAX_WAITING_BYTES {
            return self.take_all();
        }
        self.take_where(|waiting| {
            let patience = if waiting.has_root { SETTLED } else { GIVEN_UP };
            now.saturating_duration_since(waiting.last) >= patience
        })
    }

    /// All of them, whether anything is expected or not.
    pub(super) fn take_all(&mut self) -> Vec<Trace> {
        self.take_where(|_| true)
    }

    fn take_where(&mut self, is_taken: impl Fn(&Waiting) -> bool) -> Vec<Trace> {
        let taken = self.waiting.extract_if(.., |_, waiting| is_taken(waiting));
        let mut taken: Vec<_> = taken.collect();
        taken.sort_by_key(|(_, waiting)| waiting.arrival);
        let traces = taken.into_iter().map(|(id, waiting)| {
            self.bytes -= waiting.bytes;
            let is_late = !self.shown.insert(id);
            waiting.into_trace(is_late)
        });
        traces.collect()
    }
}

impl Waiting {
    fn into_trace(self, is_late: bool) -> Trace {
        Trace {
            completeness: completeness(&self.spans, is_late),
            spans: self.spans,
            bytes: self.bytes,
        }
    }
}

fn completeness(spans: &[SpanRecord], is_late: bool) -> Completeness {
    let known: BTreeSet<_> = spans.iter().map(|span| span.span_id).collect();
    let has_top = |span: &SpanRecord| {
        span.is_local_root()
            || span
                .parent_span_id
                .is_some_and(|parent| known.contains(&parent))
    };
    match spans.iter().all(has_top) {
        _ if is_late => Completeness::Late,
        true => Completeness::Whole,
        false => Completeness::WithoutRoot,
    }
}

/// The traces shown last.
#[derive(Debug, Default)]
struct Shown {
    known: BTreeSet<TraceId>,
    order: VecDeque<TraceId>,
}

impl Shown {
    /// Whether it was not there.
    fn insert(&mut self, id: TraceId) -> bool {
        let is_new = self.known.insert(id);
        if is_new {
            self.order.push_back(id);
        }
        if self.order.len() > MAX_SHOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        is_new
    }

    fn has(&self, id: TraceId) -> bool {
        self.known.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const REMOTE_PARENT: u32 = 0x301;

    fn span(trace: u8, id: u8, parent: Option<u8>) -> SpanRecord {
        SpanRecord {
            trace_id: [trace; 16],
            span_id: [id; 8],
            parent_span_id: parent.map(|parent| [parent; 8]),
            ..SpanRecord::default()
        }
    }

    /// The ids of what came out, with what was said about it.
    fn ids(traces: &[Trace]) -> Vec<(Vec<u8>, Completeness)> {
        let ids = |trace: &Trace| trace.spans.iter().map(|span| span.span_id[0]).collect();
        traces
            .iter()
            .map(|trace| (ids(trace), trace.completeness))
            .collect()
    }

    #[test]
    fn a_trace_with_its_root_is_shown_when_it_is_quiet() {
        let (mut assembly, start) = (Assembly::default(), Instant::now());
        assembly.add(vec![span(1, 2, Some(1))], 0, start);
        assembly.add(vec![span(1, 1, None), span(2, 9, None)], 0, start + SETTLED);
        assembly.add(vec![span(1, 3, Some(1))], 0, start + SETTLED * 3 / 2);
        assert_eq!(ids(&assembly.take_settled(start + SETTLED)), []);
        let first = ids(&assembly.take_settled(start + SETTLED * 2));
        assert_eq!(first, [(vec![9], Completeness::Whole)]);
        let second = ids(&assembly.take_settled(start + SETTLED * 3));
        assert_eq!(second, [(vec![2, 1, 3], Completeness::Whole)]);
    }

    #[test]
    fn a_trace_without_its_root_is_given_up_later() {
        let (mut assembly, start) = (Assembly::default(), Instant::now());
        assembly.add(vec![span(1, 2, Some(1))], 0, start);
        let continued = SpanRecord {
            flags: REMOTE_PARENT,
            ..span(2, 3, Some(1))
        };
        assembly.add(vec![continued], 0, start);
        assert_eq!(ids(&assembly.take_settled(start + SETTLED)), []);
        assert_eq!(
            ids(&assembly.take_settled(start + GIVEN_UP)),
            [
                (vec![2], Completeness::WithoutRoot),
                (vec![3], Completeness::Whole)
            ]
        );
    }

    #[test]
    fn what_follows_a_shown_trace_is_late() {
        let (mut assembly, start) = (Assembly::default(), Instant::now());
        assembly.add(vec![span(1, 1, None)], 0, start);
        assembly.take_all();
        assembly.add(vec![span(1, 2, Some(1))], 0, start);
        let late = ids(&assembly.take_settled(start + SETTLED));
        assert_eq!(late, [(vec![2], Completeness::Late)]);
    }

    #[test]
    fn too_much_is_shown_as_it_is() {
        let (mut assembly, start) = (Assembly::default(), Instant::now());
        assembly.add(vec![span(1, 2, Some(1))], MAX_WAITING_BYTES / 2, start);
        let shown = ids(&assembly.take_settled(start));
        assert_eq!(shown, [(vec![2], Completeness::WithoutRoot)]);
        assert_eq!(assembly.bytes, 0);
    }

    #[test]
    fn no_more_traces_are_remembered_than_may() {
        let mut shown = Shown::default();
        for number in 0..=MAX_SHOWN as u128 {
            assert!(shown.insert(number.to_be_bytes()));
        }
        assert_eq!(
            (shown.known.len(), shown.order.len()),
            (MAX_SHOWN, MAX_SHOWN)
        );
    }

    proptest! {
        #[test]
        fn every_span_comes_out_once(batches in vec((vec((0..4_u8, 0..4_u8), 0..8), 0..3_u32), 0..16)) {
            let mut assembly = Assembly::default();
            let (mut now, mut given, mut shown) = (Instant::now(), 0, 0);
            for (spans, pause) in batches {
                now += SETTLED * pause;
                given += spans.len();
                let spans = spans.iter().map(|(trace, parent)| span(*trace, 1, (*parent > 0).then_some(*parent)));
                assembly.add(spans.collect(), 100, now);
                shown += assembly.take_settled(now).iter().map(|trace| trace.spans.len()).sum::<usize>();
            }
            shown += assembly.take_all().iter().map(|trace| trace.spans.len()).sum::<usize>();
            prop_assert_eq!((shown, assembly.bytes), (given, 0));
        }
    }
}
