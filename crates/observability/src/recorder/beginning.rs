//! How spans begin, as they are counted: where their parent is, and what was decided about them.
//!
//! Position: told by the start of a span, counted by its thread, read with [`Stats`](super::Stats).
//!
//! Invariant: each span is in one of the numbers.
//!
//! Source: OpenTelemetry semantic conventions, "OpenTelemetry SDK metrics", `otel.sdk.span.started` (development).

use std::sync::atomic::{AtomicU64, Ordering};

/// Where the parent of a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParentOrigin {
    None,
    Local,
    Remote,
}

/// What was decided about a span at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SamplingOutcome {
    Drop,
    RecordOnly,
    RecordAndSample,
}

impl ParentOrigin {
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Local, Self::Remote];
}

impl SamplingOutcome {
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) const ALL: [Self; 3] = [Self::Drop, Self::RecordOnly, Self::RecordAndSample];
}

/// How a span begins.
pub(crate) type Beginning = (ParentOrigin, SamplingOutcome);

/// How many spans began in each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Begun([[u64; 3]; 3]);

impl Begun {
    pub(crate) fn all(&self) -> u64 {
        self.0
            .iter()
            .flatten()
            .fold(0, |sum, spans| sum.wrapping_add(*spans))
    }

    /// Those that a sampler decided not to export.
    pub(crate) fn sampled_out(&self) -> u64 {
        let [_, _, sampled] = self.0;
        let sampled = sampled
            .iter()
            .fold(0_u64, |sum, spans| sum.wrapping_add(*spans));
        self.all().wrapping_sub(sampled)
    }

    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn of(&self, (origin, outcome): Beginning) -> u64 {
        self.0[outcome as usize][origin as usize]
    }

    /// Adds those that were counted elsewhere.
    pub(super) fn add(&mut self, counters: &BegunCounters) {
        let ours = self.0.iter_mut().flatten();
        for (spans, counter) in ours.zip(counters.0.iter().flatten()) {
            *spans = spans.wrapping_add(counter.load(Ordering::Relaxed));
        }
    }
}

/// The counters behind it.
#[derive(Debug, Default)]
pub(crate) struct BegunCounters([[AtomicU64; 3]; 3]);

impl BegunCounters {
    fn of(&self, (origin, outcome): Beginning) -> &AtomicU64 {
        &self.0[outcome as usize][origin as usize]
    }

    /// Counts a span; for the only thread that writes here.
    #[inline]
    pub(crate) fn count_alone(&self, beginning: Beginning) {
        let counter = self.of(beginning);
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Counts a span.
    pub(super) fn count(&self, beginning: Beginning) {
        self.of(beginning).fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a span in another way than it was, maybe elsewhere: of all counters together none is below zero.
    #[cfg(feature = "tracing")]
    pub(super) fn recount(&self, origin: ParentOrigin, was: SamplingOutcome, is: SamplingOutcome) {
        self.of((origin, was)).fetch_sub(1, Ordering::Relaxed);
        self.count((origin, is));
    }

    /// Takes over the counts of a thread.
    pub(super) fn take(&self, counters: &Self) {
        let others = counters.0.iter().flatten();
        for (own, other) in self.0.iter().flatten().zip(others) {
            own.fetch_add(other.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
