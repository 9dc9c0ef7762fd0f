//! Decisions at the tail, one by one and at their bounds; [`model`] has them in any order.

mod model;

use super::*;
use crate::{
    export::{RequestBuilder, SpanRecord, decode_request},
    recorder::RecordHeader,
    span::{Value, Writer, attribute_len, put_message},
};

/// Keeps the traces with odd numbers for their ids.
const RATIO: f64 = 0.5;
const TH: &str = "ot=th:8";
const SLOW: Duration = Duration::from_secs(1);

/// A finished span; without a name of its own, a test does not care which one.
#[derive(Debug, Clone)]
struct Ended {
    name: String,
    header: RecordHeader,
    attribute: Option<(&'static str, Value<'static>)>,
}

/// A span of a trace, which is no root.
fn span(trace: u64) -> Ended {
    let local_root = (trace + 1).to_be_bytes();
    let random = (trace % 2) << 55 | trace;
    Ended {
        name: "child".to_owned(),
        header: RecordHeader {
            trace_id: (u128::from(trace + 1) << 64 | u128::from(random)).to_be_bytes(),
            local_root,
            undecided: true,
            ..RecordHeader::default()
        },
        attribute: None,
    }
}

fn root(trace: u64) -> Ended {
    let mut root = span(trace).named("root");
    root.header.is_local_root = true;
    root
}

impl Ended {
    fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    fn failed(mut self, failed: bool) -> Self {
        self.header.failed = failed;
        self
    }

    fn taking(mut self, time: Duration) -> Self {
        self.header.duration_nanos = u64::try_from(time.as_nanos()).unwrap();
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut span = Vec::new();
        put_message(&mut span, 1, &self.header.trace_id);
        put_message(&mut span, 2, &self.header.local_root);
        put_message(&mut span, 5, self.name.as_bytes());
        if let Some((key, value)) = &self.attribute {
            let start = span.len();
            span.resize(start + attribute_len(key.as_bytes(), value, usize::MAX), 0);
            let mut writer = Writer::new(&mut span[start..]);
            writer.attribute(9, key.as_bytes(), value, usize::MAX);
        }
        let header = RecordHeader {
            len: u32::try_from(span.len()).unwrap(),
            ..self.header
        };
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(&span);
    }
}

fn chunk(spans: &[Ended]) -> Chunk {
    let mut bytes = Vec::new();
    for span in spans {
        span.write(&mut bytes);
    }
    Chunk {
        bytes,
        spans: spans.len() as u64,
    }
}

/// A tail, the time, and what it let through.
struct Bed {
    tail: Tail,
    totals: Totals,
    now: Instant,
    request: RequestBuilder,
    given: u64,
}

impl Bed {
    fn new(policy: &TailPolicy) -> Self {
        Self {
            tail: Tail::new(policy, Some(0), None),
            totals: Totals::default(),
            now: Instant::now(),
            request: RequestBuilder::default(),
            given: 0,
        }
    }

    /// A round of which all chunks are settled but the last `unsettled`.
    fn round(&mut self, chunks: &[Vec<Ended>], unsettled: usize) {
        let chunks: Vec<_> = chunks.iter().map(|spans| chunk(spans)).collect();
        self.given += chunks.iter().map(|chunk| chunk.spans).sum::<u64>();
        let settled = chunks.len() - unsettled;
        let request = &mut self.request;
        let mut add = |records: &[u8], end: &[u8]| {
            let _unbounded = request.add(records, end);
        };
        self.tail
            .sort((&chunks, settled), self.now, &self.totals, &mut add);
        self.check();
    }

    fn finish(&mut self) {
        let request = &mut self.request;
        let mut add = |records: &[u8], end: &[u8]| {
            let _unbounded = request.add(records, end);
        };
        self.tail.finish(&self.totals, &mut add);
        self.check();
        assert_eq!((self.waiting(), self.tail.waiting_bytes), (0, 0));
    }

    /// Every span is somewhere, once, and what waits is within its bound.
    fn check(&self) {
        let (thrown_away, _) = self.counts();
        let accounted = self.request.span_count() + thrown_away + self.waiting();
        assert_eq!(accounted, self.given);
        let carried = self.tail.open.values().filter_map(|t| t.carried.as_ref());
        let bytes: usize = carried.map(|carried| carried.size()).sum();
        assert_eq!(bytes, self.tail.waiting_bytes);
        assert!(bytes <= self.tail.max_waiting_bytes);
    }

    fn waiting(&self) -> u64 {
        let carried = self.tail.open.values().filter_map(|t| t.carried.as_ref());
        let spans = carried.map(|carried| carried.spans).sum();
        assert_eq!(spans, self.tail.waiting_spans());
        spans
    }

    /// Spans thrown away, traces decided early.
    fn counts(&self) -> (u64, u64) {
        let stats = self.totals.read(|_| ());
        (stats.sampled_out_at_tail, stats.decided_early)
    }

