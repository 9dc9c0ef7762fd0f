//! When to try again, and after how long.
//!
//! Position: between an exporter that sends over the network and its single attempts.
//!
//! Invariants: no attempt begins after the deadline; a wait that would end after it is not begun; what
//! a receiver asks for (`Retry-After`, `RetryInfo`) is the least that is waited.
//!
//! Source: OTLP specification 1.x, "OTLP/HTTP Throttling", "OTLP/gRPC Throttling"; RFC 9110, sections
//! 5.6.7 and 10.2.3.

use super::super::{ExportError, Pause};
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    time::{Duration, Instant},
};

/// How often a request is tried, and how the waits between attempts grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included; 0 counts as 1.
    pub max_attempts: u32,
    /// The wait after the first attempt; doubled after each further one.
    pub initial_backoff: Duration,
    /// The longest wait that backoff alone leads to; a server may ask for more.
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    /// 5 attempts, 1 s, doubling up to 30 s.
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Calls `attempt` with the time that is left, until it succeeds, fails for good, or the policy,
    /// the deadline or the pause says that it is enough.
    pub(in super::super) fn run<T>(
        &self,
        pause: &Pause,
        endpoint: &str,
        deadline: Instant,
        mut attempt: impl FnMut(Duration) -> Result<T, ExportError>,
    ) -> Result<T, ExportError> {
        let mut attempts = 0;
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                let endpoint = endpoint.to_owned();
                return Err(ExportError::Deadline { endpoint, attempts });
            }
            attempts += 1;
            let error = match attempt(remaining) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = self.backoff(attempts, error.retry_after());
            let in_time = wait < deadline.saturating_duration_since(Instant::now());
            let allowed = error.is_retryable() && attempts < self.max_attempts;
            if !(allowed && in_time && pause(wait)) {
                return Err(error.after(attempts));
            }
        }
    }

    /// The wait after attempt number `attempt` (from 1): half of it fixed, half of it random, so
    /// that the processes that one outage stopped do not all come back at once.
    fn backoff(&self, attempt: u32, retry_after: Option<Duration>) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let full = self
            .initial_backoff
            .saturating_mul(1 << doublings)
            .min(self.max_backoff);
        let jittered = full / 2 + (full / 2).mul_f64(random_fraction());
        jittered.max(retry_after.unwrap_or_default())
    }
}

/// From 0 up to 1. The hasher's keys are random, which is enough to spread waits.
fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// Reads `Retry-After`: seconds, or a date. A date counts from the server's own `Date`, so that
/// the clocks need not agree; without one it is ignored.
#[cfg(feature = "_post")]
pub(crate) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(secs) = value.parse() {
        return Some(Duration::from_secs(secs));
    }
    let until = unix_secs(value)?;
    Some(Duration::from_secs(
        until.saturating_sub(unix_secs(date?.trim())?),
    ))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the only form of a date that may be sent today.
#[cfg(feature = "_post")]
fn unix_secs(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = date.strip_suffix(" GMT")?.split_once(", ")?.1.split(' ');
    let day: u64 = parts
        .next()?
        .parse()
        .ok()
        .filter(|day| (1..=31).contains(day))?;
    let month_name = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month_name)? as u64;
    let year: u64 = parts
        .next()?
        .parse()
        .ok()
        .filter(|year| (1970..=9999).contains(year))?;
    let mut clock = parts
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hours, minutes, secs) = (clock.next()??, clock.next()??, clock.next()??);
    if hours > 23 || minutes > 59 || secs > 60 {
        return None;
    }
    // Years begin in March here, so that a leap day is the last day of its year.
    let (year, month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    Some((days.checked_sub(719_468)? * 24 + hours) * 3_600 + minutes * 60 + secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_vary_by_half() {
        let policy = RetryPolicy::default();
        for (attempt, full_secs) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (1_000, 30)] {
            let full = Duration::from_secs(full_secs);
            let waits: Vec<_> = (0..50).map(|_| policy.backoff(attempt, None)).collect();
            assert!(
                waits.iter().all(|wait| (full / 2..=full).contains(wait)),
                "{waits:?}"
            );
            assert!(
                waits.iter().any(|wait| *wait != waits[0]),
                "no jitter: {waits:?}"
            );
        }
    }

    /// The attempts at a receiver that takes the seventh, and whether it came to that.
    fn attempts_of(max_attempts: u32) -> (u32, bool) {
        let policy = RetryPolicy {
            max_attempts,
            ..RetryPolicy::default()
        };
        let pause: Pause = std::sync::Arc::new(|_| true);
        let mut attempts = 0;
        let refuse = |_| {
            attempts += 1;
            if attempts == 7 {
                return Ok(());
            }
            Err(ExportError::Connection {
                endpoint: String::new(),
                reason: String::new(),
                attempts: 0,
            })
        };
        let deadline = Instant::now() + Duration::from_hours(1);
        let delivered = policy.run(&pause, "", deadline, refuse).is_ok();
        (attempts, delivered)
    }

    #[test]
    fn attempts_end_at_their_number_or_if_that_is_the_greatest_there_is_with_a_success() {
        assert_eq!(attempts_of(0), (1, false));
        assert_eq!(attempts_of(5), (5, false));
        assert_eq!(attempts_of(u32::MAX), (7, true));
    }

    #[test]
    fn a_server_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() {
        let policy = RetryPolicy::default();
        let minute = Duration::from_mins(1);
        assert_eq!(policy.backoff(1, Some(minute)), minute);
        assert!(policy.backoff(1, Some(Duration::ZERO)) >= Duration::from_millis(500));
    }

    #[cfg(feature = "_post")]
    #[test]
    fn dates_are_read_as_seconds_since_the_epoch() {
        assert_eq!(unix_secs("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            unix_secs("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(
            unix_secs("Thu, 29 Feb 2024 12:00:00 GMT"),
            Some(1_709_208_000)
        );
        assert_eq!(
            unix_secs("Fri, 31 Dec 2100 23:59:59 GMT"),
            Some(4_133_980_799)
        );
    }

    #[cfg(feature = "_post")]
    #[test]
    fn retry_after_takes_seconds_or_a_date_beside_the_servers_date() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let secs = |secs| Some(Duration::from_secs(secs));
        assert_eq!(retry_after("7", None), secs(7));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:07 GMT", date), secs(30));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date), secs(0));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:07 GMT", None), None);
        for nonsense in [
            "",
            "-1",
            "soon",
            "Sun, 99 Nov 1994 08:50:07 GMT",
            "x, 1 Jan GMT",
        ] {
            assert_eq!(retry_after(nonsense, date), None, "{nonsense}");
        }
    }
}
