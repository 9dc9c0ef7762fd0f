//! The running part of a recorder in one process: the queue of chunks, the byte budget, the counts.
//!
//! Position: threads hand their chunks over here; the export thread takes them away.
//!
//! Invariants:
//! - `queued_bytes` never exceeds the budget, nor the queue its cap in spans: what does not fit is
//!   dropped and counted, unless the program asked for waiting ([`super::room`]);
//! - handing a chunk over never waits for the export thread.

use super::{
    SpanCaps,
    aside::Aside,
    losses::Losses,
    record::prefix_len,
    registry::{Registry, locked},
    room::WhenFull,
    stats::{DropReason, Stats, Totals},
    sys::closing::Closed,
    ticket::Ticket,
};
use std::{
    num::NonZeroU64,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

/// A thread's first chunk.
pub(crate) const SMALL_CHUNK_BYTES: usize = 8 << 10;
/// The chunk of a thread that filled a small one.
pub(crate) const LARGE_CHUNK_BYTES: usize = 64 << 10;
/// Queued bytes at which the export thread is woken before its timer.
const WAKE_BYTES: usize = 512 << 10;
/// Queued spans at which it is woken when only the queue is capped. Trace SDK, "Batching processor":
/// `maxExportBatchSize`.
const WAKE_SPANS: u64 = 512;

/// Finished spans on their way to the export thread.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: u64,
}

impl Chunk {
    /// Gives up all spans but the first `count`; returns how many that are.
    fn keep_first(&mut self, count: u64) -> u64 {
        let given_up = self.spans.saturating_sub(count);
        if given_up > 0 {
            self.bytes.truncate(prefix_len(&self.bytes, count));
            self.spans = count;
        }
        given_up
    }
}

/// The running part of a recorder.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) totals: Totals,
    pub(super) budget_bytes: usize,
    pub(super) max_queued_spans: u64,
    wake_spans: u64,
    wake_bytes: usize,
    /// How long a thread may wait for room; `None`: not at all.
    pub(super) patience: Option<Duration>,
    queued_bytes: AtomicUsize,
    peak_queued_bytes: AtomicUsize,
    /// What the export thread holds outside of chunks, for spans of undecided traces.
    held_bytes: AtomicUsize,
    pub(super) losses: Losses,
    /// Where the flight recorder keeps what was sampled out, if there is one.
    aside: Option<Aside>,
    pub(super) queue: Mutex<Queue>,
    pub(super) wake: Condvar,
    pub(super) done: Condvar,
    /// Signalled when there may be room again.
    pub(super) room: Condvar,
    /// The export thread, which must not wait for itself.
    pub(super) exporting: OnceLock<ThreadId>,
    closed: Closed,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: Vec<Chunk>,
    /// The spans in `chunks`.
    pub(super) spans: u64,
    recycled: Vec<Vec<u8>>,
    /// The number of the latest ticket.
    pub(super) requested: u64,
    /// Who waits; served tickets are taken out.
    pub(super) tickets: Vec<Arc<Ticket>>,
    /// Whether a thread looks after the deadlines of waiting tasks.
    pub(super) is_watched: bool,
    pub(super) stop: Option<Instant>,
    /// How many threads wait for room.
    pub(super) waiting_for_room: usize,
    /// Whether the last round failed, once nothing is exported any more.
    pub(super) stopped_with_failure: Option<bool>,
}

impl Queue {
    fn take_chunks(&mut self) -> Vec<Chunk> {
        self.spans = 0;
        std::mem::take(&mut self.chunks)
    }

    /// Whether somebody waits for what is in the queue to leave.
    fn is_in_the_way(&self) -> bool {
        self.waiting_for_room > 0 && !self.chunks.is_empty()
    }
}

/// What the export thread was woken for.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) chunks: Vec<Chunk>,
    /// The spans that ended before any of so many first chunks' are all among `chunks`.
    pub(crate) settled: usize,
    /// The latest ticket that is served when the round is done.
    pub(crate) request: u64,
    /// Whether one of the tickets asks for what the flight recorder holds.
    pub(crate) wants_snapshot: bool,
    /// The last round: until when to be finished.
    pub(crate) stop: Option<Instant>,
}

