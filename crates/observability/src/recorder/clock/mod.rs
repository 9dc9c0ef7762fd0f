//! Time: cheap ticks for durations, an anchor to the wall clock for timestamps.
//!
//! Position: read at the start, the end and each event of a span; recalibrated by the export thread,
//! which makes each [`Anchor`] follow from the last.
//!
//! Invariants:
//! - `end = start + (ticks at end - ticks at start)`: a step of the wall clock never gives a
//!   negative duration;
//! - all spans of one local root share its anchor and rate, so they never disagree about their order;
//! - what begins later has a later time, but for steps of the wall clock, which new local roots follow
//!   at once; what it drifts, they follow little by little;
//! - nobody waits for a calibration under way, which a fork may have cut short.
//!
//! The time stamp counter is used only where the kernel itself trusts it (`x86_64` Linux whose
//! clock source says `tsc`); everywhere else, and under the cfg `continuum_clock_fallback`, ticks
//! are nanoseconds of the monotonic clock.

mod anchor;

pub(crate) use anchor::Anchor;

use super::sys::{latest::Latest, leaked::AtomicStatic, platform};
use anchor::{ONE_NANOSECOND, nanos};
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    #[cfg(all(
        target_arch = "x86_64",
        target_os = "linux",
        not(continuum_clock_fallback)
    ))]
    TimeStampCounter,
    Monotonic,
}

/// A clock: a tick source, and the latest pairing of ticks with the wall clock.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
    /// Tells Unix nanoseconds; may step at any time.
    wall: fn() -> u64,
    base: Instant,
    base_ticks: u64,
    /// The [`Anchor`] of the last calibration.
    pairing: Latest<3>,
    /// Nanoseconds of a tick as measured, which no slewing has changed.
    rate: AtomicU64,
    /// The process that calibrates right now, as its number of forks plus one.
    calibrating: AtomicU32,
}

/// All clocks at about the same moment; `width` is how many ticks it took.
#[derive(Debug)]
struct Reading {
    ticks: u64,
    width: u64,
    elapsed: Duration,
    unix_nanos: u64,
}

static CLOCK: AtomicStatic<Clock> = AtomicStatic::none();

impl Clock {
    /// The clock of the process.
    #[inline]
    pub(crate) fn global() -> &'static Self {
        match CLOCK.get() {
            Some(clock) => clock,
            None => Self::make_global(),
        }
    }

    /// Of several threads that make it at once, nobody waits for another one, which a fork may have cut short.
    #[cold]
    fn make_global() -> &'static Self {
        let clock = Self::new(trusted_source(), wall_unix_nanos);
        CLOCK.get_or_set(Box::leak(Box::new(clock)))
    }

    fn new(source: Source, wall: fn() -> u64) -> Self {
        let base = Instant::now();
        let clock = Self {
            source,
            wall,
            base,
            base_ticks: raw_ticks(source, &base),
            pairing: Latest::new(),
            rate: AtomicU64::new(ONE_NANOSECOND),
            calibrating: AtomicU32::new(0),
        };
        if source != Source::Monotonic {
            // Enough to know the rate to some ten parts in a million; the export thread refines it.
            std::thread::sleep(Duration::from_millis(2));
        }
        clock.calibrate(Duration::ZERO);
        clock
    }

    /// The present, in ticks.
    #[inline]
    pub(crate) fn ticks(&self) -> u64 {
        raw_ticks(self.source, &self.base)
    }

    /// Nanoseconds since the clock was made; a calibration in the first minute may set it back a little.
    pub(crate) fn elapsed_nanos(&self) -> u64 {
        let passed = self.ticks().saturating_sub(self.base_ticks);
        nanos(passed, self.rate.load(Ordering::Relaxed))
    }

    /// The anchor for a new local root.
    #[inline]
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::from(self.pairing.get())
    }

    /// Measures the rate again, and lets the next anchor follow from the last one.
    ///
    /// - `interval`: the time until the caller will do this again, at the latest.
    pub(crate) fn calibrate(&self, interval: Duration) {
        let process = platform::fork_epoch() + 1;
        if self.calibrating.swap(process, Ordering::Acquire) == process {
            return;
        }
        let is_first = self.pairing.count() == 0;
        let reading = self.steady_reading();
        let rate = self.measured_rate(&reading, is_first);
        self.rate.store(rate, Ordering::Relaxed);
        let measured = Anchor {
            ticks: reading.ticks,
            unix_nanos: reading.unix_nanos,
            rate,
        };
        let next = if is_first {
            measured
        } else {
            self.anchor().followed_by(measured, interval)
        };
        self.pairing.give(next.into());
        self.calibrating.store(0, Ordering::Release);
    }

    /// Reads all clocks a few times and keeps the reading that took the fewest ticks, in which the
    /// thread was not interrupted.
    fn steady_reading(&self) -> Reading {
        let mut best = self.reading();
        for _ in 0..4 {
            let next = self.reading();
            if next.width < best.width {
                best = next;
            }
        }
        best
    }

    fn reading(&self) -> Reading {
        let ticks = self.ticks();
        let (elapsed, unix_nanos) = (self.base.elapsed(), (self.wall)());
        Reading {
            ticks,
            width: self.ticks().wrapping_sub(ticks),
            elapsed,
            unix_nanos,
        }
    }

    /// The rate over the life of the process; after a minute the one known then, because a machine
    /// that sleeps stops or resets one of the clocks.
    fn measured_rate(&self, reading: &Reading, first: bool) -> u64 {
        const SETTLED: Duration = Duration::from_mins(1);
        if self.source == Source::Monotonic {
            return ONE_NANOSECOND;
        }
        let passed = reading
            .ticks
            .checked_sub(self.base_ticks)
            .filter(|passed| *passed > 0);
        match passed {
            Some(passed) if first || reading.elapsed < SETTLED => {
                let fraction = reading.elapsed.as_nanos() * u128::from(ONE_NANOSECOND);
                u64::try_from(fraction / u128::from(passed))
                    .unwrap_or(ONE_NANOSECOND)
                    .max(1)
            }
            _ => self.rate.load(Ordering::Relaxed),
        }
    }
}

