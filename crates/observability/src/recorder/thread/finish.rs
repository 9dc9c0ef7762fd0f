//! Spans that have ended: into the thread's chunk, and their slots back to the pool.
//!
//! Position: between the end of a span and the queue of the core.
//!
//! Invariant: a span that ends after its thread's destructors ran goes straight to the queue.

use super::{POOL_MAX, Phase, STATE, ThreadState, progress::close_span};
use crate::{
    recorder::{
        DropReason, Recorder,
        core::{Chunk, Core},
        registry::{Collected, OpenChunk, PooledSlot, Registry, ThreadShared},
        slot::Slot,
        sys::{
            biased::{FREE, Hazard, Next, Strand},
            closing::Filled,
        },
    },
    span::{SpanBody, SpanTime},
};

/// Ends the span of that generation, if it is still in `slot`: into the thread's chunk if somebody
/// wants it, and slot and body back to the pool.
#[expect(clippy::inline_always, reason = "the hottest path, in its only caller")]
#[inline(always)]
pub(crate) fn end_span(
    recorder: &'static Recorder,
    slot: &'static Slot,
    generation: u64,
    end: SpanTime,
) {
    STATE.with(|state| {
        let Some(mut body) = close_span(state, slot, generation) else {
            return;
        };
        if body.is_sampled() || recorder.records_unsampled() {
            let end_unix_nanos = body.end_unix_nanos(end);
            body.note_slowness(end_unix_nanos);
            if state.ready() {
                append(state, recorder, &mut body, end_unix_nanos);
            } else {
                append_late(recorder, &mut body, end_unix_nanos);
            }
        }
        give_back(state, (slot, body));
    });
}

/// Ends the span of that generation, if it is still in `slot`, without a trace of it.
#[cfg(feature = "tracing")]
pub(crate) fn discard_span(slot: &'static Slot, generation: u64) {
    STATE.with(|state| {
        if let Some(body) = close_span(state, slot, generation) {
            give_back(state, (slot, body));
        }
    });
}

#[expect(clippy::inline_always, reason = "the hottest path")]
#[inline(always)]
fn give_back(state: &ThreadState, mut pooled: PooledSlot) {
    pooled.1.release_memory();
    let Ok(mut pool) = state.pool.try_borrow_mut() else {
        return;
    };
    pool.push(pooled);
    if pool.len() > POOL_MAX || state.phase.get() != Phase::Live {
        share(state, &mut pool);
    }
}

/// Gives idle slots to the pool of all threads.
#[cold]
fn share(state: &ThreadState, pool: &mut Vec<PooledSlot>) {
    let Some(registry) = Registry::get() else {
        return;
    };
    if state.phase.get() == Phase::Live {
        registry.give_slots(pool.drain(POOL_MAX / 2..));
    } else {
        // Nobody frees what such a thread keeps.
        registry.give_slots(std::mem::take(pool).into_iter());
    }
}

#[expect(clippy::inline_always, reason = "the hottest path, in its only caller")]
#[inline(always)]
fn append(
    state: &ThreadState,
    recorder: &'static Recorder,
    body: &mut SpanBody,
    end_unix_nanos: u64,
) {
    let (Some(core), Some(shared)) = (state.core_of(recorder), state.shared.get()) else {
        return;
    };
    let own = Strand {
        id: state.own_id.get(),
        hazard: &shared.hazard,
    };
    let collected = if body.is_sampled() {
        &shared.sampled
    } else {
        &shared.aside
    };
    let added = (collected.chunk).with_owned(own, None, |open| {
        add(open, core, &collected.filled, body, end_unix_nanos)
    });
    let is_done = match added.ok() {
        Some(is_done) => is_done,
        None => add_by_lock(own, core, collected, body, end_unix_nanos),
    };
    if !is_done {
        empty_chunk(shared);
    }
}

