//! A map that many threads use at once, each for keys of its own most of the time.
//!
//! Position: what bridges know of spans that other interfaces name by a number.
//!
//! Invariants:
//! - a lock is held for a look-up only, never while code of somebody else's runs;
//! - a lock that a fork left held is given up on: what lies behind it is not found in the child. One that
//!   a thread of the child has had since is waited for.

use crate::recorder::{fork_epoch, prepare};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU32, Ordering},
    },
    thread::yield_now,
};

const SHARDS: usize = 64;
/// How often a forked process asks for a lock that may never become free.
const TRIES_AFTER_FORK: usize = 100;

/// A map from numbers, in parts with a lock each.
#[derive(Debug)]
pub(super) struct Sharded<V> {
    /// The process that made the map; its forks inherit it with all locks as they were.
    process: u32,
    parts: Box<[Part<V>]>,
}

#[derive(Debug)]
struct Part<V> {
    shard: Mutex<Shard<V>>,
    /// How many forks the latest process is away from the first one that had the lock.
    had_by: AtomicU32,
}

pub(super) type Shard<V> = HashMap<u64, V, BuildHasherDefault<Mixed>>;

impl<V> Sharded<V> {
    pub(super) fn new() -> Self {
        // Or forks are not counted where there is no recorder.
        prepare();
        Self {
            process: process(),
            parts: std::iter::repeat_with(Part::new).take(SHARDS).collect(),
        }
    }

    /// The part that has `key`, if it is there at all.
    #[inline]
    pub(super) fn lock(&self, key: u64) -> Option<MutexGuard<'_, Shard<V>>> {
        let part = self.parts.get(place(key))?;
        let shard = match part.shard.try_lock() {
            Ok(free) => free,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => self.wait_for(part)?,
        };
        part.note_owner();
        Some(shard)
    }

    #[cold]
    fn wait_for<'a>(&self, part: &'a Part<V>) -> Option<MutexGuard<'a, Shard<V>>> {
        if self.process == process() || part.was_had_here() {
            let shard = part.shard.lock();
            return Some(shard.unwrap_or_else(PoisonError::into_inner));
        }
        (0..TRIES_AFTER_FORK).find_map(|_| {
            yield_now();
            part.shard.try_lock().ok()
        })
    }
}

impl<V> Part<V> {
    fn new() -> Self {
        Self {
            shard: Mutex::default(),
            had_by: AtomicU32::new(u32::MAX),
        }
    }

    /// Whether a thread of this process has had the lock, which then is no fork's legacy.
    fn was_had_here(&self) -> bool {
        self.had_by.load(Ordering::Relaxed) == fork_epoch()
    }

    #[inline]
    fn note_owner(&self) {
        if !self.was_had_here() {
            self.had_by.store(fork_epoch(), Ordering::Relaxed);
        }
    }
}

/// The process that runs; there is but one on wasm.
fn process() -> u32 {
    if cfg!(target_family = "wasm") {
        0
    } else {
        std::process::id()
    }
}

/// A number all of whose bits differ between keys that count up.
#[inline]
fn mix(key: u64) -> u64 {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

/// Which part has `key`: told by bits that the map itself does not look at first.
#[inline]
fn place(key: u64) -> usize {
    let [_, _, _, _, _, byte, ..] = mix(key).to_le_bytes();
    usize::from(byte) % SHARDS
}

/// Hashes numbers that differ already.
#[derive(Debug, Default)]
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    #[inline]
    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_puts_in_others_find() {
        let map = Sharded::new();
        let keys = |thread: u64| (0..500).map(move |key| thread << 32 | key);
        let fill = &|thread| {
            for key in keys(thread) {
                map.lock(key).unwrap().insert(key, key);
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || fill(thread));
            }
        });
        for key in (0..4).flat_map(keys) {
            assert_eq!(map.lock(key).unwrap().remove(&key), Some(key));
        }
    }

    #[test]
    fn numbers_that_count_up_are_spread() {
        for thread in [0, 1 << 40] {
            let mut used = [0; SHARDS];
            for key in 0..640_u64 {
                used[place(thread | key)] += 1;
            }
            assert!(used.iter().all(|used| (1..40).contains(used)), "{used:?}");
        }
    }

    #[test]
    fn a_lock_that_a_fork_left_held_is_given_up_on() {
        let map = Sharded::<u8> {
            process: 0,
            ..Sharded::new()
        };
        let held = map.parts[place(7)].shard.lock();
        assert!(map.lock(7).is_none());
        drop(held);
        assert!(map.lock(7).is_some());
    }

    #[test]
    fn a_lock_that_another_thread_of_the_child_holds_is_waited_for() {
        let map = Sharded::<u8> {
            process: 0,
            ..Sharded::new()
        };
        drop(map.lock(7));
        let held = map.lock(7).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| map.lock(7).is_some());
            std::thread::sleep(std::time::Duration::from_millis(20));
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