impl Core {
    pub(crate) fn new(
        budget_bytes: usize,
        caps: SpanCaps,
        patience: Option<Duration>,
        aside_bytes: Option<usize>,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let max_queued_spans = caps.queue.map_or(u64::MAX, NonZeroU64::get);
        let wake_spans = match (caps.request, caps.queue) {
            (None, None) => u64::MAX,
            (request, _) => request.map_or(WAKE_SPANS, NonZeroU64::get),
        };
        Self {
            max_queued_spans,
            wake_spans: wake_spans.min(max_queued_spans),
            wake_bytes: WAKE_BYTES.min(budget_bytes / 2),
            patience,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            totals: Totals::default(),
            budget_bytes,
            queued_bytes: AtomicUsize::new(0),
            peak_queued_bytes: AtomicUsize::new(0),
            held_bytes: AtomicUsize::new(0),
            losses: Losses::default(),
            aside: aside_bytes.map(Aside::new),
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            done: Condvar::new(),
            room: Condvar::new(),
            exporting: OnceLock::new(),
            closed: Closed::new(),
        }
    }

    /// Takes a full chunk and returns an empty buffer of at least `capacity` bytes in its place.
    #[cold]
    pub(crate) fn hand_over(&self, chunk: Chunk, capacity: usize) -> Vec<u8> {
        self.offer(chunk, capacity, WhenFull::Drop)
            .unwrap_or_default()
    }

    /// The same, where it may be given back: `Err` with [`WhenFull::Keep`] only.
    pub(super) fn offer(
        &self,
        mut chunk: Chunk,
        capacity: usize,
        when_full: WhenFull,
    ) -> Result<Vec<u8>, Chunk> {
        let mut queue = self.lock();
        if self.is_closed() {
            return Ok(self.refuse(&mut chunk, DropReason::AfterShutdown));
        }
        match when_full {
            WhenFull::Exceed => {}
            WhenFull::Keep if self.has_room(&queue, chunk.bytes.capacity()) => {}
            WhenFull::Keep => return Err(chunk),
            WhenFull::Drop => {
                let room = self.max_queued_spans.saturating_sub(queue.spans);
                let too_many = chunk.keep_first(room);
                self.totals.dropped(DropReason::BudgetSpent, too_many);
                let fits = self.fits(chunk.bytes.capacity());
                // An empty chunk in the queue would cost memory for nothing.
                if chunk.spans == 0 || !fits {
                    return Ok(self.refuse(&mut chunk, DropReason::BudgetSpent));
                }
            }
        }
        self.enqueue(&mut queue, chunk);
        let wanted = capacity > 0;
        let fresh = wanted.then(|| queue.recycled.pop()).flatten();
        let enough = self.has_enough(&queue);
        drop(queue);
        if enough {
            self.wake.notify_one();
        }
        Ok(fresh.unwrap_or_else(|| Vec::with_capacity(capacity)))
    }

    /// Gives spans that were sampled out to the flight recorder; returns an empty buffer in place of
    /// theirs.
    #[cold]
    pub(crate) fn set_aside(&self, chunk: Chunk, capacity: usize) -> Vec<u8> {
        let aside = self.aside.as_ref();
        aside.map_or_else(Vec::new, |aside| aside.push(chunk, capacity))
    }

    /// What the flight recorder holds, if there is one.
    pub(crate) fn aside(&self) -> Option<&Aside> {
        self.aside.as_ref()
    }

    /// Bytes are added under the lock of the queue only.
    fn enqueue(&self, queue: &mut Queue, chunk: Chunk) {
        let size = chunk.bytes.capacity();
        let queued = self.queued_bytes.fetch_add(size, Ordering::AcqRel) + size;
        self.note_peak(queued + self.held_bytes.load(Ordering::Relaxed));
        queue.spans += chunk.spans;
        queue.chunks.push(chunk);
    }

