//! Trying again: when, how often, and what the span says about it.
//!
//! Position: `delivery` tries a push a few times within its span, and puts the job off when that
//! is not enough.
//!
//! Invariants: the number of attempts is bounded; the wait is asynchronous, doubles each time up to
//! a limit, and half of it is random, so that nodes that failed together do not come back together; a
//! node that is away is looked for at least every [`RetryPolicy::probe`].

use std::{fmt::Display, time::Duration};

use continuum_observability::get_current_span;
use tokio::time::sleep;

/// How long to wait before trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

/// How often and when a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts within one delivery.
    pub attempts: u32,
    /// The waits between these.
    pub backoff: Backoff,
    /// Deliveries until a job is given up that the other node does not take. That it is away is not
    /// the job's fault and never a reason to give one up.
    pub deliveries: u32,
    /// The waits between deliveries.
    pub redelivery: Backoff,
    /// The longest wait while the other node is away.
    pub probe: Duration,
}

impl Default for RetryPolicy {
    /// Three attempts within a second; sixteen deliveries within about seven hours; a node that is away
    /// is looked for every minute.
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Backoff {
                first: Duration::from_millis(100),
                longest: Duration::from_secs(1),
            },
            deliveries: 16,
            redelivery: Backoff {
                first: Duration::from_secs(5),
                longest: Duration::from_hours(1),
            },
            probe: Duration::from_mins(1),
        }
    }
}

impl RetryPolicy {
    /// The wait after the other node was away so many times.
    pub(super) fn probe_delay(&self, failures: u32) -> Duration {
        self.redelivery.delay(failures).min(self.probe)
    }
}

impl Backoff {
    /// The wait after so many failures, the jitter included.
    pub(super) fn delay(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// An error that says whether trying again is in vain.
pub(super) trait Failure: Display {
    /// Whether the same will fail again, however often it is tried.
    fn is_final(&self) -> bool;
}

/// Does work until it succeeds, at most `policy.attempts` times; each attempt is an event of the
/// current span.
pub(super) async fn with_attempts<T, E, Fut>(
    policy: &RetryPolicy,
    mut work: impl FnMut() -> Fut,
) -> Result<T, E>
where
    E: Failure,
    Fut: Future<Output = Result<T, E>>,
{
    let span = get_current_span();
    let mut attempt = 1;
    loop {
        let number = [("attempt", attempt.into())];
        span.add_event(&format!("attempt_{attempt}"), &number);
        let result = work().await;
        let error = match result {
            Err(error) if attempt < policy.attempts && !error.is_final() => error,
            settled => {
                span.set_attribute("retry.attempts_used", attempt);
                return settled;
            }
        };
        let delay = policy.backoff.delay(attempt);
        span.add_event(
            &format!("attempt_{attempt}_failed"),
            &[
                ("error", error.to_string().into()),
                ("retry_after", delay.as_secs_f64().into()),
            ],
        );
        sleep(delay).await;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_half_of_it_is_random() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(10),
        };
        for (failures, whole_secs) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (u32::MAX, 10)] {
            let whole = Duration::from_secs(whole_secs);
            for _ in 0..100 {
                let delay = backoff.delay(failures);
                assert!(
                    whole / 2 <= delay && delay <= whole,
                    "{failures}: {delay:?}"
                );
            }
        }
        assert_ne!(backoff.delay(5), backoff.delay(5));
    }

    #[test]
    fn a_node_that_is_away_is_looked_for_every_minute_however_long_it_has_been() {
        let policy = RetryPolicy::default();
        for failures in 1..40 {
            let minute = Duration::from_mins(1);
            assert!(policy.probe_delay(failures) <= minute, "{failures}");
        }
        assert!(policy.redelivery.delay(40) > Duration::from_mins(29));
    }
}
