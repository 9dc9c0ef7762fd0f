//! What exporters do is not traced, although everything else in the process is.
//!
//! The interfaces through which an exporter could trace itself are all connected to the recorder:
//! `tracing`, whose spans the HTTP/2 client makes, the `opentelemetry` API, and the native one.
//! Telemetry and subscriber are set once for a process, hence a binary of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use continuum_observability::{
    EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, OtlpGrpcExporter, Sampler,
    Telemetry, get_tracer,
    interop::{opentelemetry_0_33, tracing::ContinuumLayer},
};
use opentelemetry::{
    Context as ApiContext, global,
    trace::{Span as _, Tracer as _},
};
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, Instant},
};
use tracing_subscriber::layer::SubscriberExt as _;

const PLENTY: Duration = Duration::from_secs(20);

/// Makes a span of each kind, as root and as child, before it sends.
struct Busy(OtlpGrpcExporter);

impl Exporter for Busy {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        make_spans();
        self.0.export(request, deadline)
    }

    fn name(&self) -> &'static str {
        "busy"
    }
}

fn make_spans() {
    get_tracer("test").in_scope("native", |_| {
        tracing::info_span!("child").in_scope(|| tracing::info!("event"));
    });
    tracing::info_span!(parent: None, "root").in_scope(|| ());
    let tracer = global::tracer("api");
    tracer.in_span("api", |_| ());
    tracer
        .start_with_context("api root", &ApiContext::new())
        .end();
}

/// Begins to speak HTTP/2 and hangs up: without an HTTP/2 library, which would trace itself on a
/// thread of ours.
fn half_a_server(connections: usize) -> u16 {
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            stream.write_all(&EMPTY_SETTINGS).unwrap();
            let _preface = stream.read(&mut [0; 1024]);
        }
    };
    thread::Builder::new().spawn(serve).unwrap();
    port
}

#[test]
fn the_work_of_an_exporter_is_not_traced_through_any_interface() {
    let subscriber = tracing_subscriber::registry().with(ContinuumLayer::new("test"));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    opentelemetry_0_33::install().unwrap();
    let port = half_a_server(2);
    let make = move || -> Box<dyn Exporter> {
        let mut config = EndpointConfig::new(format!("http://127.0.0.1:{port}"));
        config.retry.max_attempts = 1;
        Box::new(Busy(OtlpGrpcExporter::new(config).unwrap()))
    };
    let telemetry = Telemetry::builder()
        .exporter_with("busy", make)
        .sampler(Sampler::AlwaysOn)
        .init()
        .unwrap();
    for _ in 0..2 {
        get_tracer("test").in_scope("of the program", |_| ());
        // The receiver is none.
        assert!(telemetry.force_flush(PLENTY).is_err());
    }
    assert_eq!(telemetry.stats().started, 2);

    make_spans();
    assert_eq!(
        telemetry.stats().started,
        2 + 5,
        "the interfaces are connected"
    );
}