    /// Notes what spans of undecided traces take, outside of their chunks, and the most that it was
    /// while these were there.
    pub(crate) fn hold_bytes(&self, bytes: usize, peak: usize) {
        self.held_bytes.store(bytes, Ordering::Relaxed);
        self.note_peak(self.queued_bytes.load(Ordering::Relaxed) + peak);
    }

    fn note_peak(&self, bytes: usize) {
        self.peak_queued_bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(super) fn fits(&self, bytes: usize) -> bool {
        let queued = self.queued_bytes.load(Ordering::Acquire);
        queued.saturating_add(bytes) <= self.budget_bytes
    }

    /// Whether a thread that may wait need not: what is alone in the queue is as large as it is.
    pub(super) fn has_room(&self, queue: &Queue, bytes: usize) -> bool {
        let is_idle = self.queued_bytes.load(Ordering::Acquire) == 0;
        is_idle || (self.fits(bytes) && queue.spans < self.max_queued_spans)
    }

    /// Whether so much waits that the export thread should not wait for its timer.
    fn has_enough(&self, queue: &Queue) -> bool {
        self.queued_bytes.load(Ordering::Relaxed) >= self.wake_bytes
            || queue.spans >= self.wake_spans
            || queue.is_in_the_way()
    }

    fn refuse(&self, chunk: &mut Chunk, reason: DropReason) -> Vec<u8> {
        self.totals.dropped(reason, chunk.spans);
        chunk.bytes.clear();
        if chunk.bytes.capacity() > LARGE_CHUNK_BYTES {
            return Vec::new();
        }
        std::mem::take(&mut chunk.bytes)
    }

    /// Waits for work: a request, enough spans, or the end of `interval`. `settle`: whether somebody
    /// will ask for [`Round::settled`].
    pub(crate) fn next_round(&self, interval: Duration, settle: bool) -> Round {
        let mut queue = self.lock();
        let timer = Instant::now() + interval;
        while queue.tickets.is_empty() && queue.stop.is_none() && !self.has_enough(&queue) {
            let left = timer.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue = self
                .wake
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let (request, stop) = (queue.requested, queue.stop);
        let wants_snapshot = queue.tickets.iter().any(|ticket| ticket.wants_snapshot);
        let is_asked = !queue.tickets.is_empty() || stop.is_some();
        drop(queue);
        if is_asked || Instant::now() >= timer {
            self.collect_open_chunks();
        }
        let mut chunks = self.take_round();
        let settled = chunks.len();
        if settle {
            // A thread may hold a span that ended before one that was just taken from another.
            self.collect_open_chunks();
            chunks.append(&mut self.take_round());
        }
        Round {
            chunks,
            settled,
            request,
            wants_snapshot,
            stop,
        }
    }

    fn take_round(&self) -> Vec<Chunk> {
        let mut queue = self.lock();
        self.totals.taken.begin(queue.spans);
        queue.take_chunks()
    }

    /// Takes everything that has been recorded so far, on the calling thread.
    pub(crate) fn drain(&self) -> Vec<Chunk> {
        self.collect_open_chunks();
        self.lock().take_chunks()
    }

    /// Gives the memory of exported chunks back. Some are kept for later, all of one size: one that had
    /// grown would take more of the budget each time.
    pub(crate) fn recycle(&self, chunks: Vec<Chunk>) {
        const KEPT: usize = 16;
        let mut queue = self.lock();
        for Chunk { mut bytes, .. } in chunks {
            let size = bytes.capacity();
            self.queued_bytes.fetch_sub(size, Ordering::AcqRel);
            let is_usual = size == LARGE_CHUNK_BYTES && !self.is_closed();
            if is_usual && queue.recycled.len() < KEPT {
                bytes.clear();
                queue.recycled.push(bytes);
            }
        }
        drop(queue);
        self.room.notify_all();
    }

    /// Refuses everything from now on, and counts what came too late for the last round.
    pub(crate) fn refuse_rest(&self) {
        self.close();
        let late = self.lock().take_chunks();
        for chunk in &late {
            self.totals.dropped(DropReason::AfterShutdown, chunk.spans);
        }
        self.recycle(late);
        if let Some(aside) = &self.aside {
            aside.close();
        }
    }

    /// Refuses chunks from now on, and what the threads have not handed over yet.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        self.closed.set();
        queue.recycled = Vec::new();
        drop(queue);
        self.room.notify_all();
        self.collect_open_chunks();
    }

    /// How many spans are in the queue or with the export thread.
    pub(crate) fn undelivered(&self) -> u64 {
        let queue = self.lock();
        queue.spans + self.totals.taken.unsettled()
    }

    /// The export thread broke off with what it had taken, and the queue is closed and empty.
    pub(super) fn forget_queued_bytes(&self) {
        self.queued_bytes.store(0, Ordering::Release);
        self.hold_bytes(0, 0);
    }

    /// Whether chunks are refused.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_set()
    }

