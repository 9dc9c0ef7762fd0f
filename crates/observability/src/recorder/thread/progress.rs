//! Spans in progress: put into a slot, reached by their strand or by others, taken out at the end.
//!
//! Position: between `SpanRef` and the slots of the pool.
//!
//! Invariant: the owner takes no lock; everybody else takes the ownership away first.

use super::{POOL_MAX, STATE, ThreadState};
use crate::{
    recorder::{
        registry::{PooledSlot, Registry},
        slot::{Slot, SlotState},
        sys::{
            biased::{FREE, Hazard, Next, PARKED},
            platform,
        },
    },
    span::SpanBody,
};

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
