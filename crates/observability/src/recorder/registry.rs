//! What all threads of the process share: their announcements and chunks, and the pooled slots.
//!
//! Position: reached on cold paths only: a thread's first span, a pool that is empty or full, the
//! export thread's round, an ownership taken away.
//!
//! Invariants: after a fork the child starts with a registry of its own, because a lock of the
//! parent's may be held for ever; entries are reused, so their number is bounded by the largest number of
//! threads and open spans at a time, and what idle slots keep by [`IDLE_BYTES`]. Slots given up where the system refuses a fence do not come back.

use super::{
    aside::PIECE_BYTES,
    beginning::BegunCounters,
    core::{Chunk, Core, LARGE_CHUNK_BYTES, SMALL_CHUNK_BYTES},
    per_process::MAX_FORK_DEPTH,
    slot::Slot,
    sys::{
        biased::{Biased, FIRST_OWNER, Hazard},
        closing::Filled,
        platform,
    },
};
use crate::span::SpanBody;
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

static REGISTRIES: [OnceLock<Registry>; MAX_FORK_DEPTH] =
    [const { OnceLock::new() }; MAX_FORK_DEPTH];
static NEXT_OWNER_BLOCK: AtomicU64 = AtomicU64::new(FIRST_OWNER);

/// Owner ids that a thread may hand out without asking again.
pub(crate) const OWNER_BLOCK: u64 = 1 << 16;

/// The most that idle slots keep for spans to come.
const IDLE_BYTES: usize = 16 << 20;

/// An idle slot with the body it brings along.
pub(crate) type PooledSlot = (&'static Slot, Box<SpanBody>);

/// What a thread leaves where others can see it.
#[derive(Debug)]
pub(crate) struct ThreadShared {
    pub(crate) hazard: Hazard,
    /// Spans that are to be exported.
    pub(crate) sampled: Collected,
    /// Spans that were sampled out, for the flight recorder.
    pub(crate) aside: Collected,
    pub(crate) counts: ThreadCounts,
}

/// What a thread collects until it hands it over.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) chunk: Biased<OpenChunk>,
    pub(crate) filled: Filled,
}

impl Collected {
    fn new(chunk: OpenChunk) -> Self {
        Self {
            chunk: Biased::new(chunk),
            filled: Filled::new(),
        }
    }
}

/// The chunk that a thread is filling.
#[derive(Debug, Default)]
pub(crate) struct OpenChunk {
    pub(crate) core: Option<&'static Core>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: u64,
    /// Whether it is for the flight recorder.
    is_aside: bool,
}

impl ThreadShared {
    /// All that the thread collects.
    pub(crate) fn collected(&self) -> [&Collected; 2] {
        [&self.sampled, &self.aside]
    }
}

/// Counters with one writer, the thread; folded into its recorder's totals when it moves on.
#[derive(Debug)]
pub(crate) struct ThreadCounts {
    pub(crate) core_id: AtomicU64,
    pub(crate) begun: BegunCounters,
}

/// The process-wide lists.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Replaced as a whole, so that whoever goes through it copies nothing and holds no lock.
    threads: Mutex<Arc<Vec<&'static ThreadShared>>>,
    idle_threads: Mutex<Vec<&'static ThreadShared>>,
    idle_slots: Mutex<IdleSlots>,
}

/// Slots for spans to come, with the memory that their bodies keep.
#[derive(Debug, Default)]
struct IdleSlots {
    slots: Vec<PooledSlot>,
    bytes: usize,
}

