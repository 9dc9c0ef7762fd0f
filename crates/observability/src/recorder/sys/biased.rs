//! A lock that costs its owner no atomic read-modify-write: the biased lock.
//!
//! Position: below the span buffers and the per-thread chunks, which are the two things that one
//! strand of execution touches all the time and another one now and then.
//!
//! A [`Biased`] value names the strand that owns it. The owner announces what it is about to touch
//! in its thread's [`Hazard`], checks that it is still the owner, and goes ahead. Anybody else takes
//! the mutex, takes the ownership away, makes that visible to every thread with one expensive fence,
//! and waits until no thread announces the value any more. From then on everyone locks.
//!
//! Invariants:
//! - an owner id is current on at most one thread at a time, and hand-overs of it between threads
//!   happen in order (a future is polled through `&mut`);
//! - [`FREE`] values are touched only by whoever took them out of a pool shared by threads;
//! - a value in the pool of one thread is owned by that thread's own id, so that taking it out again
//!   changes nothing, or shared, if somebody else reached into it, then or before.
//!
//! Source: Kawachiya et al., "Lock Reservation" (OOPSLA 2002); Michael, "Hazard Pointers" (2004).
//! The unsafe code of the recorder is here and in [`super::platform`]; the loom models beside it run
//! the protocol with ordinary fences in place of the asymmetric ones.
#![allow(
    unsafe_code,
    reason = "a lock must hand out `&mut` from `&`; each block has its proof and `models` runs it"
)]

use super::{
    platform::{heavy_fence, light_fence},
    sync::{AtomicU64, AtomicUsize, Mutex, Ordering, UnsafeCell, spin_loop},
};
use std::sync::PoisonError;

/// Nobody owns the value; it lies in a pool.
pub(crate) const FREE: u64 = 0;
/// The value is accessed under its mutex for the rest of its life.
pub(crate) const SHARED: u64 = 1;
/// Owner ids start here.
pub(crate) const FIRST_OWNER: u64 = 16;

/// Who owns a value after somebody else has reached into it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// Nobody: it is shared from now on.
    Shared,
    /// Whoever owned it before.
    AsBefore,
    /// The strand with this id.
    Owner(u64),
}

/// What a thread announces to be touching right now: the address of a [`Biased`], or 0.
///
/// Alone on its cache line, since its thread writes it on every operation.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Hazard(AtomicUsize);

impl Hazard {
    #[cfg(not(continuum_loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    #[cfg(continuum_loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }
}

/// The calling strand: the id it owns values under and its thread's announcement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strand<'a> {
    pub(crate) id: u64,
    pub(crate) hazard: &'a Hazard,
}

