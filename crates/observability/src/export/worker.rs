//! The export thread: takes chunks, frames them as OTLP requests, hands them to the exporter.
//!
//! Position: between the recorder's queue and an [`Exporter`].
//!
//! Invariants:
//! - the bytes of a span are copied once, into the request; nothing is decoded or encoded again;
//! - every span taken from the queue ends up in exactly one count;
//! - a panicking exporter costs its batch, not the thread;
//! - nothing that happens on this thread is traced, through whatever interface.
//!
//! Source: `opentelemetry/proto/collector/trace/v1/trace_service.proto`.

use super::{
    EncodedRequest, ExportError, Exported, Exporter, Pause, recovery::Recovery,
    request::RequestBuilder, tail::Tail,
};
use crate::{
    context::Context,
    diagnostics::{self, Topic},
    recorder::{Clock, Core, DropReason, Recorder, Round},
    sampling::TailPolicy,
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

/// Makes the exporter on the export thread, anew in each forked process.
#[derive(Clone)]
pub(crate) struct ExporterFactory(Arc<dyn Fn(Pause) -> Box<dyn Exporter> + Send + Sync>);

impl ExporterFactory {
    pub(crate) fn new(make: impl Fn(Pause) -> Box<dyn Exporter> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl fmt::Debug for ExporterFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExporterFactory").finish_non_exhaustive()
    }
}

/// Starts the export thread of `core`.
pub(crate) fn start(recorder: &'static Recorder, core: &'static Core, factory: ExporterFactory) {
    let thread = std::thread::Builder::new().name("continuum-export".into());
    let spawned = thread.spawn(move || run(recorder, core, &factory));
    if let Err(error) = spawned {
        give_up(
            core,
            format_args!("cannot start the export thread: {error}"),
        );
    }
}

fn run(recorder: &'static Recorder, core: &'static Core, factory: &ExporterFactory) {
    core.enter_export_thread();
    // Neither the exporter's own requests nor what it calls are traced.
    let _quiet = Context::default().with_telemetry_disabled().attach();
    let make = || (factory.0)(Arc::new(move |duration| core.pause(duration)));
    let Ok(exporter) = catch_unwind(AssertUnwindSafe(make)) else {
        return give_up(core, format_args!("making the exporter panicked"));
    };
    let work = || Worker::new(recorder, core, exporter).run();
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        // Whoever waits must not wait for ever.
        give_up(core, format_args!("the export thread panicked"));
    }
}

/// Ends a recorder whose spans cannot leave.
fn give_up(core: &Core, reason: fmt::Arguments<'_>) {
    diagnostics::error(Topic::SetUp, format_args!("spans are dropped: {reason}"));
    core.refuse_rest();
    core.lose_taken();
    core.complete_last(true, 0);
}

struct Worker {
    recorder: &'static Recorder,
    core: &'static Core,
    exporter: Box<dyn Exporter>,
    builder: RequestBuilder,
    /// What decides about whole traces, if something does.
    tail: Option<Tail>,
    /// What writes out what the flight recorder holds, if there is one.
    recovery: Option<Recovery>,
    /// The encoded `Resource` of this process, which may be the child of a fork.
    resource: Vec<u8>,
}

impl Worker {
    fn new(recorder: &'static Recorder, core: &'static Core, exporter: Box<dyn Exporter>) -> Self {
        core.note_destination(exporter.destination());
        let config = &recorder.config;
        let (head, tail) = (config.sampler.root_threshold(), config.tail.as_ref());
        Self {
            recorder,
            core,
            exporter,
            builder: RequestBuilder::bounded(config.caps.request),
            tail: tail.map(|policy| Tail::new(policy, head, core.aside())),
            recovery: config.flight_recorder.map(Recovery::new),
            resource: (config.resource)(),
        }
    }

    fn run(&mut self) {
        loop {
            let interval = self.recorder.config.interval;
            let round = self.core.next_round(interval, self.tail.is_some());
            Clock::global().calibrate(interval);
            let now = Instant::now();
            let delivered = self.export(&round, now);
            let (also_delivered, recovered) = self.recover(round.wants_snapshot, now);
            let failed = !(delivered & also_delivered);
            self.core.recycle(round.chunks);
            if let Some(deadline) = round.stop {
                self.finish(deadline);
                return self.core.complete_last(failed, recovered);
            }
            self.core.complete(round.request, failed, recovered);
        }
    }

    fn finish(&mut self, deadline: Instant) {
        let exporter = &mut self.exporter;
        let _panicked = catch_unwind(AssertUnwindSafe(|| exporter.shutdown(deadline))).is_err();
        self.core.refuse_rest();
        self.core.say_losses(None);
    }

    /// Takes over the share of traces that was asked for since the last round.
    fn follow_ratio(&mut self) {
        let Some(ratio) = self.recorder.sampler.tail_ratio() else {
            return;
        };
        if let Some(tail) = &mut self.tail {
            return tail.set_ratio(ratio);
        }
        let policy = TailPolicy::new(ratio);
        self.tail = Some(Tail::new(&policy, Some(0), self.core.aside()));
    }