impl Registry {
    /// The registry of this process; `None` after more forks of forks than are supported.
    pub(crate) fn get() -> Option<&'static Self> {
        let registry = REGISTRIES.get(platform::fork_epoch() as usize)?;
        Some(registry.get_or_init(Self::default))
    }

    /// A fresh block of owner ids.
    pub(crate) fn owner_block() -> u64 {
        NEXT_OWNER_BLOCK.fetch_add(OWNER_BLOCK, Ordering::Relaxed)
    }

    pub(crate) fn join(&self, owner: u64) -> &'static ThreadShared {
        let reused = locked(&self.idle_threads).pop();
        let shared = reused.unwrap_or_else(|| {
            let fresh: &'static ThreadShared = Box::leak(Box::new(ThreadShared {
                hazard: Hazard::new(),
                sampled: Collected::new(OpenChunk::default()),
                aside: Collected::new(OpenChunk {
                    is_aside: true,
                    ..OpenChunk::default()
                }),
                counts: ThreadCounts {
                    core_id: AtomicU64::new(0),
                    begun: BegunCounters::default(),
                },
            }));
            Arc::make_mut(&mut locked(&self.threads)).push(fresh);
            fresh
        });
        for collected in shared.collected() {
            collected.chunk.adopt(owner);
        }
        shared
    }

    pub(crate) fn leave(&self, shared: &'static ThreadShared) {
        locked(&self.idle_threads).push(shared);
    }

    pub(crate) fn each_thread(&self, visit: &mut dyn FnMut(&'static ThreadShared)) {
        let threads = Arc::clone(&locked(&self.threads));
        threads.iter().copied().for_each(visit);
    }

    pub(crate) fn each_hazard(&self, visit: &mut dyn FnMut(&Hazard)) {
        self.each_thread(&mut |thread| visit(&thread.hazard));
    }

    /// Moves up to `count` idle slots to `pool`.
    pub(crate) fn take_slots(&self, count: usize, pool: &mut Vec<PooledSlot>) {
        let mut idle = locked(&self.idle_slots);
        let IdleSlots { slots, bytes } = &mut *idle;
        let keep = slots.len().saturating_sub(count);
        pool.extend(
            slots
                .drain(keep..)
                .inspect(|(_, body)| *bytes -= body.kept_bytes()),
        );
    }

    /// Takes idle slots over from their thread, for any thread to take.
    pub(crate) fn give_slots(&self, slots: impl Iterator<Item = PooledSlot>) {
        let mut idle = locked(&self.idle_slots);
        for (slot, mut body) in slots {
            if !slot.stays_shared() {
                slot.cell.free();
            }
            if idle.bytes + body.kept_bytes() > IDLE_BYTES {
                body.release_all_memory();
            }
            idle.bytes += body.kept_bytes();
            idle.slots.push((slot, body));
        }
    }
}

/// Locks a mutex, whatever happened to a thread that held it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpenChunk {
    /// Gives what it holds to the recorder it belongs to, and belongs to `core` from now on.
    #[cold]
    pub(crate) fn begin(&mut self, core: &'static Core) {
        self.hand_over();
        self.core = Some(core);
        self.bytes.reserve(SMALL_CHUNK_BYTES);
    }

    /// Whether a record of that length fits.
    #[inline]
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.bytes.capacity() - self.bytes.len() >= len
    }

    /// Makes room for a record of that length: with a fresh chunk, which is larger than others only if
    /// the record is. Where the program may wait, `false`: the chunk stays, because there is no room
    /// in the queue, and grows by the record alone.
    #[cold]
    pub(crate) fn make_room(&mut self, core: &Core, len: usize) -> bool {
        let is_exchanged = self.spans == 0 || self.exchange(core, LARGE_CHUNK_BYTES);
        self.bytes.reserve_exact(len);
        is_exchanged
    }

    /// What was recorded so far.
    pub(crate) fn take(&mut self) -> Chunk {
        Chunk {
            bytes: std::mem::take(&mut self.bytes),
            spans: std::mem::take(&mut self.spans),
        }
    }

    /// Gives what was recorded so far to the recorder it belongs to.
    pub(crate) fn hand_over(&mut self) {
        if let Some(core) = self.core
            && self.spans > 0
        {
            if self.is_aside {
                drop(core.set_aside(self.take(), 0));
            } else {
                drop(core.hand_over(self.take(), 0));
            }
        }
    }

    /// Gives up its memory; there is nothing in it any more.
    pub(crate) fn close(&mut self) {
        self.core = None;
        self.bytes = Vec::new();
    }

    /// The same; what there is no room for stays, and the answer is `false`.
    pub(crate) fn offer(&mut self) -> bool {
        match self.core.filter(|_| self.spans > 0) {
            None => true,
            Some(core) => self.exchange(core, 0),
        }
    }

    /// Gives a full chunk to `core` for an empty one of at least `capacity` bytes. Where the program
    /// may wait, what there is no room for stays, and the answer is `false`.
    #[cold]
    pub(crate) fn exchange(&mut self, core: &Core, capacity: usize) -> bool {
        if self.is_aside {
            self.bytes = core.set_aside(self.take(), PIECE_BYTES);
            return true;
        }
        match core.offer(self.take(), capacity, core.when_full()) {
            Ok(empty) => self.bytes = empty,
            Err(Chunk { bytes, spans }) => (self.bytes, self.spans) = (bytes, spans),
        }
        self.spans == 0
    }
}
