//! An exporter that does as it is told.

use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, Telemetry, TelemetryBuilder,
};
use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Instant,
};

pub(crate) type Answer = Result<Exported, ExportError>;

/// What an export was given: the number of spans, and until when.
pub(crate) type Call = (u64, Instant);

/// Waits for an answer in each export.
struct Told(Arc<Mutex<(mpsc::SyncSender<Call>, mpsc::Receiver<Answer>)>>);

impl Exporter for Told {
    fn export(&mut self, request: &EncodedRequest<'_>, deadline: Instant) -> Answer {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A test may not want to know.
        let _unheard = ends.0.try_send((request.span_count(), deadline)).is_err();
        ends.1
            .recv()
            .unwrap_or_else(|_closed| Ok(Exported::default()))
    }

    fn name(&self) -> &'static str {
        "told"
    }
}

/// The other ends of the exporter.
pub(crate) struct Teller {
    pub(crate) answers: mpsc::SyncSender<Answer>,
    pub(crate) calls: mpsc::Receiver<Call>,
}

impl Teller {
    pub(crate) fn succeed(&self) {
        self.answers.send(Ok(Exported::default())).unwrap();
    }

    pub(crate) fn fail(&self) {
        let reason = "told to fail".into();
        let setting = "test";
        self.answers
            .send(Err(ExportError::Config { setting, reason }))
            .unwrap();
    }
}

pub(crate) fn into_told() -> (TelemetryBuilder, Teller) {
    let (answers, told) = mpsc::sync_channel(10);
    let (tell, calls) = mpsc::sync_channel(10);
    let ends = Arc::new(Mutex::new((tell, told)));
    let make = move || -> Box<dyn Exporter> { Box::new(Told(ends.clone())) };
    let builder = Telemetry::builder().exporter_with("told", make);
    (builder, Teller { answers, calls })
}
