//! The latest of the values that one thread gives, read by all others without a lock.
//!
//! Position: below the clock, whose pairing of ticks with the wall clock it holds.
//!
//! Invariants:
//! - one thread gives a value at a time;
//! - a reader gets a value as it was given, whole, and none that is older than one it got before;
//! - nobody waits: a reader reads again only where another value was given meanwhile.

use super::sync::{AtomicU64, Ordering};
use std::array;

/// A value of so many numbers that is replaced as a whole.
#[derive(Debug)]
pub(crate) struct Latest<const N: usize> {
    /// How many were given; the last one lies at its remainder by two.
    count: AtomicU64,
    places: [[AtomicU64; N]; 2],
}

impl<const N: usize> Latest<N> {
    /// None yet, which reads as zeros.
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            places: array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0))),
        }
    }

    /// How many were given.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn get(&self) -> [u64; N] {
        loop {
            let count = self.count.load(Ordering::Acquire);
            let place = self.place(count);
            let value = array::from_fn(|index| place[index].load(Ordering::Acquire));
            // The place is written again only after another one has become the last.
            if self.count.load(Ordering::Acquire) == count {
                return value;
            }
        }
    }

    /// Gives the next one; for one thread at a time. One that a fork has cut short was never given.
    pub(crate) fn give(&self, value: [u64; N]) {
        let next = self.count() + 1;
        for (place, number) in self.place(next).iter().zip(value) {
            place.store(number, Ordering::Release);
        }
        self.count.store(next, Ordering::Release);
    }

    #[inline]
    fn place(&self, count: u64) -> &[AtomicU64; N] {
        &self.places[(count % 2) as usize]
    }
}

#[cfg(all(test, continuum_loom))]
mod models;
