//! Where every span went: the counts that must add up.
//!
//! Position: written by threads and the export thread, read by the user.
//!
//! Invariant: started = exported + sampled out + dropped + still open, queued or undecided. What the
//! flight recorder holds is sampled out until it is written out; from then on it is on its way.

#[cfg(feature = "tracing")]
use super::beginning::{ParentOrigin, SamplingOutcome};
use super::{
    backlog::Taken,
    beginning::{Beginning, Begun, BegunCounters},
    registry::{ThreadCounts, locked},
};
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

/// Why finished spans were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropReason {
    BudgetSpent,
    ExportFailed,
    Rejected,
    AfterShutdown,
}

/// What happened to the spans of a recorder.
///
/// `started` equals the sum of the other numbers of spans: a span is exported, sampled out at its start
/// or at the end of its trace, dropped for one of the named reasons, or still `pending`. Spans in the
/// [flight recorder](crate::FlightRecorder) are sampled out until they are written out; then they
/// leave that number and are `pending`, and soon exported or dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans started, sampled or not.
    pub started: u64,
    /// Spans that a sampler decided not to record.
    pub sampled_out: u64,
    /// Spans that were recorded and thrown away when their trace had ended: its
    /// [`TailPolicy`](crate::TailPolicy) did not keep it.
    pub sampled_out_at_tail: u64,
    /// Spans that had been sampled out and were then written out of the flight recorder. Each of them
    /// is also in another number, but in none of the two above any more.
    pub recovered: u64,
    /// Spans that the exporter has delivered.
    pub exported: u64,
    /// Spans dropped because as many waited as may, in bytes or in number: the exporter could not
    /// keep up.
    pub dropped_budget_spent: u64,
    /// Spans dropped because the exporter failed, retries included.
    pub dropped_export_failed: u64,
    /// Of `dropped_export_failed`, those that the receiver refused, or that cannot be sent as things are
    /// set up: trying again could not help. For the others, attempts or time were spent.
    pub refused: u64,
    /// Spans that the receiver took and then rejected (OTLP partial success).
    pub dropped_rejected: u64,
    /// Spans that ended after shutdown.
    pub dropped_after_shutdown: u64,
    /// Spans that are open, or wait for the export thread or for the end of their trace.
    pub pending: u64,
    /// Traces, not spans: those that were decided before their local root had ended, because as many
    /// waited as may, because it took too long, or because of the shutdown.
    pub decided_early: u64,
    /// Memory that finished spans take while they wait for the exporter or for the end of their trace,
    /// or are being exported.
    /// What each thread is still collecting, at most 64 KiB, is not counted.
    pub queued_bytes: usize,
    /// The most that it ever was.
    pub peak_queued_bytes: usize,
    /// Memory of the flight recorder that is in use. What each thread is still collecting for it, at
    /// most 16 KiB, is not counted.
    pub flight_recorder_bytes: usize,
    /// Of `recovered`, those that a sampler had left out.
    recovered_from_head: u64,
    /// How the spans began.
    begun: Begun,
}

impl Stats {
    /// All spans that were recorded and are lost.
    pub fn dropped(&self) -> u64 {
        self.dropped_budget_spent
            + self.dropped_export_failed
            + self.dropped_rejected
            + self.dropped_after_shutdown
    }

    /// With those that the flight recorder gave back.
    #[cfg(feature = "metrics")]
    pub(crate) fn ever_sampled_out(&self) -> u64 {
        self.begun.sampled_out()
    }

    /// How many spans began in this way.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) fn begun(&self, beginning: Beginning) -> u64 {
        self.begun.of(beginning)
    }

    /// With those that the flight recorder gave back.
    #[cfg(any(feature = "metrics", feature = "opentelemetry_0_33"))]
    pub(crate) fn ever_sampled_out_at_tail(&self) -> u64 {
        self.sampled_out_at_tail + self.recovered - self.recovered_from_head
    }

    pub(crate) fn add_thread(&mut self, core_id: u64, counts: &ThreadCounts) {
        if counts.core_id.load(Ordering::Acquire) == core_id {
            self.begun.add(&counts.begun);
        }
    }

    fn settle(&mut self) {
        let settled = self.sampled_out + self.sampled_out_at_tail + self.exported + self.dropped();
        self.pending = self.started.saturating_sub(settled);
    }
}

