//! Decisions at the tail: whole traces are kept or thrown away when their local root has ended.
//!
//! Position: on the export thread, between the chunks of a round and the request. The head marked the
//! records of undecided traces; all others pass.
//!
//! A round is gone through twice: first for what its spans say about their traces, then, with the traces
//! decided that can be, to let spans pass, throw them away, or carry them over to the next round. A
//! trace whose root ended in this round is decided when everything that ended before has been seen.
//!
//! Invariants:
//! - every span given to [`Tail::sort`] is let through, counted as thrown away, or still waiting;
//! - waiting bytes, waiting time and remembered decisions are bounded, the bytes after each run; what had
//!   to be decided without its root is counted.
//!
//! Source: OpenTelemetry specification, "`TraceState`: Probability Sampling", for what ratios write.

mod decided;
mod label;
mod rules;
mod run;
mod slowness;

#[cfg(test)]
mod tests;

use self::{
    decided::Decided,
    label::Label,
    rules::{Facts, Rules, Verdict},
    run::{Key, KeyHasher, runs},
};
use crate::{
    recorder::{Aside, Chunk, Totals},
    sampling::TailPolicy,
};
use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasherDefault,
    mem,
    slice::Iter,
    time::{Duration, Instant},
};

/// What a waiting trace takes besides its bytes.
const TRACE_BYTES: usize = 128;
/// A table for more traces than this is made smaller again.
const USUAL_TRACES: usize = 8192;

/// Where records go that are kept, and what each of their spans gets at its end.
pub(crate) type Outlet<'a> = dyn FnMut(&[u8], &[u8]) + 'a;

/// The traces of one recorder that are not decided, and those that were.
#[derive(Debug)]
pub(crate) struct Tail {
    rules: Rules,
    /// The rejection threshold of the sampler at the head, if it is known.
    head: Option<u64>,
    open: HashMap<Key, Trace, BuildHasherDefault<KeyHasher>>,
    decided: Decided,
    /// The runs of the round, in order.
    noted: Vec<Noted>,
    /// Traces whose root has ended, while spans that ended before may be on their way.
    ended: Vec<Key>,
    /// Waiting traces, the oldest first; some of them have been decided meanwhile.
    order: VecDeque<(Key, Instant)>,
    waiting_bytes: usize,
    /// The most that it was since it was asked for.
    peak_waiting_bytes: usize,
    waiting_spans: u64,
    max_waiting_bytes: usize,
    max_wait: Duration,
    exit: Exit,
}

/// A trace that is not decided, or was in this round.
#[derive(Debug, Default)]
struct Trace {
    facts: Facts,
    verdict: Option<Verdict>,
    carried: Option<Box<Carried>>,
}

/// What has to be known of a run once its trace is: a chunk is taken to pieces once.
#[derive(Debug, Clone, Copy)]
struct Noted {
    key: Key,
    len: usize,
    spans: u64,
    /// What it says about its trace, also where that is decided: it may be forgotten in this round.
    facts: Facts,
    undecided: bool,
    has_trace_state: bool,
}

impl Noted {
    fn records(self, bytes: &[u8]) -> Records<'_> {
        Records {
            bytes,
            spans: self.spans,
            has_trace_state: self.has_trace_state,
        }
    }
}

/// Records of one trace.
#[derive(Debug, Clone, Copy)]
struct Records<'a> {
    bytes: &'a [u8],
    spans: u64,
    has_trace_state: bool,
}

/// Records carried out of their chunks.
#[derive(Debug)]
struct Carried {
    bytes: Vec<u8>,
    spans: u64,
    has_trace_state: bool,
    since: Instant,
}

impl Carried {
    fn size(&self) -> usize {
        TRACE_BYTES + self.bytes.capacity()
    }
}

/// What happens to decided records.
#[derive(Debug)]
struct Exit {
    label: Label,
    labelled: Vec<u8>,
    /// Where the flight recorder keeps what is thrown away.
    aside: Option<&'static Aside>,
}

/// Whether each span of some records gets the label, where they need not be looked at.
type Labelled = bool;

/// How records leave that are kept as they are, but for the label.
fn as_a_whole(verdict: Option<Verdict>, has_trace_state: bool) -> Option<Labelled> {
    match verdict? {
        Verdict::Keep => Some(false),
        Verdict::KeepByRatio => (!has_trace_state).then_some(true),
        Verdict::Drop => None,
    }
}

impl Exit {
    fn leave_whole(&self, bytes: &[u8], labelled: Option<Labelled>, out: &mut Outlet<'_>) {
        match labelled {
            Some(true) if !bytes.is_empty() => out(bytes, self.label.field()),
            Some(false) if !bytes.is_empty() => out(bytes, &[]),
            _ => {}
        }
    }