    fn kept(&mut self) -> Vec<SpanRecord> {
        decode_request(self.request.finish(&[])).unwrap()
    }

    fn names(&mut self) -> Vec<String> {
        self.kept().into_iter().map(|span| span.name).collect()
    }
}

fn policy() -> TailPolicy {
    TailPolicy::new(RATIO).keep_slower_than(SLOW)
}

#[test]
fn a_trace_is_kept_if_it_failed_was_slow_or_else_by_the_ratio_which_labels_it() {
    let mut bed = Bed::new(&policy());
    bed.round(
        &[vec![
            root(0).named("dull"),
            root(1).named("lucky"),
            span(2).named("broken").failed(true),
            root(2).named("around broken"),
            root(4).named("in time").taking(SLOW),
            root(6).named("slow").taking(SLOW + Duration::from_nanos(1)),
            root(3).named("lucky and broken").failed(true),
        ]],
        0,
    );
    let kept = bed.kept();
    let kept: Vec<_> = kept
        .iter()
        .map(|span| (span.name.as_str(), span.trace_state.as_str()))
        .collect();
    let expected = [
        ("lucky", TH),
        ("broken", ""),
        ("around broken", ""),
        ("slow", ""),
        ("lucky and broken", ""),
    ];
    assert_eq!(kept, expected);
    assert_eq!(bed.counts(), (2, 0));
}

#[test]
fn errors_keep_nothing_where_the_policy_says_so() {
    let mut bed = Bed::new(&TailPolicy::new(0.0).keep_errors(false));
    bed.round(&[vec![root(1).failed(true)]], 0);
    assert_eq!(bed.counts(), (1, 0));
}

#[test]
fn a_span_with_the_attribute_keeps_its_trace_if_type_and_value_are_the_same() {
    let policy = TailPolicy::new(0.0).keep_if_attribute("retries", 3);
    let policy = policy.keep_if_attribute("tier", "gold");
    let with = |trace, key, value: Value<'static>| Ended {
        attribute: Some((key, value)),
        ..span(trace)
    };
    let mut bed = Bed::new(&policy);
    bed.round(
        &[vec![
            with(0, "retries", 3.into()),
            with(1, "retries", "3".into()),
            with(2, "retries", 4.into()),
            with(3, "tier", "gold".into()),
            with(4, "level", "gold".into()),
        ]],
        0,
    );
    bed.round(
        &[(0..5).map(|trace| root(trace).named("root")).collect()],
        0,
    );
    let kept: Vec<_> = bed.kept().iter().map(|span| span.trace_id).collect();
    let expected = [0, 3, 0, 3].map(|trace| root(trace).header.trace_id);
    assert_eq!(kept, expected);
}

#[test]
fn what_needs_no_decision_passes_as_it_is() {
    let mut bed = Bed::new(&TailPolicy::new(0.0));
    let mut decided = root(0).named("followed its parent");
    decided.header.undecided = false;
    bed.round(&[vec![root(0), decided.clone(), root(2), decided]], 1);
    assert_eq!(bed.names(), ["followed its parent", "followed its parent"]);
    let kept = bed.kept();
    assert!(kept.iter().all(|span| span.trace_state.is_empty()));
}

#[test]
fn a_forced_span_keeps_its_trace() {
    let mut bed = Bed::new(&TailPolicy::new(0.0));
    let mut forced = span(0).named("wanted");
    forced.header.forced = true;
    bed.round(&[vec![span(0).named("before"), forced, root(0)]], 0);
    assert_eq!(bed.names(), ["before", "wanted", "root"]);
}

#[test]
fn a_failure_on_another_thread_is_waited_for_although_the_root_came_first() {
    let mut bed = Bed::new(&TailPolicy::new(0.0));
    bed.round(&[vec![root(0)]], 1);
    assert_eq!(bed.waiting(), 1);
    bed.round(&[vec![span(0).failed(true)]], 1);
    assert_eq!(bed.names(), ["root", "child"]);
}

#[test]
fn late_spans_follow_the_decision_even_when_they_fail() {
    let mut bed = Bed::new(&TailPolicy::new(RATIO));
    bed.round(&[vec![root(0), root(1)]], 0);
    bed.round(&[vec![span(0).failed(true), span(1).named("late")]], 0);
    assert_eq!(bed.names(), ["root", "late"]);
    assert_eq!(bed.kept()[1].trace_state.as_str(), TH);
    assert_eq!(bed.counts(), (2, 0));
}

#[test]
fn late_spans_of_a_forgotten_trace_are_decided_like_a_trace_of_their_own() {
    let mut bed = Bed::new(&TailPolicy::new(0.0));
    bed.round(&[vec![root(0).failed(true)]], 0);
    let others = (1..100_000).map(root).collect();
    bed.round(&[others], 0);
    bed.round(&[vec![span(0).named("late")]], 0);
    assert_eq!(bed.waiting(), 1);
    bed.now += Duration::from_secs(30);
    bed.round(&[], 0);
    assert_eq!(bed.names(), ["root"]);
    assert_eq!(bed.counts(), (100_000, 1));
}

