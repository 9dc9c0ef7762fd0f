//! What a thread keeps to itself: its identity, ids to give out, idle slots, its counters.
//!
//! Position: the hot path of every span operation starts here.
//!
//! Invariants:
//! - the thread-local that the hot path reads has no destructor, so that it needs no check; a second
//!   one hands everything back when the thread ends;
//! - what happens on a thread after that takes locked paths, and nothing is lost;
//! - the child of a fork starts anew at its first span: own ids, own registry, nothing of the
//!   parent's is exported.

use super::{
    Recorder,
    core::{Chunk, Core, LARGE_CHUNK_BYTES, SMALL_CHUNK_BYTES},
    registry::{OWNER_BLOCK, PooledSlot, Registry, ThreadCounts, ThreadShared},
    slot::{Slot, SlotState},
    sys::{
        biased::{FREE, Hazard, Next, PARKED, Strand},
        platform,
    },
};
use crate::span::SpanBody;
use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    sync::atomic::Ordering,
};

/// Idle slots that a thread keeps before it gives some back.
const POOL_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Live,
    Gone,
}

struct ThreadState {
    phase: Cell<Phase>,
    fork_epoch: Cell<u32>,
    shared: Cell<Option<&'static ThreadShared>>,
    core: Cell<Option<(&'static Recorder, &'static Core)>>,
    own_id: Cell<u64>,
    strand_id: Cell<u64>,
    next_owner: Cell<u64>,
    owners_end: Cell<u64>,
    random: Cell<u64>,
    pool: ManuallyDrop<RefCell<Vec<PooledSlot>>>,
}

thread_local! {
    static STATE: ThreadState = const {
        ThreadState {
            phase: Cell::new(Phase::New),
            fork_epoch: Cell::new(0),
            shared: Cell::new(None),
            core: Cell::new(None),
            own_id: Cell::new(0),
            strand_id: Cell::new(0),
            next_owner: Cell::new(0),
            owners_end: Cell::new(0),
            random: Cell::new(0),
            pool: ManuallyDrop::new(RefCell::new(Vec::new())),
        }
    };
    static AT_EXIT: AtExit = const { AtExit };
}

/// Hands the thread's belongings back when it ends.
struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        STATE.with(ThreadState::depart);
    }
}

impl ThreadState {
    /// Makes sure that the thread is set up for this process.
    #[inline]
    fn ready(&self) -> bool {
        let current = self.fork_epoch.get() == platform::fork_epoch();
        (current && self.phase.get() == Phase::Live) || self.arrive()
    }

    #[cold]
    fn arrive(&self) -> bool {
        let forked = self.fork_epoch.get() != platform::fork_epoch();
        if self.phase.get() == Phase::Gone && !forked {
            return false;
        }
        platform::prepare();
        let Some(registry) = Registry::get() else {
            return false;
        };
        if AT_EXIT.try_with(|_| ()).is_err() {
            self.phase.set(Phase::Gone);
            self.fork_epoch.set(platform::fork_epoch());
            return false;
        }
        self.fork_epoch.set(platform::fork_epoch());
        self.core.set(None);
        if let Ok(mut pool) = self.pool.try_borrow_mut() {
            // Another thread of the parent may hold the lock of one of its slots for ever.
            std::mem::take(&mut *pool).leak();
        }
        self.owners_end.set(0);
        self.random.set(platform::random_seed());
        let own_id = self.new_owner();
        self.own_id.set(own_id);
        self.strand_id.set(own_id);
        self.shared.set(Some(registry.join(own_id)));
        self.phase.set(Phase::Live);
        true
    }

    fn depart(&self) {
        self.phase.set(Phase::Gone);
        let (Some(registry), Some(shared)) = (Registry::get(), self.shared.take()) else {
            return;
        };
        if self.fork_epoch.get() != platform::fork_epoch() {
            return;
        }
        Self::hand_over_chunk(registry, shared);
        if let Some((_, core)) = self.core.take() {
            core.totals.fold(&shared.counts);
        }
        shared.counts.core_id.store(0, Ordering::Relaxed);
        registry.leave(shared);
        registry.give_slots(self.pool.take().into_iter());
    }

