//! What the SDK says about itself: single lines on standard error, or wherever the program wants
//! them, limited in number.
//!
//! Position: used by configuration, recorder and export; by the traced program's threads only where
//! its own code did something wrong.
//!
//! Invariants:
//! - of each topic at most one line in [`QUIET`] seconds, with the number of those left out, anew
//!   after each set-up;
//!   what was wrong at the set-up is bounded by itself and said in full;
//! - a receiver that panics loses the line, and what it does is not traced.
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification", `OTEL_LOG_LEVEL`.

use crate::{context::Context, recorder::AtomicStatic, stderr::stderr};
use std::{
    fmt,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Instant,
};

/// Seconds between two lines of the same topic.
const QUIET: u64 = 30;

/// How much a message of the SDK matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DiagnosticLevel {
    /// Telemetry does not work.
    Error = 1,
    /// Something was ignored or lost.
    Warn = 2,
    /// Worth knowing once.
    Info = 3,
    /// For whoever looks for a fault in the set-up.
    Debug = 4,
}

impl fmt::Display for DiagnosticLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        })
    }
}

/// What a message is about; each topic is limited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Setting up and shutting down: said in full.
    SetUp,
    ExporterFailed,
    SpansRejected,
    Hook,
}

const TOPIC_COUNT: usize = 4;

/// Where messages go in place of standard error.
pub(crate) type Receiver = Arc<dyn Fn(DiagnosticLevel, &str) + Send + Sync>;

struct Sink(Receiver);

static LEVEL: AtomicU8 = AtomicU8::new(DiagnosticLevel::Info as u8);
static SINK: AtomicStatic<Sink> = AtomicStatic::none();
static LIMITS: [Limit; TOPIC_COUNT] = [const { Limit::new() }; TOPIC_COUNT];

/// Says from now on what matters at least as much as `level`, `None` for nothing, to `receiver`.
pub(crate) fn configure(level: Option<DiagnosticLevel>, receiver: Option<Receiver>) {
    LEVEL.store(level.map_or(0, |level| level as u8), Ordering::Relaxed);
    LIMITS.iter().for_each(Limit::reset);
    // Kept for ever, like the recorder: a thread may be speaking to it.
    SINK.set(receiver.map(|receiver| &*Box::leak(Box::new(Sink(receiver)))));
}

/// Says that telemetry does not work.
pub(crate) fn error(topic: Topic, message: fmt::Arguments<'_>) {
    say(DiagnosticLevel::Error, topic, message);
}

/// Says that something was ignored or lost.
pub(crate) fn warn(topic: Topic, message: fmt::Arguments<'_>) {
    say(DiagnosticLevel::Warn, topic, message);
}

/// Says something for whoever looks for a fault.
pub(crate) fn debug(topic: Topic, message: fmt::Arguments<'_>) {
    say(DiagnosticLevel::Debug, topic, message);
}

fn say(level: DiagnosticLevel, topic: Topic, message: fmt::Arguments<'_>) {
    if level as u8 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let left_out = match topic {
        Topic::SetUp => Some(0),
        other => LIMITS[other as usize].admit(seconds()),
    };
    match left_out {
        None => {}
        Some(0) => deliver(level, message),
        Some(count) => deliver(level, format_args!("{message} ({count} more like it)")),
    }
}

fn deliver(level: DiagnosticLevel, message: fmt::Arguments<'_>) {
    let Some(Sink(receiver)) = SINK.get() else {
        // Nowhere is left to report that standard error is closed.
        let line = format!("continuum-observability: {level}: {message}\n");
        let _written = stderr().write_all(line.as_bytes()).is_ok();
        return;
    };
    let message = message.to_string();
    let _quiet = Context::current().with_telemetry_disabled().attach();
    let _panicked = catch_unwind(AssertUnwindSafe(|| receiver(level, &message))).is_err();
}

/// Seconds since the first message, from 1.
fn seconds() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs() + 1
}

/// Lets a message pass now and then.
#[derive(Debug)]
struct Limit {
    /// When the last one passed; 0 before the first.
    last: AtomicU64,
    left_out: AtomicU64,
}

impl Limit {
    const fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    fn reset(&self) {
        self.last.store(0, Ordering::Relaxed);
        self.left_out.store(0, Ordering::Relaxed);
    }

    /// How many were left out before this one; `None` when this one is too.
    fn admit(&self, now: u64) -> Option<u64> {
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= QUIET;
        let (order, cell) = (Ordering::Relaxed, &self.last);
        if due && cell.compare_exchange(last, now, order, order).is_ok() {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

static MISPLACED_BAGGAGE: AtomicU64 = AtomicU64::new(0);

/// Counts baggage that was set where it cannot stay, and says so the first time.
pub(crate) fn misplaced_baggage() {
    if MISPLACED_BAGGAGE.fetch_add(1, Ordering::Relaxed) == 0 {
        warn(
            Topic::SetUp,
            format_args!(
                "set_baggage outside of a span or scope changes nothing: call it inside one, or \
                 open one with thread_scope()"
            ),
        );
    }
}

/// How often baggage was set where it cannot stay.
pub(crate) fn misplaced_baggage_count() -> u64 {
    MISPLACED_BAGGAGE.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_speaks_once_in_a_while_and_says_how_much_it_left_out() {
        let limit = Limit::new();
        let times = [1, 1, 2, QUIET, QUIET + 1, QUIET + 1, 2 * QUIET + 1];
        let passed = times.map(|now| limit.admit(now));
        let expected = [Some(0), None, None, None, Some(3), None, Some(1)];
        assert_eq!(passed, expected);
    }
}
