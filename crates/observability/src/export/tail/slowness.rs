//! Which traces are slow: a fixed time, or the latest ones compared with each other.
//!
//! Position: asked with the duration of each local root.
//!
//! Invariant: the memory is fixed; what was long ago weighs less and less.

use std::time::Duration;

/// Eight buckets for each doubling: a duration is known to within an eighth.
const STEPS: u32 = 8;
const BUCKETS: usize = 64 * STEPS as usize;
/// So many durations have to be known first.
const ENOUGH: u32 = 100;
/// At so many, all counts are halved.
const MANY: u32 = 10_000;

/// A fixed threshold, a running one, or both.
#[derive(Debug)]
pub(super) struct Slowness {
    slower_than_nanos: u64,
    running: Option<Running>,
}

impl Slowness {
    pub(super) fn new(slower_than: Option<Duration>, percentile: Option<f64>) -> Self {
        let nanos = slower_than.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        Self {
            slower_than_nanos: nanos.unwrap_or(u64::MAX),
            running: percentile.map(Running::new),
        }
    }

    /// Whether a local root that took so long is slow; counts it.
    pub(super) fn is_slow(&mut self, nanos: u64) -> bool {
        let beyond_usual = self
            .running
            .as_mut()
            .is_some_and(|known| known.is_slow(nanos));
        beyond_usual || nanos > self.slower_than_nanos
    }
}

/// A histogram of the latest durations.
#[derive(Debug)]
struct Running {
    /// The share of durations that are not slow.
    usual: f64,
    counts: Box<[u32; BUCKETS]>,
    total: u32,
    /// Durations beyond this bucket are slow.
    limit: usize,
}

impl Running {
    fn new(percentile: f64) -> Self {
        Self {
            usual: percentile / 100.0,
            counts: Box::new([0; BUCKETS]),
            total: 0,
            limit: BUCKETS,
        }
    }

    /// Compares with those before, then counts it.
    fn is_slow(&mut self, nanos: u64) -> bool {
        let bucket = bucket(nanos);
        let slow = bucket > self.limit;
        self.counts[bucket] += 1;
        self.total += 1;
        if self.total.is_multiple_of(ENOUGH) {
            self.limit = self.bucket_of_limit();
        }
        if self.total >= MANY {
            self.halve();
        }
        slow
    }

    fn bucket_of_limit(&self) -> usize {
        let wanted = f64::from(self.total) * self.usual;
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            f64::from(seen) >= wanted
        });
        reached.unwrap_or(BUCKETS)
    }

    fn halve(&mut self) {
        self.counts.iter_mut().for_each(|count| *count /= 2);
        self.total = self.counts.iter().sum();
    }
}

/// The bucket of a duration: its highest bit and the three after it.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(u64::from(STEPS));
    let doublings = nanos.ilog2();
    let step = (nanos >> (doublings - STEPS.ilog2())) - u64::from(STEPS);
    doublings as usize * STEPS as usize + usize::try_from(step).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_the_duration_and_are_an_eighth_wide() {
        assert_eq!(bucket(0), bucket(8));
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        for nanos in [9, 100, 12_345, 1 << 40, u64::MAX / 2] {
            assert!(bucket(nanos) >= bucket(nanos - 1));
            assert!(bucket(nanos + nanos / 7) > bucket(nanos), "{nanos}");
            assert!(bucket(nanos + nanos / 16) <= bucket(nanos) + 1, "{nanos}");
        }
    }

    #[test]
    fn a_fixed_threshold_is_exceeded_not_reached() {
        let mut fixed = Slowness::new(Some(Duration::from_millis(1)), None);
        assert!(!fixed.is_slow(1_000_000));
        assert!(fixed.is_slow(1_000_001));
        assert!(!Slowness::new(None, None).is_slow(u64::MAX));
    }

    #[test]
    fn a_percentile_finds_the_outliers_once_enough_is_known() {
        let mut running = Slowness::new(None, Some(99.0));
        let millis = |i: u64| 1_000_000 * (1 + i % 10);
        assert!((0..100).all(|i| !running.is_slow(millis(i))));
        let slow = (0..1_000).filter(|i| running.is_slow(millis(*i)));
        assert_eq!(slow.count(), 0);
        assert!(running.is_slow(50_000_000));
    }

    #[test]
    fn a_percentile_follows_what_becomes_usual() {
        let mut running = Slowness::new(None, Some(90.0));
        let mut slow = |millis: u64, times: usize| {
            let asked = (0..times).map(|_| running.is_slow(millis * 1_000_000));
            asked.filter(|slow| *slow).count()
        };
        slow(80, 20_000);
        assert_eq!(slow(80, 100), 0);
        assert_eq!(slow(1, 20_000), 0);
        assert_eq!(slow(80, 1), 1);
    }
}