    /// What has happened to all spans so far.
    pub(crate) fn stats(&self) -> Stats {
        self.totals.read(|stats| {
            let held = self.held_bytes.load(Ordering::Relaxed);
            stats.queued_bytes = self.queued_bytes.load(Ordering::Relaxed) + held;
            stats.peak_queued_bytes = self.peak_queued_bytes.load(Ordering::Relaxed);
            stats.flight_recorder_bytes = self.aside.as_ref().map_or(0, Aside::bytes);
            if let Some(registry) = Registry::get() {
                registry.each_thread(&mut |thread| stats.add_thread(self.id, &thread.counts));
            }
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        locked(&self.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunk, LARGE_CHUNK_BYTES};
    use crate::{Telemetry, get_tracer, recorder::Recorder, testing::TestRecorder};
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    const ROUNDS: usize = 1_000;

    #[test]
    fn only_chunks_of_the_usual_size_are_kept_and_none_after_the_end() {
        let core = TestRecorder::new().recorder().core().unwrap();
        let kept = || core.lock().recycled.len();
        let hand_over = |capacity| {
            let bytes = Vec::with_capacity(capacity);
            drop(core.hand_over(Chunk { bytes, spans: 1 }, 0));
            core.recycle(core.drain());
        };
        hand_over(2 * LARGE_CHUNK_BYTES);
        assert_eq!(kept(), 0);
        hand_over(LARGE_CHUNK_BYTES);
        assert_eq!(kept(), 1);
        core.close();
        assert_eq!(kept(), 0);
        assert_eq!(core.stats().queued_bytes, 0);
    }

    /// Waits without sleeping, so that both threads go on within nanoseconds.
    fn meet(counter: &AtomicUsize, round: usize) {
        counter.fetch_add(1, Ordering::SeqCst);
        while counter.load(Ordering::SeqCst) < 2 * (round + 1) {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_span_that_ends_at_the_instant_of_the_shutdown_does_not_stay_pending() {
        let recorders: Vec<&Recorder> = (0..ROUNDS)
            .map(|_| TestRecorder::of(Telemetry::builder()).recorder())
            .collect();
        let (before, after) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let end_spans = || {
            for (round, recorder) in recorders.iter().enumerate() {
                let context = crate::Context {
                    recorder: Some(recorder),
                    ..crate::Context::default()
                };
                let span = get_tracer("core")
                    .span_builder("last")
                    .parent(&context)
                    .start();
                meet(&before, round);
                drop(span);
                meet(&after, round);
            }
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new();
            thread.spawn_scoped(scope, end_spans).unwrap();
            let mut stuck = 0;
            for (round, recorder) in recorders.iter().enumerate() {
                let core = recorder.core().unwrap();
                meet(&before, round);
                for _ in 0..round % 50 {
                    std::hint::spin_loop();
                }
                core.close();
                meet(&after, round);
                // The thread is still there: only the two who met could have seen to its span.
                stuck += core.stats().pending;
            }
            assert_eq!(stuck, 0);
        });
    }
}
