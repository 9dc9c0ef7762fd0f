//! How much lies between the end of a span and its delivery, right now.
//!
//! Position: kept by the export thread, read by the metrics about the SDK itself.
//!
//! Invariant: a span is in the backlog from its end until its fate is counted in
//! [`Stats`](super::Stats); what is pending beyond the backlog is open.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the export thread has taken from the queue.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Not yet delivered or lost.
    unsettled: AtomicU64,
    /// Of them, those that the exporter is busy with.
    in_flight: AtomicU64,
}

impl Taken {
    /// So many spans more are in the hands of the export thread.
    pub(crate) fn begin(&self, spans: u64) {
        self.unsettled.fetch_add(spans, Ordering::Relaxed);
    }

    /// The exporter gets so many of them.
    pub(crate) fn send(&self, spans: u64) {
        self.in_flight.store(spans, Ordering::Relaxed);
    }

    /// Of all that were taken, so many are left.
    pub(crate) fn hold(&self, spans: u64) {
        self.unsettled.store(spans, Ordering::Relaxed);
    }

    /// The exporter is done with them.
    pub(crate) fn settle(&self) {
        self.leave_out(self.in_flight.swap(0, Ordering::Relaxed));
    }

    /// What became of so many of them is about to be counted.
    pub(super) fn leave_out(&self, spans: u64) {
        let left = self.unsettled.load(Ordering::Relaxed).saturating_sub(spans);
        self.unsettled.store(left, Ordering::Relaxed);
    }

    /// How many are neither delivered nor lost.
    pub(super) fn unsettled(&self) -> u64 {
        self.unsettled.load(Ordering::Relaxed)
    }

    /// Nobody looks after them any more; returns how many they were.
    pub(super) fn abandon(&self) -> u64 {
        self.in_flight.store(0, Ordering::Relaxed);
        self.unsettled.swap(0, Ordering::Relaxed)
    }
}

#[cfg(feature = "opentelemetry_0_33")]
pub(crate) use reading::Backlog;

/// For those who want to know; nobody else pays for it.
#[cfg(feature = "opentelemetry_0_33")]
mod reading {
    use super::super::{
        core::Core,
        registry::{Registry, ThreadShared},
        sys::biased::{Hazard, Next},
    };
    use std::sync::atomic::Ordering;

    /// Finished spans that are not yet delivered or lost.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Backlog {
        /// Waiting for the exporter.
        pub(crate) queued: u64,
        /// Being exported.
        pub(crate) in_flight: u64,
        /// How many may wait, where a number was asked for.
        pub(crate) capacity: Option<u64>,
    }

    impl Core {
        /// Looks at the queue, at the export thread, and into the chunk of each thread.
        pub(crate) fn backlog(&self) -> Backlog {
            let in_flight = self.totals.taken.in_flight.load(Ordering::Relaxed);
            let mut queued = self.undelivered().saturating_sub(in_flight);
            if let Some(registry) = Registry::get() {
                registry.each_thread(&mut |thread| queued += self.collected_by(registry, thread));
            }
            Backlog {
                queued,
                in_flight,
                capacity: Some(self.max_queued_spans).filter(|spans| *spans < u64::MAX),
            }
        }

        /// How many spans lie in the chunk of a thread.
        fn collected_by(&self, registry: &Registry, thread: &'static ThreadShared) -> u64 {
            if !thread.sampled.filled.is_set() {
                return 0;
            }
            let hazards = |visit: &mut dyn FnMut(&Hazard)| registry.each_hazard(visit);
            let counted =
                thread
                    .sampled
                    .chunk
                    .with_revoked(None, hazards, Next::AsBefore, |open| {
                        let is_ours = open.core.is_some_and(|core| core.id == self.id);
                        if is_ours { open.spans } else { 0 }
                    });
            counted.unwrap_or_default()
        }
    }
}
