//! About so many traces a minute: the ratio follows the traffic.
//!
//! Position: a [`ShouldSample`] behind `Sampler::adaptive`, usually for roots.
//!
//! Traffic is counted for a second at a time. Of its running mean over some ten seconds follows the
//! ratio, by which traces are then kept as by `Sampler::TraceIdRatio`.
//!
//! Invariants: nobody waits; of those who see that a second is over, one works out the ratio.

use super::{
    SamplingParameters, SamplingResult, ShouldSample,
    ratio::{keeps, threshold},
};
use crate::{context::TraceId, recorder::Clock};
use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU64, Ordering},
};

const WINDOW_NANOS: u64 = 1_000_000_000;
const MINUTE_NANOS: f64 = 60e9;
/// How far the mean looks back.
const MEMORY_NANOS: f64 = 10e9;

/// Keeps a number of traces a minute.
#[derive(Debug)]
pub(super) struct Adaptive {
    target_per_minute: u32,
    rates: RangeInclusive<f64>,
    /// When the second that is being counted ends; 0 before the first.
    window_end_nanos: AtomicU64,
    seen: AtomicU64,
    /// The mean of what was seen, per minute, as the bits of an `f64`; NaN before the first second is
    /// over.
    mean: AtomicU64,
    threshold: AtomicU64,
}

impl Adaptive {
    pub(super) fn new(target_per_minute: u32, rates: RangeInclusive<f64>) -> Self {
        let most = threshold(*rates.end());
        Self {
            target_per_minute,
            rates,
            window_end_nanos: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            mean: AtomicU64::new(f64::NAN.to_bits()),
            threshold: AtomicU64::new(most),
        }
    }

    fn keeps(&self, trace_id: TraceId, now_nanos: u64) -> bool {
        let end = self.window_end_nanos.load(Ordering::Relaxed);
        if now_nanos >= end {
            self.begin_window(end, now_nanos);
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
        keeps(self.threshold.load(Ordering::Relaxed), trace_id)
    }

    #[cold]
    fn begin_window(&self, end: u64, now_nanos: u64) {
        let next = now_nanos + WINDOW_NANOS;
        let begun =
            self.window_end_nanos
                .compare_exchange(end, next, Ordering::Relaxed, Ordering::Relaxed);
        if begun.is_err() {
            return;
        }
        let seen = self.seen.swap(0, Ordering::Relaxed);
        if end > 0 {
            self.adapt(seen as f64, (now_nanos - (end - WINDOW_NANOS)) as f64);
        }
    }

    /// Works out the ratio after `seen` in the last so many nanoseconds.
    fn adapt(&self, seen: f64, nanos: f64) {
        let latest = seen * MINUTE_NANOS / nanos;
        let before = f64::from_bits(self.mean.load(Ordering::Relaxed));
        let mean = if before.is_nan() {
            latest
        } else {
            let weight = 1.0 - (-nanos / MEMORY_NANOS).exp();
            before + weight * (latest - before)
        };
        self.mean.store(mean.to_bits(), Ordering::Relaxed);
        let wanted = f64::from(self.target_per_minute) / mean;
        let rate = wanted.max(*self.rates.start()).min(*self.rates.end());
        self.threshold.store(threshold(rate), Ordering::Relaxed);
    }
}

impl ShouldSample for Adaptive {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        let now_nanos = Clock::global().elapsed_nanos();
        SamplingResult::from_decision(self.keeps(parameters.trace_id, now_nanos))
    }

    fn description(&self) -> String {
        let (target, least, most) = (self.target_per_minute, self.rates.start(), self.rates.end());
        format!("Adaptive{{{target} per minute, {least} to {most}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60 * WINDOW_NANOS;

    /// Asks `per_minute` times in each of `minutes`, from the given one on; returns how many were kept
    /// in the last minute.
    fn kept(sampler: &Adaptive, per_minute: u64, minutes: std::ops::Range<u64>) -> u64 {
        let mut kept = 0;
        for minute in minutes {
            kept = 0;
            for i in 0..per_minute {
                let now = minute * MINUTE + i * (MINUTE / per_minute);
                let id = (u128::from(minute) << 32 | u128::from(i)) * 0x9e37_79b9_7f4a_7c15_f39c;
                kept += u64::from(sampler.keeps(TraceId::from(id), now));
            }
        }
        kept
    }

    #[test]
    fn keeps_about_the_target_whatever_the_traffic() {
        let sampler = Adaptive::new(1_000, 0.01..=1.0);
        for (minute, per_minute) in [(1, 5_000), (4, 60_000), (7, 2_000)] {
            let kept = kept(&sampler, per_minute, minute..minute + 3);
            assert!((850..1_150).contains(&kept), "{kept} of {per_minute}");
        }
    }

    #[test]
    fn keeps_everything_while_there_is_little() {
        let sampler = Adaptive::new(1_000, 0.01..=1.0);
        assert_eq!(kept(&sampler, 900, 1..4), 900);
        assert_eq!(kept(&sampler, 1, 4..6), 1, "also after a pause");
    }

    #[test]
    fn the_ratio_stays_between_its_bounds() {
        let sampler = Adaptive::new(10, 0.25..=0.5);
        let many = kept(&sampler, 10_000, 1..4);
        assert!((2_300..2_700).contains(&many), "{many}");
        let few = kept(&sampler, 8, 10..1_010);
        assert!(few < 8, "{few}");
        let threshold = sampler.threshold.load(Ordering::Relaxed);
        assert_eq!(threshold, super::threshold(0.5));
    }
}
