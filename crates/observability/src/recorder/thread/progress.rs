//! Spans in progress: put into a slot, reached by their strand or by others, taken out at the end.
//!
//! Position: between `SpanRef` and the slots of the pool.
//!
//! Invariants:
//! - the owner takes no lock and changes no ownership; everybody else takes it away first;
//! - a span that ends is counted once, but for one case: where the system refuses the fence, and its owner
//!   and another thread end it at the same moment, it may be counted as lost beside what became of it,
//!   since the owner does not pay for an atomic exchange.

use super::{Here, POOL_MAX, STATE, ThreadState};
use crate::{
    recorder::{
        DropReason, Recorder,
        registry::{PooledSlot, Registry},
        slot::Slot,
        sys::{
            biased::{Hazard, Next, SHARED, Strand},
            platform,
        },
    },
    span::SpanBody,
};

impl Here<'_> {
    /// Puts a span into a slot owned by the calling strand; returns the slot and its generation.
    #[inline]
    pub(crate) fn open_span(
        self,
        recorder: &'static Recorder,
        fill: impl FnOnce(&mut SpanBody),
    ) -> (&'static Slot, u64) {
        let Self { state, ready } = self;
        let (slot, mut body) = take_slot(state, ready);
        fill(&mut body);
        slot.occupy(platform::fork_epoch(), recorder);
        put_body(state, slot, body, ready);
        (slot, slot.generation())
    }
}

#[inline]
fn take_slot(state: &ThreadState, ready: bool) -> PooledSlot {
    if ready
        && let Ok(mut pool) = state.pool.try_borrow_mut()
        && let Some(pooled) = pool.pop()
    {
        return pooled;
    }
    take_shared_slot(state, ready)
}

#[cold]
fn take_shared_slot(state: &ThreadState, ready: bool) -> PooledSlot {
    if ready
        && let Ok(mut pool) = state.pool.try_borrow_mut()
        && let Some(registry) = Registry::get()
    {
        registry.take_slots(POOL_MAX / 2, &mut pool);
        if let Some(pooled) = pool.pop() {
            return pooled;
        }
    }
    (Slot::leak(), Box::default())
}

#[inline]
fn put_body(state: &ThreadState, slot: &'static Slot, body: Box<SpanBody>, ready: bool) {
    let put = move |place: &mut Option<Box<SpanBody>>| *place = Some(body);
    let Some(strand) = state.strand().filter(|_| ready) else {
        slot.cell.adopt(SHARED);
        return revoked(slot, put);
    };
    // The thread's own slot, also while the thread runs a task, which then gets it.
    let id = state.own_id.get();
    let next = (strand.id != id).then_some(strand.id);
    if let Err(put) = slot.cell.with_owned(Strand { id, ..strand }, next, put) {
        put_into_foreign_slot(slot, strand, put);
    }
}

/// Puts the body into a slot that comes from the shared pool, or that somebody else has reached into.
#[cold]
fn put_into_foreign_slot(
    slot: &'static Slot,
    strand: Strand<'_>,
    put: impl FnOnce(&mut Option<Box<SpanBody>>),
) {
    if slot.stays_shared() {
        slot.begin_shared(strand.id);
        return revoked(slot, put);
    }
    slot.begin_owned();
    slot.cell.adopt(strand.id);
    if let Err(put) = slot.cell.with_owned(strand, None, put) {
        revoked(slot, put);
    }
}

fn revoked<R: Default>(
    slot: &'static Slot,
    access: impl FnOnce(&mut Option<Box<SpanBody>>) -> R,
) -> R {
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
    generation: u64,
    access: impl FnOnce(&mut SpanBody) -> R,
) -> Option<R> {
    let checked = |body: &mut Option<Box<SpanBody>>| {
        if slot.generation() != generation {
            return None;
        }
        body.as_deref_mut().map(access)
    };
    STATE.with(|state| match state.strand() {
        Some(strand) => match slot.cell.with_owned(strand, None, checked) {
            Ok(result) => result,
            Err(checked) => with_span_locked(slot, generation, checked),
        },
        None => with_span_locked(slot, generation, checked),
    })
}