#[test]
fn a_trace_that_takes_too_long_is_decided_by_what_is_known() {
    let mut bed = Bed::new(&policy());
    let open = [span(0), span(1).named("lucky"), span(2).failed(true)];
    bed.round(&[open.to_vec()], 0);
    bed.now += Duration::from_millis(29_999);
    bed.round(&[], 0);
    assert_eq!((bed.waiting(), bed.counts()), (3, (0, 0)));
    bed.now += Duration::from_millis(1);
    bed.round(&[], 0);
    assert_eq!((bed.waiting(), bed.counts()), (0, (1, 3)));
    // What comes after is late.
    bed.round(&[vec![root(0).failed(true), root(1), root(2)]], 0);
    assert_eq!(bed.names(), ["lucky", "child", "root", "root"]);
    assert_eq!(bed.counts(), (2, 3));
}

#[test]
fn the_oldest_traces_give_way_when_too_much_waits() {
    let mut bed = Bed::new(&TailPolicy::new(0.0).max_waiting_bytes(1_000));
    for trace in 0..100 {
        bed.round(&[vec![span(trace)]], 0);
    }
    let (thrown_away, early) = bed.counts();
    assert_eq!(thrown_away, early);
    assert!((1..10).contains(&bed.waiting()));
    assert_eq!(bed.waiting() + early, 100);
    // The youngest is still there and can be kept.
    bed.round(&[vec![root(99).failed(true)]], 0);
    assert_eq!(bed.names(), ["child", "root"]);
}

#[test]
fn the_bound_also_holds_in_the_middle_of_a_round() {
    const MAX: usize = 10_000;
    let mut bed = Bed::new(&TailPolicy::new(0.0).max_waiting_bytes(MAX));
    let chunks: Vec<Vec<_>> = (0..100)
        .map(|number| (10 * number..10 * (number + 1)).map(span).collect())
        .collect();
    bed.round(&chunks, 0);
    let longest = TRACE_BYTES + 2 * chunk(&[span(0)]).bytes.len();
    let peak = bed.tail.take_peak_waiting_bytes();
    assert!((MAX..=MAX + longest).contains(&peak), "{peak}");
    assert_eq!(bed.tail.take_peak_waiting_bytes(), bed.tail.waiting_bytes);
    // All of a trace whose first spans were given up has the same fate.
    let of_one = |trace| (0..100).map(|_| span(trace)).collect::<Vec<_>>();
    bed.round(&[of_one(2_000), of_one(2_001), of_one(2_000)], 0);
    assert_eq!(bed.counts().0 + bed.waiting(), bed.given);
}

#[test]
fn a_trace_that_is_given_up_and_forgotten_within_a_round_is_judged_by_its_next_spans() {
    let place = |trace| {
        let chunk = chunk(&[span(trace)]);
        runs(&chunk.bytes).next().unwrap().key.place(1 << 13)
    };
    let other = (1..1_000_000)
        .find(|other| place(*other) == place(0))
        .unwrap();
    let mut bed = Bed::new(&TailPolicy::new(0.0).max_waiting_bytes(1));
    let failed = span(0).failed(true);
    bed.round(
        &[vec![failed.clone(), span(other), failed.named("next")]],
        0,
    );
    assert_eq!(bed.names(), ["child", "next"]);
    assert_eq!(bed.counts(), (1, 3));
}

#[test]
fn a_trace_is_kept_that_is_slower_than_the_given_percentage_of_others() {
    let mut bed = Bed::new(&TailPolicy::new(0.0).keep_slower_than_percentile(99.0));
    let usual = |trace: u64| root(2 * trace).taking(Duration::from_millis(10));
    bed.round(&[(0..200).map(usual).collect()], 0);
    assert_eq!(bed.counts(), (200, 0), "nothing is slow beside its like");
    let slow = root(1_000).named("slow").taking(Duration::from_millis(20));
    bed.round(&[vec![slow, usual(501)]], 0);
    assert_eq!(bed.names(), ["slow"]);
}

#[test]
fn what_was_decided_long_ago_takes_no_memory() {
    let mut bed = Bed::new(&TailPolicy::new(0.0));
    // The oldest trace stays, so that nothing leaves the order from its front.
    bed.round(&[vec![span(0)]], 0);
    for batch in 0..50 {
        let traces = 1 + batch * 1_000..1 + (batch + 1) * 1_000;
        bed.round(&[traces.clone().map(span).collect()], 0);
        bed.round(&[traces.map(root).collect()], 0);
    }
    assert_eq!((bed.waiting(), bed.tail.open.len()), (1, 1));
    assert!(bed.tail.order.len() <= 2 * USUAL_TRACES);
}