/// The counters behind [`Stats`], besides those of the running threads.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Held while a thread's counts move here, and while they are read: they are in one place.
    moving: Mutex<()>,
    begun: BegunCounters,
    sampled_out_at_tail: AtomicU64,
    decided_early: AtomicU64,
    /// Of those sampled out at their start, what the flight recorder gave back.
    recovered_from_head: AtomicU64,
    /// Of those sampled out at the tail.
    recovered_from_tail: AtomicU64,
    exported: AtomicU64,
    budget_spent: AtomicU64,
    export_failed: AtomicU64,
    /// Of those that failed.
    refused: AtomicU64,
    rejected: AtomicU64,
    after_shutdown: AtomicU64,
    /// What is in none of them yet, although the export thread has it.
    pub(crate) taken: Taken,
}

impl Totals {
    pub(crate) fn dropped(&self, reason: DropReason, spans: u64) {
        let counter = match reason {
            DropReason::BudgetSpent => &self.budget_spent,
            DropReason::ExportFailed => &self.export_failed,
            DropReason::Rejected => &self.rejected,
            DropReason::AfterShutdown => &self.after_shutdown,
        };
        counter.fetch_add(spans, Ordering::Release);
    }

    pub(crate) fn exported(&self, spans: u64) {
        self.exported.fetch_add(spans, Ordering::Release);
    }

    /// Counts spans that were lost for good at once; they are also counted as dropped.
    pub(crate) fn refused(&self, spans: u64) {
        self.refused.fetch_add(spans, Ordering::Release);
    }

    /// Counts spans whose trace is not kept.
    pub(crate) fn sampled_out_at_tail(&self, spans: u64) {
        self.taken.leave_out(spans);
        self.sampled_out_at_tail.fetch_add(spans, Ordering::Release);
    }

    /// Counts a trace that could not wait for its local root.
    pub(crate) fn decided_early(&self) {
        self.decided_early.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes spans out of those that were sampled out: the flight recorder gives them back.
    pub(crate) fn recovered(&self, from_head: u64, from_tail: u64) {
        self.recovered_from_head
            .fetch_add(from_head, Ordering::Release);
        self.recovered_from_tail
            .fetch_add(from_tail, Ordering::Release);
    }

    /// Counts a span started outside the threads' own counters.
    pub(crate) fn begun(&self, beginning: Beginning) {
        self.begun.count(beginning);
    }

    /// Counts a span as sampled out that was sampled.
    #[cfg(feature = "tracing")]
    pub(crate) fn sampled_out_after_all(&self, origin: ParentOrigin) {
        let (was, is) = (SamplingOutcome::RecordAndSample, SamplingOutcome::Drop);
        self.begun.recount(origin, was, is);
    }

    /// Takes over the counts of a thread that leaves or turns to another recorder.
    pub(crate) fn fold(&self, counts: &ThreadCounts) {
        let _moving = locked(&self.moving);
        counts.core_id.store(0, Ordering::Relaxed);
        self.begun.take(&counts.begun);
    }

    /// The counts, together with those that `add_threads` adds.
    pub(crate) fn read(&self, add_threads: impl FnOnce(&mut Stats)) -> Stats {
        let _moving = locked(&self.moving);
        // What became of a span is read before what it was before, and before how many there are: who sees
        // that it was exported sees that it had begun.
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let mut stats = Stats {
            exported: read(&self.exported),
            refused: read(&self.refused),
            decided_early: read(&self.decided_early),
            dropped_budget_spent: read(&self.budget_spent),
            dropped_export_failed: read(&self.export_failed),
            dropped_rejected: read(&self.rejected),
            dropped_after_shutdown: read(&self.after_shutdown),
            ..Stats::default()
        };
        let from_head = read(&self.recovered_from_head);
        let from_tail = read(&self.recovered_from_tail);
        stats.recovered = from_head + from_tail;
        stats.recovered_from_head = from_head;
        stats.sampled_out_at_tail = read(&self.sampled_out_at_tail).saturating_sub(from_tail);
        stats.begun.add(&self.begun);
        add_threads(&mut stats);
        stats.started = stats.begun.all();
        stats.sampled_out = stats.begun.sampled_out().saturating_sub(from_head);
        stats.settle();
        stats
    }
}