/// Adds a span to the thread's chunk; `false`: the chunk is full, and there is no room in the queue.
///
/// What is handed over goes within the access: an export thread that collects the open chunks waits
/// for it, so that nothing recorded before a flush or shutdown is in between.
#[expect(
    clippy::inline_always,
    reason = "the hottest path; the other caller is the cold one"
)]
#[inline(always)]
fn add(
    open: &mut OpenChunk,
    core: &'static Core,
    filled: &Filled,
    body: &mut SpanBody,
    end_unix_nanos: u64,
) -> bool {
    if open.bytes.capacity() == 0 || !open.core.is_some_and(|known| std::ptr::eq(known, core)) {
        open.begin(core);
    }
    let len = body.complete();
    let has_room = open.has_room(len) || open.make_room(core, len);
    body.finish(end_unix_nanos, &mut open.bytes);
    open.spans += 1;
    filled.set();
    if core.is_closed() {
        return open.exchange(core, 0);
    }
    has_room
}

/// The same, where the chunk was just being taken away.
#[cold]
fn add_by_lock(
    own: Strand<'_>,
    core: &'static Core,
    collected: &Collected,
    body: &mut SpanBody,
    end_unix_nanos: u64,
) -> bool {
    let hazards = |visit: &mut dyn FnMut(&Hazard)| {
        if let Some(registry) = Registry::get() {
            registry.each_hazard(visit);
        }
    };
    let (next, hazard) = (Next::Owner(own.id), Some(own.hazard));
    let is_sampled = body.is_sampled();
    let added = (collected.chunk).with_revoked(hazard, hazards, next, |open| {
        add(open, core, &collected.filled, body, end_unix_nanos)
    });
    if added.is_none() && is_sampled {
        // The system refused the fence.
        core.totals.dropped(DropReason::ExportFailed, 1);
    }
    added.unwrap_or(true)
}

/// Hands over what the thread has collected, after waiting for room where that is wanted.
#[cold]
pub(super) fn empty_chunk(shared: &'static ThreadShared) {
    let Some(registry) = Registry::get() else {
        return;
    };
    let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
    let access = |use_chunk: &mut dyn FnMut(&mut OpenChunk)| {
        let own = Some(&shared.hazard);
        let use_chunk = |open: &mut OpenChunk| use_chunk(open);
        shared
            .sampled
            .chunk
            .with_revoked(own, hazards, Next::AsBefore, use_chunk)
    };
    let mut deadline = None;
    loop {
        let mut full = None;
        access(&mut |open| full = (!open.offer()).then(|| (open.core, open.bytes.capacity())));
        let Some((Some(core), bytes)) = full else {
            return;
        };
        deadline = deadline.or_else(|| core.wait_deadline());
        if !deadline.is_some_and(|deadline| core.wait_for_room(bytes, deadline)) {
            access(&mut OpenChunk::hand_over);
            return;
        }
    }
}

/// Hands over what a thread has collected and gives its chunk up.
pub(super) fn give_up_chunk(own: Strand<'_>, registry: &Registry, collected: &Collected) {
    let give_up = |open: &mut OpenChunk| {
        open.hand_over();
        open.close();
        // Last, so that an export thread that passes by finds the spans in the queue.
        collected.filled.clear();
    };
    let refused = collected.chunk.with_owned(own, Some(FREE), give_up).err();
    if let Some(give_up) = refused {
        let (hazard, next) = (Some(own.hazard), Next::Owner(FREE));
        let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
        collected.chunk.with_revoked(hazard, hazards, next, give_up);
    }
}

/// A span that ends after its thread's destructors ran goes straight to the queue, or aside.
#[cold]
fn append_late(recorder: &'static Recorder, body: &mut SpanBody, end_unix_nanos: u64) {
    if let Some(core) = recorder.core() {
        let mut bytes = Vec::with_capacity(body.complete());
        body.finish(end_unix_nanos, &mut bytes);
        let chunk = Chunk { bytes, spans: 1 };
        if body.is_sampled() {
            core.deliver(chunk);
        } else {
            drop(core.set_aside(chunk, 0));
        }
    }
}
