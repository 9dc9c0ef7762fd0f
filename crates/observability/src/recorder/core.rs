//! The running part of a recorder in one process: the queue of chunks, the byte budget, the counts.
//!
//! Position: threads hand their chunks over here; the export thread takes them away.
//!
//! Invariants:
//! - `queued_bytes` never exceeds the budget: what does not fit is dropped and counted;
//! - handing a chunk over never waits for the export thread.

use super::{
    registry::{Registry, ThreadShared, locked},
    stats::{DropReason, Stats, Totals},
    sys::biased::{Biased, Hazard, Next},
};
use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

/// A thread's first chunk.
pub(crate) const SMALL_CHUNK_BYTES: usize = 8 << 10;
/// The chunk of a thread that filled a small one.
pub(crate) const LARGE_CHUNK_BYTES: usize = 64 << 10;
/// Queued bytes at which the export thread is woken before its timer.
const WAKE_BYTES: usize = 512 << 10;

/// Finished spans on their way to the export thread.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: u64,
}

/// The running part of a recorder.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) totals: Totals,
    budget_bytes: usize,
    queued_bytes: AtomicUsize,
    queue: Mutex<Queue>,
    wake: Condvar,
    done: Condvar,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: Vec<Chunk>,
    recycled: Vec<Vec<u8>>,
    requested: u64,
    completed: u64,
    last_flush_failed: bool,
    stop: Option<Instant>,
    stopped: bool,
    flush_deadline: Option<Instant>,
    wakers: Vec<Waker>,
}

/// What the export thread was woken for.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) chunks: Vec<Chunk>,
    /// The request to acknowledge when the round is done.
    pub(crate) request: u64,
    /// Until when a waiting caller wants the round done.
    pub(crate) flush_deadline: Option<Instant>,
    /// The last round: until when to be finished.
    pub(crate) stop: Option<Instant>,
}

impl Core {
    pub(crate) fn new(budget_bytes: usize) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            totals: Totals::default(),
            budget_bytes,
            queued_bytes: AtomicUsize::new(0),
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            done: Condvar::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Takes a full chunk and returns an empty buffer of at least `capacity` bytes in its place.
    #[cold]
    pub(crate) fn hand_over(&self, mut chunk: Chunk, capacity: usize) -> Vec<u8> {
        let size = chunk.bytes.capacity();
        let mut queue = self.lock();
        if self.is_closed() {
            return self.refuse(&mut chunk, DropReason::AfterShutdown);
        }
        if self.queued_bytes.fetch_add(size, Ordering::AcqRel) + size > self.budget_bytes {
            self.queued_bytes.fetch_sub(size, Ordering::AcqRel);
            return self.refuse(&mut chunk, DropReason::BudgetSpent);
        }
        queue.chunks.push(chunk);
        let wanted = capacity > 0;
        let fresh = wanted.then(|| queue.recycled.pop()).flatten();
        drop(queue);
        if self.queued_bytes.load(Ordering::Relaxed) >= WAKE_BYTES {
            self.wake.notify_one();
        }
        fresh.unwrap_or_else(|| Vec::with_capacity(capacity))
    }

    fn refuse(&self, chunk: &mut Chunk, reason: DropReason) -> Vec<u8> {
        self.totals.dropped(reason, chunk.spans);
        chunk.bytes.clear();
        if chunk.bytes.capacity() > LARGE_CHUNK_BYTES {
            return Vec::new();
        }
        std::mem::take(&mut chunk.bytes)
    }

    /// Takes what the threads have not handed over yet.
    fn collect_open_chunks(&self) {
        let Some(registry) = Registry::get() else {
            return;
        };
        registry.each_thread(&mut |thread| self.collect_from(registry, thread));
    }

    fn collect_from(&self, registry: &Registry, thread: &'static ThreadShared) {
        if !thread.filled.load(Ordering::Acquire) {
            return;
        }
        let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
        let taken = Biased::with_revoked(&thread.chunk, None, hazards, Next::AsBefore, |open| {
            let ours = open.core.is_some_and(|core| core.id == self.id) && open.spans > 0;
            ours.then(|| {
                thread.filled.store(false, Ordering::Relaxed);
                open.take()
            })
        });
        if let Some(Some(chunk)) = taken {
            drop(self.hand_over(chunk, 0));
        }
    }

