//! At most so many a second, however many are asked about.
//!
//! Position: a [`ShouldSample`] behind `Sampler::rate_limited`, usually for roots.
//!
//! Invariants:
//! - in any stretch of time no more are kept than its seconds times the rate, plus one second's worth;
//! - nobody waits: the state is one word.
//!
//! Source: the generic cell rate algorithm, ITU-T recommendation I.371, which counts like a bucket of
//! tokens and needs no refilling.

use super::{SamplingParameters, SamplingResult, ShouldSample};
use crate::recorder::Clock;
use std::sync::atomic::{AtomicU64, Ordering};

const SECOND_NANOS: u64 = 1_000_000_000;

/// Keeps a number of spans a second.
#[derive(Debug)]
pub(super) struct RateLimited {
    per_second: u32,
    bucket: Bucket,
}

impl RateLimited {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            bucket: Bucket::new(per_second),
        }
    }
}

impl ShouldSample for RateLimited {
    fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult<'static> {
        SamplingResult::from_decision(self.bucket.admit(Clock::global().elapsed_nanos()))
    }

    fn description(&self) -> String {
        format!("RateLimited{{{}}}", self.per_second)
    }
}

/// One second's worth of tokens, full at first.
#[derive(Debug)]
struct Bucket {
    /// How long one token takes to come back; 0 for a bucket that never has any.
    token_nanos: u64,
    /// How long all of them take.
    filling_nanos: u64,
    /// When the bucket will be full again, in nanoseconds.
    full_at: AtomicU64,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        let token_nanos = match per_second {
            0 => 0,
            some => SECOND_NANOS.div_ceil(u64::from(some)),
        };
        Self {
            token_nanos,
            filling_nanos: token_nanos * u64::from(per_second),
            full_at: AtomicU64::new(0),
        }
    }

    /// Takes a token, if there is one at that time of an ever-growing clock.
    fn admit(&self, now_nanos: u64) -> bool {
        let take = |full_at: u64| {
            let full_at = full_at.max(now_nanos) + self.token_nanos;
            (full_at - now_nanos <= self.filling_nanos).then_some(full_at)
        };
        self.token_nanos > 0
            && self
                .full_at
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::thread;

    fn admitted(bucket: &Bucket, times: impl IntoIterator<Item = u64>) -> u32 {
        let taken = times.into_iter().filter(|now| bucket.admit(*now));
        u32::try_from(taken.count()).unwrap()
    }

    #[test]
    fn a_full_bucket_gives_one_second_s_worth_at_once_and_then_one_at_a_time() {
        for rate in [1, 3, 100, 999_999_937] {
            let bucket = Bucket::new(rate);
            let asked = rate.min(1_000);
            assert_eq!(admitted(&bucket, (0..asked).map(|_| 7)), asked);
        }
        let bucket = Bucket::new(100);
        assert_eq!(admitted(&bucket, [5; 500]), 100);
        assert_eq!(admitted(&bucket, [5 + 9_999_999; 500]), 0);
        assert_eq!(admitted(&bucket, [5 + 10_000_000; 500]), 1);
        assert_eq!(admitted(&bucket, [5 + 3_000_000_000; 500]), 100);
        assert_eq!(admitted(&Bucket::new(0), [0, 1, u64::MAX]), 0);
    }

    #[test]
    fn what_stays_below_the_rate_is_never_refused() {
        let bucket = Bucket::new(100);
        let times = (0..10_000u64).map(|i| i * 10_000_000);
        assert_eq!(admitted(&bucket, times), 10_000);
    }

    #[test]
    fn threads_that_ask_at_once_share_the_tokens() {
        let bucket = Bucket::new(1_000);
        let taken: u32 = thread::scope(|scope| {
            let ask = || admitted(&bucket, [0; 1_000]);
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 1_000);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_gets_more_than_its_share(
            rate in 1..50u32,
            steps in prop::collection::vec(0..200_000_000u64, 1..200),
        ) {
            let bucket = Bucket::new(rate);
            let mut now = 0;
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                if bucket.admit(now) {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let seconds = (to - from) as f64 / 1e9;
                    let most = f64::from(rate) * (seconds + 1.0);
                    prop_assert!((last - first + 1) as f64 <= most + 1e-6);
                }
            }
        }
    }
}
