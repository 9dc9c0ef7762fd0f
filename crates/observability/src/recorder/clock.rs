//! Time: cheap ticks for durations, an anchor to the wall clock for timestamps.
//!
//! Position: read at the start, the end and each event of a span; recalibrated by the export thread.
//!
//! Invariants:
//! - `end = start + (ticks at end - ticks at start)`: a step of the wall clock never gives a
//!   negative duration;
//! - all spans of one local root share its anchor, so they never disagree about their order.
//!
//! The time stamp counter is used only where the kernel itself trusts it (`x86_64` Linux whose
//! clock source says `tsc`); everywhere else ticks are nanoseconds of the monotonic clock.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// One tick of the counter in nanoseconds, as a fixed-point number with 32 fractional bits.
const ONE_NANOSECOND: u64 = 1 << 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    TimeStampCounter,
    Monotonic,
}

/// A clock: a tick source, its rate, and the latest pairing of ticks with the wall clock.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
    base: Instant,
    base_ticks: u64,
    rate: AtomicU64,
    version: AtomicU64,
    anchor_ticks: AtomicU64,
    anchor_unix_nanos: AtomicU64,
}

/// The pairing of ticks and wall clock that a local root hands down to its spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Anchor {
    ticks: u64,
    unix_nanos: u64,
}

impl Clock {
    /// The clock of the process.
    #[inline]
    pub(crate) fn global() -> &'static Self {
        static CLOCK: OnceLock<Clock> = OnceLock::new();
        CLOCK.get_or_init(|| Self::new(trusted_source()))
    }

    fn new(source: Source) -> Self {
        let base = Instant::now();
        let clock = Self {
            source,
            base,
            base_ticks: raw_ticks(source, base),
            rate: AtomicU64::new(ONE_NANOSECOND),
            version: AtomicU64::new(0),
            anchor_ticks: AtomicU64::new(0),
            anchor_unix_nanos: AtomicU64::new(0),
        };
        if source != Source::Monotonic {
            // Enough to know the rate to some ten parts in a million; the export thread refines it.
            std::thread::sleep(Duration::from_millis(2));
        }
        clock.calibrate();
        clock
    }

    /// The present, in ticks.
    #[inline]
    pub(crate) fn ticks(&self) -> u64 {
        raw_ticks(self.source, self.base)
    }

    /// Converts a number of ticks to nanoseconds.
    #[inline]
    pub(crate) fn nanos(&self, ticks: u64) -> u64 {
        let nanos = (u128::from(ticks) * u128::from(self.rate.load(Ordering::Relaxed))) >> 32;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// The anchor for a new local root.
    #[inline]
    pub(crate) fn anchor(&self) -> Anchor {
        loop {
            let version = self.version.load(Ordering::Acquire);
            let anchor = Anchor {
                ticks: self.anchor_ticks.load(Ordering::Acquire),
                unix_nanos: self.anchor_unix_nanos.load(Ordering::Acquire),
            };
            if version.is_multiple_of(2) && self.version.load(Ordering::Acquire) == version {
                return anchor;
            }
            std::hint::spin_loop();
        }
    }

    /// Where `ticks` lies on the wall clock that `anchor` describes, in Unix nanoseconds.
    #[inline]
    pub(crate) fn unix_nanos(&self, anchor: Anchor, ticks: u64) -> u64 {
        match ticks.checked_sub(anchor.ticks) {
            Some(after) => anchor.unix_nanos.saturating_add(self.nanos(after)),
            None => anchor.unix_nanos.saturating_sub(self.nanos(anchor.ticks - ticks)),
        }
    }

    /// Measures the rate again over the life of the process and pairs the clocks anew.
    pub(crate) fn calibrate(&self) {
        let version = self.version.load(Ordering::Acquire);
        let claimed = version.is_multiple_of(2)
            && self
                .version
                .compare_exchange(version, version + 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        if !claimed {
            return;
        }
        let ticks = self.ticks();
        if self.source != Source::Monotonic {
            self.measure_rate(ticks);
        }
        self.anchor_ticks.store(ticks, Ordering::Release);
        self.anchor_unix_nanos.store(wall_unix_nanos(), Ordering::Release);
        self.version.store(version + 2, Ordering::Release);
    }

    fn measure_rate(&self, ticks: u64) {
        let elapsed = self.base.elapsed().as_nanos();
        let passed = u128::from(ticks.wrapping_sub(self.base_ticks)).max(1);
        let rate = elapsed * u128::from(ONE_NANOSECOND) / passed;
        self.rate.store(u64::try_from(rate).unwrap_or(ONE_NANOSECOND).max(1), Ordering::Relaxed);
    }
}

#[inline]
fn raw_ticks(source: Source, base: Instant) -> u64 {
    match source {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Source::TimeStampCounter => super::sys::platform::time_stamp_counter(),
        Source::Monotonic => u64::try_from(base.elapsed().as_nanos()).unwrap_or(u64::MAX),
    }
}

fn trusted_source() -> Source {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        const PATH: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        if std::fs::read_to_string(PATH).is_ok_and(|name| name.trim() == "tsc") {
            return Source::TimeStampCounter;
        }
    }
    Source::Monotonic
}

fn wall_unix_nanos() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else uses")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees_with_the_monotonic_clock(source: Source) {
        let clock = Clock::new(source);
        let (ticks, instant) = (clock.ticks(), Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let (measured, real) = (clock.nanos(clock.ticks() - ticks), instant.elapsed().as_nanos());
        let ratio = measured as f64 / real as f64;
        assert!((0.8..1.25).contains(&ratio), "{source:?}: {measured} against {real}");
        let drift = clock.unix_nanos(clock.anchor(), clock.ticks()).abs_diff(wall_unix_nanos());
        assert!(drift < 100_000_000, "{source:?}: {drift} ns from the wall clock");
    }

    #[test]
    fn monotonic_source_agrees_with_the_system() {
        agrees_with_the_monotonic_clock(Source::Monotonic);
    }

    #[test]
    fn trusted_source_agrees_with_the_system() {
        agrees_with_the_monotonic_clock(trusted_source());
    }

    #[test]
    fn ticks_before_the_anchor_map_to_times_before_it() {
        let clock = Clock::new(Source::Monotonic);
        let anchor = Anchor { ticks: 1_000, unix_nanos: 50_000 };
        assert_eq!(clock.unix_nanos(anchor, 400), 49_400);
        assert_eq!(clock.unix_nanos(anchor, 1_600), 50_600);
    }
}
