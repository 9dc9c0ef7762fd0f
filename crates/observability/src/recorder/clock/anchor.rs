//! Where ticks lie on the wall clock, and how the next anchor follows from the last one.
//!
//! Position: made by the [`Clock`](super::Clock) on the export thread, taken by each new local root, which hands it
//! down to its spans.
//!
//! Invariants:
//! - an anchor never changes, so the spans below one local root never disagree about their order;
//! - the next anchor agrees with the last one at the moment of its making, and runs a little faster or
//!   slower until the wall clock is met: later roots never begin before earlier ones;
//! - only a step of the wall clock is taken over at once.
//!
//! Source: RFC 5905, "Network Time Protocol Version 4", appendix A: `STEPT` and `MAXFREQ`.

use std::time::Duration;

/// One tick of the counter in nanoseconds, as a fixed-point number with 32 fractional bits.
pub(super) const ONE_NANOSECOND: u64 = 1 << 32;

/// From here on a difference is a step: somebody has set the clock, which no slewing brings back
/// within minutes. It is where an NTP client itself stops slewing.
const STEP: Duration = Duration::from_millis(128);
/// The rate is changed by at most this part, 500 millionths as in NTP: durations stay right to the
/// fourth digit.
const SLOWEST_PART: i128 = 2_000;
/// How long a difference takes to go away, if it is small: a few of the usual intervals of export,
/// so that one longer than usual does not go beyond the wall clock.
const HORIZON: Duration = Duration::from_secs(16);
/// The longest interval of export.
const LONGEST: Duration = Duration::from_hours(24);

/// The pairing of ticks and wall clock that a local root hands down to its spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(super) ticks: u64,
    pub(super) unix_nanos: u64,
    pub(super) rate: u64,
}

impl Anchor {
    /// What a local root that has not started hands down.
    pub(crate) const NONE: Self = Self {
        ticks: 0,
        unix_nanos: 0,
        rate: 0,
    };

    /// Converts a number of ticks to nanoseconds.
    #[inline]
    pub(crate) fn nanos(self, ticks: u64) -> u64 {
        nanos(ticks, self.rate)
    }

    /// Where `ticks` lies on the wall clock, in Unix nanoseconds.
    #[inline]
    pub(crate) fn unix_nanos(self, ticks: u64) -> u64 {
        match ticks.checked_sub(self.ticks) {
            Some(after) => self.unix_nanos.saturating_add(self.nanos(after)),
            None => self
                .unix_nanos
                .saturating_sub(self.nanos(self.ticks - ticks)),
        }
    }

    /// The anchor after this one, given what the clocks say now: `measured` pairs them, at the rate
    /// without any slewing.
    ///
    /// - `interval`: the time until there will be another one, at the latest.
    pub(super) fn followed_by(self, measured: Self, interval: Duration) -> Self {
        let unix_nanos = self.unix_nanos(measured.ticks);
        let ahead = i128::from(measured.unix_nanos) - i128::from(unix_nanos);
        if ahead.unsigned_abs() >= STEP.as_nanos() {
            return measured;
        }
        let horizon = interval.clamp(HORIZON, LONGEST).as_nanos().cast_signed();
        let most = horizon / SLOWEST_PART;
        let slewed = i128::from(measured.rate) * (horizon + ahead.clamp(-most, most)) / horizon;
        Self {
            ticks: measured.ticks,
            unix_nanos,
            rate: u64::try_from(slewed).unwrap_or(measured.rate),
        }
    }
}

impl From<[u64; 3]> for Anchor {
    #[inline]
    fn from([ticks, unix_nanos, rate]: [u64; 3]) -> Self {
        Self {
            ticks,
            unix_nanos,
            rate,
        }
    }
}

impl From<Anchor> for [u64; 3] {
    fn from(anchor: Anchor) -> Self {
        [anchor.ticks, anchor.unix_nanos, anchor.rate]
    }
}

