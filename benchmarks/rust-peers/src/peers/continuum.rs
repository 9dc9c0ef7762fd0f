//! Our own SDK.
use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use continuum_observability::{
    Baggage, Context, EncodedRequest, ExportError, Exported, Exporter, ExporterConfig, FutureExt, Sampler, SpanContext,
    SpanId, TailPolicy, Telemetry, TelemetryBuilder, TraceFlags, TraceId, TraceState, Tracer, extract_trace_context,
    get_tracer, inject_context,
};

use super::{Carrier, DELIVERED, Mode, Peer};
use crate::measure::{YieldOnce, block_on};

struct DropExporter;

impl Exporter for DropExporter {
    fn export(&mut self, request: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        DELIVERED.fetch_add(request.span_count(), Relaxed);
        black_box(request.bytes());
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "drop"
    }
}

pub struct Continuum {
    pub(crate) telemetry: Option<Telemetry>,
    pub(crate) tracer: Tracer,
    cx: Context,
}

async fn leaf(x: u64) -> u64 {
    YieldOnce::default().await;
    black_box(x) + 1
}

fn telemetry(mode: Mode, keep: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> Option<Telemetry> {
    let ratio = |ratio| Sampler::parent_based(Sampler::TraceIdRatio(ratio));
    let builder = Telemetry::builder().service_name("bench");
    let builder = match mode {
        Mode::Disabled => return None,
        Mode::Drop => builder.sampler(ratio(1.0)).exporter_with("drop", || Box::new(DropExporter)),
        Mode::Unsampled => builder.sampler(ratio(0.0)).exporter_with("drop", || Box::new(DropExporter)),
        Mode::Export { grpc, tuned, port } => {
            assert!(!grpc, "this SDK exports OTLP over HTTP only; run.sh leaves its gRPC row out");
            let endpoint = format!("http://127.0.0.1:{port}/v1/traces");
            let builder = builder.exporter(ExporterConfig::otlp(endpoint));
            if tuned { builder.memory_budget_bytes(24 << 20) } else { builder }
        }
    };
    Some(keep(builder).init().unwrap())
}

impl Continuum {
    /// With more said about what is kept.
    fn keeping(mode: Mode, keep: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> Self {
        let parent = SpanContext::new(
            TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128),
            SpanId::from(0xb7ad_6b71_6920_3331_u64),
            TraceFlags::SAMPLED,
            false,
            TraceState::EMPTY,
        );
        let mut baggage = Baggage::new();
        for (key, value) in [("tenant", "acme"), ("user.id", "42"), ("region", "eu-west-1")] {
            baggage.insert(key, value).unwrap();
        }
        Continuum {
            telemetry: telemetry(mode, keep),
            tracer: get_tracer("bench"),
            cx: Context::root().with_remote_span_context(parent).with_baggage(baggage),
        }
    }
}

impl Peer for Continuum {
    fn init(mode: Mode) -> Self {
        Self::keeping(mode, |builder| builder)
    }

    fn trace(&self, i: u64) {
        let _root = self.tracer.start_as_current_span("root");
        let child = self.tracer.start_span("child");
        child.set_attribute("http.method", "GET");
        child.set_attribute("http.route", "/users/{id}");
        child.set_attribute("user.id", black_box(i) as i64);
        child.set_attribute("score", black_box(0.25 + i as f64));
    }

    fn trace100(&self, i: u64) {
        let _root = self.tracer.start_as_current_span("root");
        for n in 0..100 {
            let child = self.tracer.start_span("child");
            child.set_attribute("db.system", "postgresql");
            child.set_attribute("db.operation", "SELECT");
            child.set_attribute("row", black_box(i + n) as i64);
        }
    }

    fn async100(&self, i: u64) {
        let _root = self.tracer.start_as_current_span("root");
        for n in 0..100 {
            black_box(block_on(leaf(i + n).in_span(self.tracer.start_span("leaf"))));
        }
    }

    fn inject(&self, c: &mut Carrier) -> bool {
        inject_context(&self.cx, c);
        true
    }

    fn extract(&self, c: &Carrier) -> bool {
        black_box(extract_trace_context(c)).baggage().len() == 3
    }

    /// Waits for the sink, as a batch job that must lose nothing would.
    fn relieve(&self) {
        self.flush();
    }

    fn flush(&self) {
        if let Some(telemetry) = &self.telemetry {
            let _late = telemetry.force_flush(Duration::from_secs(120));
        }
    }
}

/// Our own SDK, whose traces wait until their root has ended: all are kept, or, with `FLIGHT`, none but those of
/// the last moments, in a ring.
pub struct Keeping<const FLIGHT: bool>(Continuum);

/// Traces of S1 that take more than the ring of the flight recorder.
const RING_TRACES: u64 = 30_000;

impl<const FLIGHT: bool> Peer for Keeping<FLIGHT> {
    /// With a ring that has gone round once: its memory is there, as in any program but one that has just begun.
    fn init(mode: Mode) -> Self {
        let peer = Self(match (FLIGHT, mode) {
            (true, Mode::Drop) => Continuum::keeping(Mode::Unsampled, |builder| builder.flight_recorder(8 << 20)),
            (false, Mode::Drop) => Continuum::keeping(mode, |builder| builder.tail(TailPolicy::new(1.0))),
            _ => panic!("this peer records, and drops what it has recorded"),
        });
        for i in 0..if FLIGHT { RING_TRACES } else { 0 } {
            peer.trace(i);
        }
        peer
    }

    fn trace(&self, i: u64) {
        self.0.trace(i)
    }

    fn trace100(&self, i: u64) {
        self.0.trace100(i)
    }

    fn async100(&self, i: u64) {
        self.0.async100(i)
    }

    fn flush(&self) {
        self.0.flush()
    }
}
