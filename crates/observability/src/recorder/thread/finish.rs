//! Spans that have ended: into the thread's chunk, and their slots back to the pool.
//!
//! Position: between the end of a span and the queue of the core.
//!
//! Invariant: a span that ends after its thread's destructors ran goes straight to the queue.

use super::{POOL_MAX, Phase, STATE, ThreadState};
use crate::{
    recorder::{
        Recorder,
        core::{Chunk, LARGE_CHUNK_BYTES, SMALL_CHUNK_BYTES},
        registry::{OpenChunk, PooledSlot, Registry, ThreadShared},
        slot::Slot,
        sys::biased::{Hazard, Next, Strand},
    },
    span::SpanBody,
};
use std::sync::atomic::Ordering;

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
    let add = |open: &mut OpenChunk| {
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