    fn new_owner(&self) -> u64 {
        if self.next_owner.get() >= self.owners_end.get() {
            let block = Registry::owner_block();
            self.next_owner.set(block);
            self.owners_end.set(block + OWNER_BLOCK);
        }
        let owner = self.next_owner.get();
        self.next_owner.set(owner + 1);
        owner
    }

    /// Empties the thread's chunk into its recorder's queue and gives the chunk up.
    fn hand_over_chunk(registry: &Registry, shared: &'static ThreadShared) {
        let next = Next::Owner(FREE);
        let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
        let taken = shared
            .chunk
            .with_revoked(Some(&shared.hazard), hazards, next, |open| {
                shared.filled.store(false, Ordering::Relaxed);
                std::mem::take(open)
            });
        if let Some(open) = taken
            && let Some(core) = open.core
            && open.spans > 0
        {
            drop(core.hand_over(
                Chunk {
                    bytes: open.bytes,
                    spans: open.spans,
                },
                0,
            ));
        }
    }

    /// The core of `recorder` in this process, counting on this thread from now on.
    #[inline]
    fn core_of(&self, recorder: &'static Recorder) -> Option<&'static Core> {
        match self.core.get() {
            Some((known, core)) if std::ptr::eq(known, recorder) => Some(core),
            _ => self.turn_to(recorder),
        }
    }

    #[cold]
    fn turn_to(&self, recorder: &'static Recorder) -> Option<&'static Core> {
        let (core, shared) = (recorder.core()?, self.shared.get()?);
        if let Some((_, before)) = self.core.get() {
            shared.counts.core_id.store(0, Ordering::Relaxed);
            before.totals.fold(&shared.counts);
        }
        shared.counts.core_id.store(core.id, Ordering::Relaxed);
        self.core.set(Some((recorder, core)));
        Some(core)
    }

    fn strand(&self) -> Option<Strand<'static>> {
        let shared = self.shared.get()?;
        Some(Strand {
            id: self.strand_id.get(),
            hazard: &shared.hazard,
        })
    }

    #[inline]
    fn random(&self) -> u64 {
        // splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Counts a span of `recorder` as started; `false` when this thread cannot trace (any more).
#[inline]
pub(crate) fn count_started(recorder: &'static Recorder, sampled_out: bool) -> bool {
    STATE.with(|state| {
        if !state.ready() {
            return count_started_late(recorder, sampled_out);
        }
        let (Some(shared), Some(_)) = (state.shared.get(), state.core_of(recorder)) else {
            return false;
        };
        ThreadCounts::add(&shared.counts.started);
        if sampled_out {
            ThreadCounts::add(&shared.counts.sampled_out);
        }
        true
    })
}

#[cold]
fn count_started_late(recorder: &'static Recorder, sampled_out: bool) -> bool {
    recorder
        .core()
        .map(|core| core.totals.started(1, u64::from(sampled_out)))
        .is_some()
}

/// A random number that is not zero.
#[inline]
pub(crate) fn random_id() -> u64 {
    STATE.with(|state| {
        if !state.ready() && state.random.get() == 0 {
            state.random.set(platform::random_seed());
        }
        loop {
            let id = state.random();
            if id != 0 {
                return id;
            }
        }
    })
}

/// Puts `body` into a slot owned by the calling strand; returns the slot and its generation.
#[inline]
pub(crate) fn open_span(fill: impl FnOnce(&mut SpanBody)) -> (&'static Slot, u32) {
    STATE.with(|state| {
        let ready = state.ready();
        let (slot, mut body) = take_slot(state, ready);
        fill(&mut body);
        let owner = if ready { state.strand_id.get() } else { PARKED };
        slot.enter_process(platform::fork_epoch());
        // The slot is out of the pool: adopt it first as shared, so that the body can be put in.
        let generation = put_body(state, slot, body, owner);
        (slot, generation)
    })
}

fn take_slot(state: &ThreadState, ready: bool) -> PooledSlot {
    if ready && let Ok(mut pool) = state.pool.try_borrow_mut() {
        if pool.is_empty()
            && let Some(registry) = Registry::get()
        {
            registry.take_slots(POOL_MAX / 2, &mut pool);
        }
        if let Some(pooled) = pool.pop() {
            return pooled;
        }
    }
    (Slot::leak(), Box::default())
}

#[inline]
fn put_body(state: &ThreadState, slot: &'static Slot, body: Box<SpanBody>, owner: u64) -> u32 {
    slot.cell.adopt(owner);
    let put = |slot_state: &mut SlotState| {
        slot_state.body = Some(body);
        slot_state.generation
    };
    match state.strand() {
        Some(strand) if owner == strand.id => slot
            .cell
            .with_owned(strand, None, put)
            .unwrap_or_else(|put| revoked(slot, put)),
        _ => revoked(slot, put),
    }
}

fn revoked<R: Default>(slot: &'static Slot, access: impl FnOnce(&mut SlotState) -> R) -> R {
    let own = STATE
        .with(|state| state.shared.get())
        .map(|shared| &shared.hazard);
    let Some(registry) = Registry::get() else {
        return R::default();
    };
    let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
    slot.cell
        .with_revoked(own, hazards, Next::Shared, access)
        .unwrap_or_default()
}

/// Runs `access` on the span of that generation, if it is still in `slot`.
#[inline]
pub(crate) fn with_span<R>(
    slot: &'static Slot,
    generation: u32,
    access: impl FnOnce(&mut SpanBody) -> R,
) -> Option<R> {
    let checked = |state: &mut SlotState| {
        if state.generation != generation {
            return None;
        }
        state.body.as_deref_mut().map(access)
    };
    STATE.with(|state| match state.strand() {
        Some(strand) => match slot.cell.with_owned(strand, None, checked) {
            Ok(result) => result,
            Err(checked) => with_span_locked(slot, checked),
        },
        None => with_span_locked(slot, checked),
    })
}

#[cold]
fn with_span_locked<R>(
    slot: &'static Slot,
    checked: impl FnOnce(&mut SlotState) -> Option<R>,
) -> Option<R> {
    if !slot.belongs_to(platform::fork_epoch()) {
        return None;
    }
    revoked(slot, checked)
}

/// Takes the body of the span out of its slot, which is free afterwards.
#[inline]
pub(crate) fn close_span(slot: &'static Slot, generation: u32) -> Option<Box<SpanBody>> {
    if !slot.belongs_to(platform::fork_epoch()) {
        return None;
    }
    let take = |state: &mut SlotState| {
        if state.generation != generation {
            return None;
        }
        let body = state.body.take()?;
        state.generation = state.generation.wrapping_add(1);
        Some(body)
    };
    STATE.with(|state| match state.strand() {
        Some(strand) => match slot.cell.with_owned(strand, Some(FREE), take) {
            Ok(body) => body,
            Err(take) => with_span_locked(slot, take),
        },
        None => with_span_locked(slot, take),
    })
}

/// Appends the finished span to the thread's chunk and returns slot and body to the pool.
#[inline]
pub(crate) fn finish_span(
    recorder: &'static Recorder,
    slot: &'static Slot,
    body: Box<SpanBody>,
    end_unix_nanos: u64,
) {
    STATE.with(|state| {
        if state.ready() {
            append(state, recorder, &body, end_unix_nanos);
        } else {
            append_late(recorder, &body, end_unix_nanos);
        }
        give_back(state, (slot, body));
    });
}

/// Returns slot and body to the pool without keeping the span.
pub(crate) fn discard_span(slot: &'static Slot, body: Box<SpanBody>) {
    STATE.with(|state| give_back(state, (slot, body)));
}

#[inline]
fn give_back(state: &ThreadState, pooled: PooledSlot) {
    pooled.0.cell.free();
    let Ok(mut pool) = state.pool.try_borrow_mut() else {
        return;
    };
    let full = pool.len() >= POOL_MAX || state.phase.get() != Phase::Live;
    pool.push(pooled);
    if full && let Some(registry) = Registry::get() {
        let keep = if state.phase.get() == Phase::Live {
            POOL_MAX / 2
        } else {
            0
        };
        registry.give_slots(pool.drain(keep..));
    }
}

#[inline]
fn append(state: &ThreadState, recorder: &'static Recorder, body: &SpanBody, end_unix_nanos: u64) {
    let (Some(core), Some(shared)) = (state.core_of(recorder), state.shared.get()) else {
        return;
    };
    let own = Strand {
        id: state.own_id.get(),
        hazard: &shared.hazard,
    };
    let add = |open: &mut super::registry::OpenChunk| {
        let other = open.core.is_none_or(|known| known.id != core.id) && open.spans > 0;
        let ended = other.then(|| open.take_full());
        open.core = Some(core);
        if open.bytes.capacity() == 0 {
            open.bytes.reserve(SMALL_CHUNK_BYTES);
        }
        body.finish(end_unix_nanos, &mut open.bytes);
        open.spans += 1;
        if !shared.filled.load(Ordering::Relaxed) {
            shared.filled.store(true, Ordering::Release);
        }
        let full = (open.is_full() || core.is_closed()).then(|| open.take_full());
        (ended, full)
    };
    let (ended, full) = shared
        .chunk
        .with_owned(own, None, add)
        .unwrap_or_else(|add| {
            let hazards = |visit: &mut dyn FnMut(&Hazard)| {
                if let Some(registry) = Registry::get() {
                    registry.each_hazard(visit);
                }
            };
            let next = Next::Owner(state.own_id.get());
            shared
                .chunk
                .with_revoked(Some(&shared.hazard), hazards, next, add)
                .unwrap_or((None, None))
        });
    if let Some((Some(core), chunk)) = ended {
        drop(core.hand_over(chunk, 0));
    }
    if let Some((Some(core), chunk)) = full {
        refill(state, shared, core.hand_over(chunk, LARGE_CHUNK_BYTES));
    }
}

/// Gives the chunk that was handed over an empty buffer to go on with.
fn refill(state: &ThreadState, shared: &ThreadShared, bytes: Vec<u8>) {
    let own = Strand {
        id: state.own_id.get(),
        hazard: &shared.hazard,
    };
    // When the export thread is just looking into the chunk, the next span makes a small buffer.
    let _unused = shared.chunk.with_owned(own, None, |open| {
        if open.bytes.capacity() == 0 {
            open.bytes = bytes;
        }
    });
}

/// A span that ends after its thread's destructors ran goes straight to the queue.
#[cold]
fn append_late(recorder: &'static Recorder, body: &SpanBody, end_unix_nanos: u64) {
    if let Some(core) = recorder.core() {
        let mut bytes = Vec::new();
        body.finish(end_unix_nanos, &mut bytes);
        drop(core.hand_over(Chunk { bytes, spans: 1 }, 0));
    }
}

/// An id for a strand of its own, such as a task.
pub(crate) fn new_strand_id() -> u64 {
    STATE.with(|state| {
        state.ready();
        state.new_owner()
    })
}

/// Whether the thread itself is the current strand, not a task that it polls.
///
/// A thread that polls before it has traced anything needs its own id first, to return to.
pub(crate) fn on_own_strand() -> bool {
    STATE.with(|state| state.ready() && state.strand_id.get() == state.own_id.get())
}

/// Makes `id` the current strand and returns the one before.
pub(crate) fn switch_strand(id: u64) -> u64 {
    STATE.with(|state| state.strand_id.replace(id))
}

/// Lets go of a span that moves to another strand, which claims it by [`claim_span`].
pub(crate) fn park_span(slot: &'static Slot) {
    STATE.with(|state| {
        if let Some(strand) = state.strand() {
            // Somebody else's span stays with its owner; the next strand then takes it by lock.
            let _refused = slot.cell.with_owned(strand, Some(PARKED), |_| ()).is_err();
        }
    });
}

/// Takes over a span that was parked.
pub(crate) fn claim_span(slot: &'static Slot) {
    STATE.with(|state| {
        if state.ready() {
            slot.cell.claim(state.strand_id.get());
        }
    });
}