/// A value that its owner reaches without a lock and everyone else with one.
#[derive(Debug)]
pub(crate) struct Biased<T> {
    owner: AtomicU64,
    lock: Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only through `with*`, which give out one `&mut` at a time (argued
// there), so sharing the cell hands the value from thread to thread, for which `T: Send` is enough.
unsafe impl<T: Send> Sync for Biased<T> {}

impl<T> Biased<T> {
    #[cfg(not(continuum_loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self {
            owner: AtomicU64::new(FREE),
            lock: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    #[cfg(continuum_loom)]
    pub(crate) fn new(value: T) -> Self {
        Self {
            owner: AtomicU64::new(FREE),
            lock: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether the thread with that announcement is inside, as the owner.
    pub(crate) fn is_entered_by(&self, hazard: &Hazard) -> bool {
        hazard.0.load(Ordering::Relaxed) == self.address()
    }

    /// Whether it is accessed under its mutex.
    pub(crate) fn is_shared(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == SHARED
    }

    /// Publishes a value that the caller took out of a pool, as owned by `owner`.
    ///
    /// Waits for strands that are just looking into it under the mutex.
    pub(crate) fn adopt(&self, owner: u64) {
        if self.owner.load(Ordering::Acquire) == FREE {
            // Nobody changes the owner of a free value but the one who took it out of its pool.
            self.owner.store(owner, Ordering::Release);
        } else {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.owner.store(owner, Ordering::Release);
        }
    }

    /// Runs `access` as the owner, without a lock.
    ///
    /// Gives `access` back, not run, when `strand` is not the owner (any more) or is inside another
    /// call already. With `next`, the ownership passes on afterwards.
    #[inline]
    pub(crate) fn with_owned<R, F: FnOnce(&mut T) -> R>(
        &self,
        strand: Strand<'_>,
        next: Option<u64>,
        access: F,
    ) -> Result<R, F> {
        debug_assert!(
            strand.id >= FIRST_OWNER,
            "a strand without an id would own free values"
        );
        let hazard = &strand.hazard.0;
        if self.owner.load(Ordering::Relaxed) != strand.id || hazard.load(Ordering::Relaxed) != 0 {
            return Err(access);
        }
        // Release: whoever waits for the announcement before this one sees what was done under it.
        hazard.store(self.address(), Ordering::Release);
        let _announced = Announced(hazard);
        light_fence();
        if self.owner.load(Ordering::Acquire) != strand.id {
            return Err(access);
        }
        // SAFETY: this strand owns the value and has announced it. Another strand that takes the
        // ownership away waits, after a fence that orders it against ours, until the announcement
        // is gone; a holder of the same id on another thread comes before or after us, never
        // beside us; and the announcement was empty before, so this is not a nested call.
        let result = self.value.with_mut(|value| access(unsafe { &mut *value }));
        if let Some(next) = next {
            self.pass_on(strand.id, next);
        }
        Ok(result)
    }

    /// Runs `access` under the mutex, taking the ownership away from whoever has it.
    ///
    /// - `hazards`: calls its argument with every thread's announcement;
    /// - `next`: who owns the value afterwards.
    ///
    /// `None` when the value is free, when the caller is inside it already, or when the system
    /// refuses the fence.
    pub(crate) fn with_revoked<R>(
        &self,
        own: Option<&Hazard>,
        hazards: impl Fn(&mut dyn FnMut(&Hazard)),
        next: Next,
        access: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        if own.is_some_and(|own| self.is_entered_by(own)) {
            return None;
        }
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.revoke(&hazards)?;
        // SAFETY: the value is SHARED, so no owner enters (each checks after announcing itself), no
        // thread announces it any more, and the mutex keeps other revokers out.
        let result = self.value.with_mut(|value| access(unsafe { &mut *value }));
        match next {
            Next::Shared => {}
            Next::AsBefore => self.owner.store(before, Ordering::Release),
            Next::Owner(next) => self.owner.store(next, Ordering::Release),
        }
        Some(result)
    }

    /// Makes the value shared; returns its owner until now, or `None` when it must not be touched.
    /// The mutex is held.
    fn revoke(&self, hazards: &impl Fn(&mut dyn FnMut(&Hazard))) -> Option<u64> {
        let mut owner = self.owner.load(Ordering::Acquire);
        while owner != SHARED {
            if owner == FREE {
                return None;
            }
            match self
                .owner
                .compare_exchange(owner, SHARED, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(before) => {
                    if !heavy_fence() {
                        // Nobody has touched the value: its owner goes on, we are refused.
                        self.owner.store(before, Ordering::Release);
                        return None;
                    }
                    hazards(&mut |hazard| self.wait_for(hazard));
                    return Some(before);
                }
                Err(seen) => owner = seen,
            }
        }
        Some(SHARED)
    }

    fn wait_for(&self, hazard: &Hazard) {
        let mut spins = 0u32;
        while hazard.0.load(Ordering::Acquire) == self.address() {
            spins = spins.wrapping_add(1);
            spin_loop();
            #[cfg(not(continuum_loom))]
            if spins.is_multiple_of(64) {
                std::thread::yield_now();
            }
            #[cfg(continuum_loom)]
            loom::thread::yield_now();
        }
    }

    /// Marks a value as free again, for the one who emptied it.
    ///
    /// Waits for strands that are just looking into it under the mutex.
    pub(crate) fn free(&self) {
        if self.owner.load(Ordering::Acquire) != FREE {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.owner.store(FREE, Ordering::Release);
        }
    }

    /// Fails only when somebody else has changed the ownership meanwhile: then it stays so.
    #[inline]
    fn pass_on(&self, from: u64, to: u64) {
        let result = self
            .owner
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
        let _changed_elsewhere = result.is_err();
    }
}

/// Withdraws the announcement, also when the access panics.
struct Announced<'a>(&'a AtomicUsize);

impl Drop for Announced<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(all(test, continuum_loom))]
mod models;
