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

use super::{EncodedRequest, ExportError, Exported, Exporter, Pause, request::RequestBuilder};
use crate::{
    context::Context,
    diagnostics,
    recorder::{Clock, Core, DropReason, Recorder},
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
    let run = move || {
        // What sending does, perhaps through libraries that are traced themselves, is never traced.
        let _untraced = Context::root().with_telemetry_disabled().attach();
        let make = || (factory.0)(Arc::new(move |duration| core.pause(duration)));
        let Ok(exporter) = catch_unwind(AssertUnwindSafe(make)) else {
            diagnostics::warn(format_args!(
                "spans are dropped: making the exporter panicked"
            ));
            core.complete_last(u64::MAX, true);
            return;
        };
        let mut worker = Worker {
            recorder,
            core,
            exporter,
            builder: RequestBuilder::default(),
        };
        if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
            // Whoever waits must not wait for ever.
            core.complete_last(u64::MAX, true);
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("continuum-export".into())
        .spawn(run)
    {
        diagnostics::warn(format_args!(
            "cannot start the export thread, spans are dropped: {error}"
        ));
        core.complete_last(u64::MAX, true);
    }
}

struct Worker {
    recorder: &'static Recorder,
    core: &'static Core,
    exporter: Box<dyn Exporter>,
    builder: RequestBuilder,
}

impl Worker {
    fn run(&mut self) {
        loop {
            let round = self.core.next_round(self.recorder.config.interval);
            Clock::global().calibrate();
            let limit = Instant::now() + self.recorder.config.export_timeout;
            let asked = round.stop.or(round.flush_deadline);
            let failed = !self.export(&round.chunks, asked.map_or(limit, |asked| asked.min(limit)));
            self.core.recycle(round.chunks);
            if let Some(deadline) = round.stop {
                self.finish(deadline);
                self.core.complete_last(round.request, failed);
                return;
            }
            if round.request > 0 {
                self.core.complete(round.request, failed);
            }
        }
    }

    fn finish(&mut self, deadline: Instant) {
        let exporter = &mut self.exporter;
        let _panicked = catch_unwind(AssertUnwindSafe(|| exporter.shutdown(deadline))).is_err();
        let stats = self.core.stats();
        if stats.dropped() > 0 {
            diagnostics::warn(format_args!(
                "{} of {} spans were lost: {} because the byte budget was spent, {} because \
                 exporting failed, {} rejected by the receiver",
                stats.dropped(),
                stats.started,
                stats.dropped_budget_spent,
                stats.dropped_export_failed,
                stats.dropped_rejected,
            ));
        }
    }

    /// Sends all chunks, in as many requests as needed. `false` if any span was lost.
    fn export(&mut self, chunks: &[crate::recorder::Chunk], deadline: Instant) -> bool {
        let mut delivered = true;
        for chunk in chunks {
            self.builder.add(&chunk.bytes);
            if self.builder.is_full() {
                delivered &= self.send(deadline);
            }
        }
        delivered & self.send(deadline)
    }

    fn send(&mut self, deadline: Instant) -> bool {
        if self.builder.is_empty() {
            return true;
        }
        let spans = self.builder.span_count();
        let bytes = self.builder.finish(&self.recorder.config.resource);
        let request = EncodedRequest::new(bytes, spans);
        let exporter = &mut self.exporter;
        let result = catch_unwind(AssertUnwindSafe(|| exporter.export(&request, deadline)));
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
                if rejected > 0 || message.is_some() {
                    let message = message.unwrap_or_default();
                    diagnostics::warn(format_args!(
                        "{} rejected {rejected} of {spans} spans: {message}",
                        self.exporter.name()
                    ));
                }
                rejected == 0
            }
            Some(Err(error)) => {
                totals.dropped(DropReason::ExportFailed, spans);
                diagnostics::warn(format_args!("{spans} spans lost: {error}"));
                false
            }
            None => {
                totals.dropped(DropReason::ExportFailed, spans);
                diagnostics::warn(format_args!(
                    "{spans} spans lost: the exporter {} panicked",
                    self.exporter.name()
                ));
                false
            }
        }
    }
}