    fn leave(
        &mut self,
        verdict: Verdict,
        records: Records<'_>,
        totals: &Totals,
        out: &mut Outlet<'_>,
    ) {
        match verdict {
            Verdict::Drop => {
                totals.sampled_out_at_tail(records.spans);
                if let Some(aside) = self.aside {
                    aside.copy(records.bytes);
                }
            }
            Verdict::Keep => out(records.bytes, &[]),
            Verdict::KeepByRatio if !records.has_trace_state => {
                out(records.bytes, self.label.field());
            }
            Verdict::KeepByRatio => {
                self.labelled.clear();
                self.label.write(records.bytes, &mut self.labelled);
                out(&self.labelled, &[]);
            }
        }
    }
}

impl Tail {
    /// `head`: the rejection threshold of the sampler at the head, if it is known.
    pub(crate) fn new(
        policy: &TailPolicy,
        head: Option<u64>,
        aside: Option<&'static Aside>,
    ) -> Self {
        let rules = Rules::new(policy);
        Self {
            exit: Exit {
                label: Label::new(rules.threshold(), head),
                labelled: Vec::new(),
                aside,
            },
            rules,
            head,
            open: HashMap::default(),
            decided: Decided::new(),
            noted: Vec::new(),
            ended: Vec::new(),
            order: VecDeque::new(),
            waiting_bytes: 0,
            peak_waiting_bytes: 0,
            waiting_spans: 0,
            max_waiting_bytes: policy.max_waiting_bytes,
            max_wait: policy.max_wait,
        }
    }

    /// Changes the ratio for traces of which nothing is known yet; all of them are decided by it alone.
    pub(crate) fn set_ratio(&mut self, ratio: f64) {
        const EVERYTHING: Option<u64> = Some(0);
        let before = (self.rules.threshold(), self.head);
        self.rules.set_ratio(ratio);
        self.head = EVERYTHING;
        // With a ratio of 0 only what was within the former one is still labelled.
        if (self.rules.threshold(), self.head) != before && ratio > 0.0 {
            self.exit.label = Label::new(self.rules.threshold(), self.head);
        }
    }

    /// Sorts a round: everything that ended before a span of the first `settled` chunks is in it.
    pub(crate) fn sort(
        &mut self,
        (chunks, settled): (&[Chunk], usize),
        now: Instant,
        totals: &Totals,
        out: &mut Outlet<'_>,
    ) {
        let mut decidable = mem::take(&mut self.ended);
        for (index, chunk) in chunks.iter().enumerate() {
            self.note(chunk, index < settled, &mut decidable);
        }
        for key in &decidable {
            self.decide(*key, totals, out);
        }
        let noted = mem::take(&mut self.noted);
        let mut noted_runs = noted.iter();
        for chunk in chunks {
            self.pass_all(&chunk.bytes, &mut noted_runs, now, totals, out);
        }
        self.noted = noted;
        self.noted.clear();
        self.noted.shrink_to(USUAL_TRACES);
        for key in decidable {
            self.forget(key);
        }
        self.bound(now, totals, out);
        self.open.shrink_to(USUAL_TRACES);
    }

    /// The memory of spans that wait for the decision about their trace.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// The most that it was since the last time that somebody asked.
    pub(crate) fn take_peak_waiting_bytes(&mut self) -> usize {
        mem::replace(&mut self.peak_waiting_bytes, self.waiting_bytes)
    }

    /// How many spans wait for the decision about their trace.
    pub(crate) fn waiting_spans(&self) -> u64 {
        self.waiting_spans
    }

    /// Notes what the runs of a chunk say about their traces; `decidable` gets those whose root is among
    /// them, if everything that ended before has been seen.
    fn note(&mut self, chunk: &Chunk, is_settled: bool, decidable: &mut Vec<Key>) {
        for run in runs(&chunk.bytes) {
            let undecided = run.last.undecided;
            let is_open = undecided && self.decided.get(run.key).is_none();
            let facts = if undecided {
                self.rules.facts(&run)
            } else {
                Facts::default()
            };
            self.noted.push(Noted {
                key: run.key,
                len: run.bytes.len(),
                spans: run.spans,
                facts,
                undecided,
                has_trace_state: run.has_trace_state,
            });
            if !is_open {
                continue;
            }
            self.open.entry(run.key).or_default().facts |= facts;
            if run.last.is_local_root {
                let ended = if is_settled {
                    &mut *decidable
                } else {
                    &mut self.ended
                };
                ended.push(run.key);
            }
        }
    }

    /// Decides everything that waits, at the end.
    pub(crate) fn finish(&mut self, totals: &Totals, out: &mut Outlet<'_>) {
        for key in mem::take(&mut self.ended) {
            self.decide(key, totals, out);
            self.forget(key);
        }
        while let Some((key, since)) = self.order.pop_front() {
            if self.waits(key, since) {
                self.give_up(key, totals, out);
            }
        }
    }