/// Converts a number of ticks to nanoseconds.
#[inline]
pub(super) fn nanos(ticks: u64, rate: u64) -> u64 {
    let nanos = (u128::from(ticks) * u128::from(rate)) >> 32;
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    const INTERVAL: Duration = Duration::from_secs(5);
    const SECOND: u64 = 1_000_000_000;
    const NOON: u64 = 1_700_000_000 * SECOND;
    const STEP_NANOS: u64 = 128_000_000;

    /// A counter of some frequency beside a wall clock that drifts away from it and is set.
    #[derive(Debug, Clone)]
    struct Clocks {
        ticks: u64,
        unix_nanos: u64,
        rate: u64,
        drift_millionths: i64,
    }

    impl Clocks {
        fn pass(&mut self, nanos: u64) {
            let ticks = u128::from(nanos) * u128::from(ONE_NANOSECOND) / u128::from(self.rate);
            self.ticks += u64::try_from(ticks).unwrap();
            let drift = nanos.cast_signed() / 1_000_000 * self.drift_millionths;
            self.unix_nanos = (self.unix_nanos + nanos).strict_add_signed(drift);
        }

        fn set(&mut self, by_nanos: i64) {
            self.unix_nanos = self.unix_nanos.strict_add_signed(by_nanos);
        }

        fn measured(&self) -> Anchor {
            Anchor {
                ticks: self.ticks,
                unix_nanos: self.unix_nanos,
                rate: self.rate,
            }
        }
    }

    fn clocks() -> impl Strategy<Value = Clocks> {
        let rate = ONE_NANOSECOND / 5..ONE_NANOSECOND * 2;
        (0..u64::MAX / 4, rate, -100_i64..100).prop_map(|(ticks, rate, drift_millionths)| Clocks {
            ticks,
            unix_nanos: NOON,
            rate,
            drift_millionths,
        })
    }

    proptest! {
        #[test]
        fn a_later_root_never_begins_before_an_earlier_one(
            mut clocks in clocks(),
            steps in vec((0..10 * SECOND, -50_000_000_i64..50_000_000), 1..40),
        ) {
            let mut anchor = clocks.measured();
            for (gap, set) in steps {
                let began = anchor.unix_nanos(clocks.ticks);
                clocks.pass(gap);
                let last = anchor.unix_nanos(clocks.ticks);
                if clocks.unix_nanos.strict_add_signed(set).abs_diff(last) < STEP_NANOS {
                    clocks.set(set);
                }
                anchor = anchor.followed_by(clocks.measured(), INTERVAL);
                prop_assert!(began <= last);
                prop_assert_eq!(anchor.unix_nanos(clocks.ticks), last);
            }
        }

        #[test]
        fn the_rate_stays_within_500_millionths(
            mut clocks in clocks(),
            steps in vec((0..3_600 * SECOND, -300_000_000_i64..300_000_000), 1..40),
        ) {
            let mut anchor = clocks.measured();
            for (gap, set) in steps {
                clocks.pass(gap);
                clocks.set(set);
                anchor = anchor.followed_by(clocks.measured(), INTERVAL);
                prop_assert!(anchor.rate.abs_diff(clocks.rate) <= clocks.rate / 2_000 + 1);
            }
        }

        #[test]
        fn a_difference_shrinks_and_never_turns_round(
            mut clocks in clocks(),
            apart in -120_000_000_i64..120_000_000,
            interval in 1..3_600_u64,
            gaps in vec(0_u64..=1_000, 1..40),
        ) {
            clocks.drift_millionths = 0;
            let mut anchor = clocks.measured();
            clocks.set(apart);
            let difference = |anchor: &Anchor, clocks: &Clocks| {
                clocks.unix_nanos.cast_signed() - anchor.unix_nanos(clocks.ticks).cast_signed()
            };
            for gap in gaps.into_iter().map(|thousandths| interval * thousandths * SECOND / 1_000) {
                let before = difference(&anchor, &clocks);
                anchor = anchor.followed_by(clocks.measured(), Duration::from_secs(interval));
                clocks.pass(gap);
                let after = difference(&anchor, &clocks);
                let rounding = 2 + (gap / (ONE_NANOSECOND / 5)).cast_signed();
                prop_assert!(after.abs() <= before.abs() + rounding, "{before} {after}");
                prop_assert!(after * before.signum() >= -rounding, "{before} {after}");
            }
        }

        #[test]
        fn a_step_is_taken_over_at_once_by_what_begins_later(
            mut clocks in clocks(),
            forward in any::<bool>(),
            size in STEP_NANOS + 1_000_000..NOON / 2,
        ) {
            let before = clocks.measured();
            clocks.pass(5 * SECOND);
            let size = size.cast_signed();
            clocks.set(if forward { size } else { -size });
            prop_assert_eq!(before.followed_by(clocks.measured(), INTERVAL), clocks.measured());
        }
    }

    #[test]
    fn a_wall_clock_that_drifts_is_followed_within_two_milliseconds() {
        let mut clocks = Clocks {
            ticks: 0,
            unix_nanos: NOON,
            rate: ONE_NANOSECOND / 3,
            drift_millionths: 100,
        };
        let mut anchor = clocks.measured();
        for _ in 0..10_000 {
            clocks.pass(5 * SECOND);
            anchor = anchor.followed_by(clocks.measured(), INTERVAL);
        }
        let apart = anchor.unix_nanos(clocks.ticks).abs_diff(clocks.unix_nanos);
        // The drift of one horizon, at which slewing and drift are in balance.
        assert!((1_500_000..1_700_000).contains(&apart), "{apart} ns");
    }

    #[test]
    fn ticks_before_the_anchor_map_to_times_before_it() {
        let anchor = Anchor {
            ticks: 1_000,
            unix_nanos: 50_000,
            rate: ONE_NANOSECOND / 2,
        };
        assert_eq!(anchor.unix_nanos(400), 49_700);
        assert_eq!(anchor.unix_nanos(1_600), 50_300);
    }
}