/// As [`with_span`], where that takes no lock; `false`: nothing was done, use the other.
#[inline]
pub(crate) fn with_own_span(
    slot: &'static Slot,
    generation: u64,
    access: impl FnOnce(&mut SpanBody),
) -> bool {
    let checked = |body: &mut Option<Box<SpanBody>>| {
        if slot.generation() == generation
            && let Some(body) = body.as_deref_mut()
        {
            access(body);
        }
    };
    STATE.with(|state| match state.strand() {
        Some(strand) => slot.cell.with_owned(strand, None, checked).is_ok(),
        None => false,
    })
}

#[cold]
fn with_span_locked<R>(
    slot: &'static Slot,
    generation: u64,
    checked: impl FnOnce(&mut Option<Box<SpanBody>>) -> Option<R>,
) -> Option<R> {
    if slot.generation() != generation || !slot.belongs_to(platform::fork_epoch()) {
        return None;
    }
    slot.reach_shared(STATE.with(|state| state.strand_id.get()));
    revoked(slot, checked)
}

/// Takes the body of the span out of its slot, which is free afterwards.
#[expect(clippy::inline_always, reason = "the hottest path, in its few callers")]
#[inline(always)]
pub(super) fn close_span(
    state: &ThreadState,
    slot: &'static Slot,
    generation: u64,
) -> Option<Box<SpanBody>> {
    if !slot.belongs_to(platform::fork_epoch()) {
        return None;
    }
    let take = move |place: &mut Option<Box<SpanBody>>| {
        if slot.generation() != generation {
            return None;
        }
        let body = place.take()?;
        slot.next_generation();
        Some(body)
    };
    let Some(strand) = state.strand() else {
        return close_by_lock(None, slot, generation, take);
    };
    let own_id = state.own_id.get();
    let next = (strand.id != own_id).then_some(own_id);
    match slot.cell.with_owned(strand, next, take) {
        Ok(body) => body,
        Err(take) => close_by_lock(Some(strand), slot, generation, take),
    }
}

/// The same, where the span is somebody else's or was reached into. What the system keeps from us, by
/// refusing the fence, stays where it is, and is counted once as lost.
#[cold]
fn close_by_lock(
    strand: Option<Strand<'_>>,
    slot: &'static Slot,
    generation: u64,
    take: impl FnOnce(&mut Option<Box<SpanBody>>) -> Option<Box<SpanBody>>,
) -> Option<Box<SpanBody>> {
    let registry = Registry::get().filter(|_| slot.generation() == generation)?;
    if let Some(strand) = strand {
        slot.end_shared(strand.id);
    }
    let own = strand.map(|strand| strand.hazard);
    let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
    let taken = slot.cell.with_revoked(own, hazards, Next::Shared, take);
    if taken.is_none()
        && !own.is_some_and(|own| slot.cell.is_entered_by(own))
        && slot.give_up(generation)
        && let Some(core) = slot.recorder().and_then(Recorder::core)
    {
        core.totals.dropped(DropReason::ExportFailed, 1);
    }
    taken.flatten()
}

/// Lets go of a span that moves to a task, and returns the id of the task's strand, which owns the
/// span from now on.
#[inline]
pub(crate) fn pass_to_task(slot: &'static Slot) -> u64 {
    STATE.with(|state| {
        state.ready();
        let task = state.new_owner();
        if let Some(strand) = state.strand() {
            // Somebody else's span stays with its owner; the task then takes it by lock.
            if slot.cell.with_owned(strand, Some(task), |_| ()).is_err() {
                slot.pass_shared(strand.id, task);
            }
        }
        task
    })
}

/// Takes over a span of the strand `task`, which is current on no thread: for a task that runs as a
/// part of another one.
pub(crate) fn take_from_task(slot: &'static Slot, task: u64) {
    STATE.with(|state| {
        if state.ready()
            && let Some(strand) = state.strand()
        {
            let (task, next) = (Strand { id: task, ..strand }, Some(strand.id));
            if slot.cell.with_owned(task, next, |_| ()).is_err() {
                slot.pass_shared(task.id, strand.id);
            }
        }
    });
}