    /// Waits for work: a request, enough bytes, or the end of `interval`.
    pub(crate) fn next_round(&self, interval: Duration) -> Round {
        let mut queue = self.lock();
        let timer = Instant::now() + interval;
        while queue.requested == queue.completed
            && queue.stop.is_none()
            && self.queued_bytes.load(Ordering::Relaxed) < WAKE_BYTES
        {
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
        let is_due = Instant::now() >= timer;
        let flush_deadline = queue.flush_deadline.take();
        drop(queue);
        if is_due || stop.is_some() || request != self.lock().completed {
            self.collect_open_chunks();
        }
        let mut queue = self.lock();
        Round {
            chunks: std::mem::take(&mut queue.chunks),
            request,
            flush_deadline,
            stop,
        }
    }

    /// Takes everything that has been recorded so far, on the calling thread.
    pub(crate) fn drain(&self) -> Vec<Chunk> {
        self.collect_open_chunks();
        std::mem::take(&mut self.lock().chunks)
    }

    /// Gives the memory of exported chunks back.
    pub(crate) fn recycle(&self, chunks: Vec<Chunk>) {
        const KEPT: usize = 16;
        let mut queue = self.lock();
        for chunk in chunks {
            self.queued_bytes
                .fetch_sub(chunk.bytes.capacity(), Ordering::AcqRel);
            if queue.recycled.len() < KEPT && chunk.bytes.capacity() >= LARGE_CHUNK_BYTES {
                let mut bytes = chunk.bytes;
                bytes.clear();
                queue.recycled.push(bytes);
            }
        }
    }

    /// Tells the waiting callers that their request is served.
    pub(crate) fn complete(&self, request: u64, failed: bool) {
        let mut queue = self.lock();
        if request > queue.completed {
            queue.completed = request;
            queue.last_flush_failed = failed;
        }
        let wakers = std::mem::take(&mut queue.wakers);
        drop(queue);
        self.done.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Tells the waiting callers that nothing will be exported any more; what came too late for the
    /// last round is counted.
    pub(crate) fn complete_last(&self, request: u64, failed: bool) {
        self.close();
        let late = std::mem::take(&mut self.lock().chunks);
        for chunk in &late {
            self.totals.dropped(DropReason::AfterShutdown, chunk.spans);
        }
        self.recycle(late);
        self.lock().stopped = true;
        self.complete(request, failed);
    }

    /// Asks for a round; returns its number.
    pub(crate) fn request_flush(&self, deadline: Instant) -> u64 {
        let mut queue = self.lock();
        queue.requested += 1;
        queue.flush_deadline = queue.flush_deadline.max(Some(deadline));
        self.wake.notify_all();
        queue.requested
    }

    /// Asks for the last round and refuses everything after it; returns its number.
    pub(crate) fn request_stop(&self, deadline: Instant) -> u64 {
        let mut queue = self.lock();
        queue.requested += 1;
        queue.stop.get_or_insert(deadline);
        self.wake.notify_all();
        queue.requested
    }

    /// Refuses chunks from now on, and what the threads have not handed over yet.
    pub(crate) fn close(&self) {
        let queue = self.lock();
        self.closed.store(true, Ordering::Release);
        drop(queue);
        self.collect_open_chunks();
    }

    /// Whether chunks are refused.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether `request` is served, and if so, whether without a failure.
    pub(crate) fn outcome(&self, request: u64) -> Option<bool> {
        let queue = self.lock();
        (queue.completed >= request || queue.stopped).then_some(!queue.last_flush_failed)
    }

    /// Blocks until `request` is served or `deadline` has passed.
    pub(crate) fn wait(&self, request: u64, deadline: Instant) -> Option<bool> {
        let mut queue = self.lock();
        while queue.completed < request && !queue.stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            queue = self
                .done
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Some(!queue.last_flush_failed)
    }

    /// Has `waker` woken when a request is served.
    pub(crate) fn register(&self, waker: &Waker) {
        self.lock().wakers.push(waker.clone());
    }

    /// Sleeps while sending is to be tried again; `false` when shutdown came meanwhile.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        let mut queue = self.lock();
        while queue.stop.is_none_or(|stop| stop > until) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            queue = self
                .wake
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }

    /// What has happened to all spans so far.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.totals.read();
        if let Some(registry) = Registry::get() {
            registry.each_thread(&mut |thread| stats.add_thread(self.id, &thread.counts));
        }
        stats
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        locked(&self.queue)
    }
}