    /// Decides about a trace, unless that has been done.
    fn decide(&mut self, key: Key, totals: &Totals, out: &mut Outlet<'_>) {
        let Some(trace) = self.open.get_mut(&key) else {
            return;
        };
        let verdict = self.rules.decide(trace.facts);
        trace.verdict = Some(verdict);
        if let Some(carried) = trace.carried.take() {
            self.waiting_bytes -= carried.size();
            self.waiting_spans -= carried.spans;
            let records = Records {
                bytes: &carried.bytes,
                spans: carried.spans,
                has_trace_state: carried.has_trace_state,
            };
            self.exit.leave(verdict, records, totals, out);
        }
    }

    /// Remembers what was decided, and nothing else.
    fn forget(&mut self, key: Key) {
        if let Some(verdict) = self.open.remove(&key).and_then(|trace| trace.verdict) {
            self.decided.insert(key, verdict);
        }
    }

    /// Does what was decided with the runs of a chunk, or carries them over. Neighbours that leave in the same way
    /// leave at once.
    fn pass_all(
        &mut self,
        chunk: &[u8],
        noted: &mut Iter<'_, Noted>,
        now: Instant,
        totals: &Totals,
        out: &mut Outlet<'_>,
    ) {
        let (mut start, mut end, mut together) = (0, 0, None);
        while let Some(run) = (end < chunk.len()).then(|| noted.next()).flatten() {
            let verdict = self.verdict(run);
            let label = as_a_whole(verdict, run.has_trace_state);
            if label != together {
                self.exit.leave_whole(&chunk[start..end], together, out);
                (start, together) = (end, label);
            }
            end += run.len;
            if label.is_none() {
                let bytes = &chunk[start..end];
                match verdict {
                    Some(verdict) => self.exit.leave(verdict, run.records(bytes), totals, out),
                    None => self.wait(*run, bytes, now, totals, out),
                }
                start = end;
            }
        }
        self.exit.leave_whole(&chunk[start..end], together, out);
    }

    /// What was decided about the trace of a run, if it was.
    fn verdict(&self, run: &Noted) -> Option<Verdict> {
        if !run.undecided {
            return Some(Verdict::Keep);
        }
        match self.open.get(&run.key) {
            None => self.decided.get(run.key),
            Some(trace) => trace.verdict,
        }
    }

    /// Carries a run over, as far as there is room for that.
    fn wait(
        &mut self,
        run: Noted,
        bytes: &[u8],
        now: Instant,
        totals: &Totals,
        out: &mut Outlet<'_>,
    ) {
        self.carry(run, bytes, now);
        if self.waiting_bytes > self.max_waiting_bytes {
            self.bound(now, totals, out);
        }
    }

    fn carry(&mut self, run: Noted, bytes: &[u8], now: Instant) {
        let trace = self.open.entry(run.key).or_default();
        // It may have been given up in this round, and be forgotten since.
        trace.facts |= run.facts;
        let carried = trace.carried.get_or_insert_with(|| {
            self.order.push_back((run.key, now));
            self.waiting_bytes += TRACE_BYTES;
            Box::new(Carried {
                bytes: Vec::new(),
                spans: 0,
                has_trace_state: false,
                since: now,
            })
        });
        self.waiting_bytes -= carried.size();
        carried.bytes.extend_from_slice(bytes);
        carried.spans += run.spans;
        carried.has_trace_state |= run.has_trace_state;
        self.waiting_spans += run.spans;
        self.waiting_bytes += carried.size();
        self.peak_waiting_bytes = self.peak_waiting_bytes.max(self.waiting_bytes);
    }

    /// Decides the oldest traces until no more wait, and for no longer, than may.
    fn bound(&mut self, now: Instant, totals: &Totals, out: &mut Outlet<'_>) {
        while let Some((key, since)) = self.order.front().copied() {
            let waits = self.waits(key, since);
            let too_much = self.waiting_bytes > self.max_waiting_bytes;
            if waits && !too_much && now.saturating_duration_since(since) < self.max_wait {
                break;
            }
            self.order.pop_front();
            if waits {
                self.give_up(key, totals, out);
            }
        }
        if self.order.len() > 2 * self.open.len() + USUAL_TRACES {
            let mut order = mem::take(&mut self.order);
            order.retain(|(key, since)| self.waits(*key, *since));
            self.order = order;
        }
    }

    fn waits(&self, key: Key, since: Instant) -> bool {
        let carried = self.open.get(&key).and_then(|trace| trace.carried.as_ref());
        carried.is_some_and(|carried| carried.since == since)
    }

    /// Decides about a trace by what is known so far.
    fn give_up(&mut self, key: Key, totals: &Totals, out: &mut Outlet<'_>) {
        let known = self.open.get(&key).map(|trace| trace.facts);
        if known.is_some_and(|facts| !facts.has_any_of(Facts::ENDED)) {
            totals.decided_early();
        }
        self.decide(key, totals, out);
        self.forget(key);
    }
}
