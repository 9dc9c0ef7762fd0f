//! How long things take: percentiles by the nearest rank.
//!
//! Invariant: every figure is a duration that was really measured, never an interpolation.

use serde::Serialize;

const NANOS_PER_MILLI: f64 = 1e6;

/// The distribution of some durations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// How many durations there were.
    pub count: usize,
    /// Half of them were at most this long.
    pub p50_millis: f64,
    /// 99 of 100 were at most this long.
    pub p99_millis: f64,
}

impl Latency {
    /// Sums up durations in nanoseconds; `None` without any.
    pub fn of(mut nanos: Vec<u64>) -> Option<Self> {
        nanos.sort_unstable();
        let millis = |percent| Some(*percentile(&nanos, percent)? as f64 / NANOS_PER_MILLI);
        Some(Self {
            count: nanos.len(),
            p50_millis: millis(50)?,
            p99_millis: millis(99)?,
        })
    }
}

/// The smallest element that at least `percent` of 100 elements do not exceed.
fn percentile<T>(sorted: &[T], percent: usize) -> Option<&T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred: Vec<_> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(&50));
        assert_eq!(percentile(&hundred, 99), Some(&99));
        assert_eq!(percentile(&hundred, 100), Some(&100));
        assert_eq!(percentile(&[1, 2, 3], 50), Some(&2));
        assert_eq!(percentile(&[1, 2, 3], 99), Some(&3));
        assert_eq!(percentile(&[7], 0), Some(&7));
        assert_eq!(percentile::<u8>(&[], 50), None);
    }

    #[test]
    fn durations_are_sorted_and_given_in_milliseconds() {
        let latency = Latency::of(vec![3_000_000, 1_000_000, 2_000_000]).unwrap();
        assert_eq!(
            latency,
            Latency {
                count: 3,
                p50_millis: 2.0,
                p99_millis: 3.0
            }
        );
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