#[inline]
fn raw_ticks(source: Source, base: &Instant) -> u64 {
    match source {
        #[cfg(all(
            target_arch = "x86_64",
            target_os = "linux",
            not(continuum_clock_fallback)
        ))]
        Source::TimeStampCounter => platform::time_stamp_counter(),
        Source::Monotonic => u64::try_from(base.elapsed().as_nanos()).unwrap_or(u64::MAX),
    }
}

fn trusted_source() -> Source {
    #[cfg(all(
        target_arch = "x86_64",
        target_os = "linux",
        not(continuum_clock_fallback)
    ))]
    {
        const PATH: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        if std::fs::read_to_string(PATH).is_ok_and(|name| name.trim() == "tsc") {
            return Source::TimeStampCounter;
        }
    }
    Source::Monotonic
}

fn wall_unix_nanos() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everyone else uses"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SpanKind, TraceFlags,
        context::{SpanContext, SpanId, TraceId, TraceState},
        span::{Opening, SpanBody, SpanTime},
        testing::TestRecorder,
    };
    use std::cell::Cell;

    const HOUR: u64 = 3_600_000_000_000;

    thread_local! {
        static WALL: Cell<u64> = const { Cell::new(0) };
    }

    /// Starts a span now, on that clock.
    fn begin(body: &mut SpanBody, recorder: &TestRecorder, clock: &Clock) -> u64 {
        let (flags, id) = (TraceFlags::SAMPLED, SpanId::from(1));
        let span = SpanContext::new(TraceId::from(1), id, flags, false, TraceState::EMPTY);
        let (anchor, start_ticks) = (clock.anchor(), clock.ticks());
        let start_unix_nanos = anchor.unix_nanos(start_ticks);
        body.begin(&Opening {
            name: "work",
            kind: SpanKind::Internal,
            recorder: recorder.recorder(),
            span: &span,
            parent: None,
            local_root: id,
            undecided: false,
            forced: false,
            scope: 0,
            start_ticks,
            start_unix_nanos,
            anchor,
        });
        start_unix_nanos
    }

    #[test]
    fn a_wall_clock_that_steps_moves_later_spans_and_never_one_in_progress() {
        let recorder = TestRecorder::new();
        for source in [Source::Monotonic, trusted_source()] {
            WALL.set(100 * HOUR);
            let clock = Clock::new(source, || WALL.get());
            let mut body = SpanBody::default();
            for stepped in [99 * HOUR, 0, 300 * HOUR, 1] {
                let start = begin(&mut body, &recorder, &clock);
                WALL.set(stepped);
                clock.calibrate(Duration::ZERO);
                let ticks = clock.ticks();
                let (event, end) = (
                    body.unix_nanos_at(ticks),
                    body.end_unix_nanos(SpanTime::Ticks(ticks)),
                );
                for time in [event, end] {
                    assert!(
                        (start..start + HOUR).contains(&time),
                        "{source:?}: {start} {time}"
                    );
                }
                let next = begin(&mut body, &recorder, &clock);
                assert!(
                    next.abs_diff(stepped) < HOUR,
                    "{source:?}: {stepped} {next}"
                );
            }
        }
    }

    fn agrees_with_the_monotonic_clock(source: Source) {
        let clock = Clock::new(source, wall_unix_nanos);
        let (ticks, instant) = (clock.ticks(), Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.ticks() - ticks;
        let (measured, real) = (clock.anchor().nanos(passed), instant.elapsed().as_nanos());
        let ratio = measured as f64 / real as f64;
        assert!(
            (0.8..1.25).contains(&ratio),
            "{source:?}: {measured} against {real}"
        );
        let drift = clock
            .anchor()
            .unix_nanos(clock.ticks())
            .abs_diff(wall_unix_nanos());
        assert!(
            drift < 100_000_000,
            "{source:?}: {drift} ns from the wall clock"
        );
    }

    #[test]
    fn the_fallback_can_be_forced() {
        if cfg!(continuum_clock_fallback) {
            assert_eq!(Clock::global().source, Source::Monotonic);
        }
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
    fn a_calibration_that_a_fork_cut_short_stops_nobody() {
        let clock = Clock::new(Source::Monotonic, wall_unix_nanos);
        let before = clock.anchor();
        clock
            .calibrating
            .store(platform::fork_epoch() + 2, Ordering::Relaxed);
        assert_eq!(clock.anchor(), before);
        clock.calibrate(Duration::ZERO);
        assert_ne!(clock.anchor(), before);
    }
}