    /// Sends what is kept of a round, in as many requests as needed. `false` if any span was lost.
    fn export(&mut self, round: &Round, now: Instant) -> bool {
        let mut delivered = true;
        // After the round was taken: whatever is undecided in it was so after the ratio was set.
        self.follow_ratio();
        match self.tail.take() {
            None => {
                for chunk in &round.chunks {
                    delivered &= self.keep(&chunk.bytes, &[], now);
                }
            }
            Some(mut tail) => {
                let totals = &self.core.totals;
                let mut keep = |records: &[u8], end: &[u8]| {
                    delivered &= self.keep(records, end, now);
                };
                let chunks = (round.chunks.as_slice(), round.settled);
                tail.sort(chunks, now, totals, &mut keep);
                if round.stop.is_some() {
                    tail.finish(totals, &mut keep);
                }
                let left = tail.waiting_spans() + self.builder.span_count();
                self.core.totals.taken.hold(left);
                let peak = tail.take_peak_waiting_bytes();
                self.core.hold_bytes(tail.waiting_bytes(), peak);
                self.tail = Some(tail);
            }
        }
        delivered & self.send()
    }

    /// Writes out what the flight recorder holds, if there is a cause: whether it was delivered, and
    /// how many spans it was.
    fn recover(&mut self, wants_snapshot: bool, now: Instant) -> (bool, u64) {
        let (core, mut delivered) = (self.core, true);
        let Some(mut recovery) = self.recovery.take() else {
            return (true, 0);
        };
        let mut add = |records: &[u8], end: &[u8]| delivered &= self.add(records, end);
        let recovered = recovery.recover(wants_snapshot, now, core, &mut add);
        self.recovery = Some(recovery);
        (delivered & self.send(), recovered)
    }

    /// Exports records that are kept, each span with `end` behind it.
    fn keep(&mut self, records: &[u8], end: &[u8], now: Instant) -> bool {
        if let Some(recovery) = &mut self.recovery {
            recovery.watch(records, now);
        }
        self.add(records, end)
    }

    /// Adds records to the request, and sends each one that is full.
    fn add(&mut self, mut records: &[u8], end: &[u8]) -> bool {
        let mut delivered = true;
        while !records.is_empty() {
            records = self.builder.add(records, end);
            if self.builder.is_full() {
                delivered &= self.send();
            }
        }
        delivered
    }

    /// When the exporter has to give up: after its own time, whoever waits for a shorter one; only a
    /// shutdown hurries it.
    fn deadline(&self) -> Instant {
        let own = Instant::now() + self.recorder.config.export_timeout;
        self.core.stop_deadline().map_or(own, |stop| stop.min(own))
    }

    fn send(&mut self) -> bool {
        if self.builder.is_empty() {
            return true;
        }
        let spans = self.builder.span_count();
        let deadline = self.deadline();
        let bytes = self.builder.finish(&self.resource);
        let request = EncodedRequest::new(bytes, spans);
        let exporter = &mut self.exporter;
        self.core.totals.taken.send(spans);
        let result = catch_unwind(AssertUnwindSafe(|| exporter.export(&request, deadline)));
        self.core.totals.taken.settle();
        let delivered = self.settle(spans, result.ok());
        self.builder.clear();
        delivered
    }

    fn settle(&self, spans: u64, result: Option<Result<Exported, ExportError>>) -> bool {
        let totals = &self.core.totals;
        match result {
            Some(Ok(Exported { rejected, message })) => {
                let rejected = rejected.min(spans);
                totals.exported(spans - rejected);
                totals.dropped(DropReason::Rejected, rejected);
                self.quote(rejected, spans, message.as_deref());
                rejected == 0
            }
            Some(Err(error)) => {
                let lost = self.lose(spans, format_args!("{error}"));
                if !error.is_retryable() {
                    totals.refused(spans);
                }
                lost
            }
            None => {
                let name = self.exporter.name();
                self.lose(spans, format_args!("the exporter {name} panicked"))
            }
        }
    }

    /// Says what the receiver had to say about a request that it took.
    fn quote(&self, rejected: u64, spans: u64, message: Option<&str>) {
        let destination = self.exporter.destination();
        let reason = message.unwrap_or("no reason given");
        if rejected > 0 {
            let text = format_args!(
                "{rejected} of {spans} spans rejected: {reason}; look into the receiver's log, and \
                 at its limits [{destination}]"
            );
            diagnostics::warn(Topic::SpansRejected, text);
        } else if message.is_some() {
            let text = format_args!("the receiver warns: {reason} [{destination}]");
            diagnostics::warn(Topic::SpansRejected, text);
        }
    }

    /// Counts the spans of a request that did not arrive.
    fn lose(&self, spans: u64, reason: fmt::Arguments<'_>) -> bool {
        self.core.totals.dropped(DropReason::ExportFailed, spans);
        let text = format_args!("{spans} spans lost: {reason}");
        diagnostics::warn(Topic::ExporterFailed, text);
        false
    }
}
