//! What the exporter was given.

use crate::subject::decoded;
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, SpanLimits, Telemetry,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span,
};
use prost::Message as _;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

const PLENTY: Duration = Duration::from_secs(30);

type Requests = Arc<Mutex<Vec<Vec<u8>>>>;

/// Telemetry whose exporter keeps the bytes.
pub(crate) struct Receiver {
    telemetry: Telemetry,
    requests: Requests,
    _alone: MutexGuard<'static, ()>,
}

struct Keep(Requests);

impl Exporter for Keep {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _: Instant,
    ) -> Result<Exported, ExportError> {
        self.0.lock().unwrap().push(request.bytes().to_vec());
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "keep"
    }
}

impl Receiver {
    pub(crate) fn start(limits: SpanLimits) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = Requests::default();
        let kept = requests.clone();
        let telemetry = Telemetry::builder()
            .service_name("model")
            .span_limits(limits)
            .exporter_with("keep", move || Box::new(Keep(kept.clone())))
            .init()
            .unwrap();
        Self {
            telemetry,
            requests,
            _alone: alone,
        }
    }

    /// Everything that was exported, by span id; checks the envelope and the accounts.
    pub(crate) fn stop(self, spans: u64) -> HashMap<Vec<u8>, Span> {
        self.telemetry.shutdown(PLENTY).unwrap();
        let stats = self.telemetry.stats();
        assert_eq!((stats.started, stats.exported), (spans, spans));
        assert_eq!(
            (stats.sampled_out, stats.dropped(), stats.pending),
            (0, 0, 0)
        );
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .for_each(|bytes| assert_names_service(bytes));
        requests.iter().flat_map(|bytes| decoded(bytes)).collect()
    }
}

fn assert_names_service(request: &[u8]) {
    let request = ExportTraceServiceRequest::decode(request).unwrap();
    for spans in request.resource_spans {
        let mut attributes = spans.resource.expect("a resource").attributes.into_iter();
        assert!(attributes.any(|attribute| attribute.key == "service.name"));
    }
}
