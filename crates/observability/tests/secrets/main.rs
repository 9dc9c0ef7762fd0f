//! A value under a key that names a secret reaches no exporter and no other process.
//!
//! Every way out is searched for its bytes. Telemetry is set up once for a process, hence a binary
//! of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod receivers;

use continuum_observability::{
    ConsoleExporter, EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, FileExporter,
    InMemoryExporter, OtlpGrpcExporter, OtlpHttpExporter, SpanContext, SpanId, Telemetry,
    TraceFlags, TraceId, TraceState, TreeStyle, Value, ZipkinExporter, get_tracer,
    inject_trace_context,
    interop::{opentelemetry_0_33, opentelemetry_sdk_0_33::SdkExporter, tracing::ContinuumLayer},
    set_baggage,
};
use opentelemetry::{
    KeyValue, global,
    trace::{Span as _, SpanBuilder, Tracer as _},
};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tracing_subscriber::layer::SubscriberExt as _;

const SECRET: &str = "hunter2-is-not-for-you";
const HARMLESS: &str = "to-be-seen";

/// Bytes that an exporter writes and the test reads.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn has(&self, text: &str) -> bool {
        let bytes = self.0.lock().unwrap();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes that OTLP would send.
struct Wire(Page);

impl Exporter for Wire {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _: Instant,
    ) -> Result<Exported, ExportError> {
        self.0.0.lock().unwrap().extend_from_slice(request.bytes());
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "wire"
    }
}

fn other_span() -> SpanContext {
    let (trace, span) = (TraceId::from(1_u128), SpanId::from(2_u64));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::EMPTY)
}

fn tell_secrets() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    let pair = |key: &'static str| [(key, Value::from(SECRET)), ("note", HARMLESS.into())];
    get_tracer("secrets")
        .span_builder("login")
        .attribute("db.password", SECRET)
        .attribute("user.note", HARMLESS)
        .link_with(other_span(), pair("clientSecret").to_vec())
        .in_scope(|span| {
            for _ in 0..2 {
                span.set_attribute("auth_token", SECRET);
                span.set_attribute("http.request.header.authorization", vec![SECRET]);
            }
            let credentials = vec![
                ("password".into(), SECRET.into()),
                ("note".into(), HARMLESS.into()),
            ];
            span.set_attribute("login", Value::Map(credentials));
            span.add_event("refused", &pair("api_key"));
            span.add_link(&other_span(), &pair("session.cookie"));
            set_baggage("refresh_token", SECRET);
            set_baggage("note", HARMLESS);
            inject_trace_context(&mut headers);
            span.record_error(&refused());
        });
    headers
}

/// An error of an HTTP client, with the URL in its text.
fn refused() -> io::Error {
    let text = format!("no answer from http://ann:{SECRET}@peer/sync?token={SECRET}: {HARMLESS}");
    io::Error::other(text)
}

/// The same through the API of `opentelemetry`.
fn tell_secrets_to_opentelemetry() {
    let pair = |key: &'static str| [KeyValue::new(key, SECRET), KeyValue::new("note", HARMLESS)];
    let tracer = global::tracer("secrets");
    let builder = SpanBuilder::from_name("login").with_attributes(pair("DBPassword"));
    let mut span = tracer.build(builder);
    span.set_attributes(pair("APIToken"));
    span.add_event("refused", pair("access_tokens").to_vec());
    span.add_link((&other_span()).into(), pair("oauth2Token").to_vec());
    span.record_error(&refused());
    span.set_status(opentelemetry::trace::Status::error(refused().to_string()));
    span.end();
}

/// The same through `tracing`.
fn tell_secrets_to_tracing() {
    // For this thread only: the receivers speak HTTP/2 with a library that traces itself.
    let subscriber = tracing_subscriber::registry().with(ContinuumLayer::new("secrets"));
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("login", password1 = SECRET, note = HARMLESS);
        span.in_scope(|| tracing::info!(signing_key = SECRET, note = HARMLESS, "refused"));
    });
}

/// Sets telemetry up with every way out; those whose bytes are kept are on the pages.
fn set_up(pages: &[Page; 6], memory: &InMemoryExporter, sdk: &InMemorySpanExporter) -> Telemetry {
    let [wire, file, console, http, grpc, zipkin] = pages.clone();
    let (memory, sdk) = (memory.clone(), sdk.clone());
    let at = |port, path| EndpointConfig::new(format!("http://127.0.0.1:{port}{path}"));
    let http = at(receivers::http(http), "/v1/traces");
    let grpc = at(receivers::grpc(grpc), "");
    let zipkin = at(receivers::http(zipkin), "/api/v2/spans");
    Telemetry::builder()
        .resource_attribute("deploy.api_key", SECRET)
        .exporter_with("wire", move || Box::new(Wire(wire.clone())))
        .exporter_with("file", move || {
            Box::new(FileExporter::new(Box::new(file.clone()), "page"))
        })
        .exporter_with("console", move || {
            let out = Box::new(console.clone());
            Box::new(ConsoleExporter::new(out, TreeStyle::snapshot()))
        })
        .exporter_with("memory", move || Box::new(memory.clone()))
        .exporter_with("http", move || {
            Box::new(OtlpHttpExporter::new(http.clone()).unwrap())
        })
        .exporter_with("grpc", move || {
            Box::new(OtlpGrpcExporter::new(grpc.clone()).unwrap())
        })
        .exporter_with("zipkin", move || {
            Box::new(ZipkinExporter::new(zipkin.clone()).unwrap())
        })
        .exporter_with("sdk", move || Box::new(SdkExporter::new(sdk.clone())))
        .init()
        .unwrap()
}

#[test]
fn no_exporter_and_no_header_carries_a_secret() {
    opentelemetry_0_33::install().unwrap();
    let pages: [Page; 6] = Default::default();
    let (memory, sdk) = (InMemoryExporter::new(10), InMemorySpanExporter::default());
    let telemetry = set_up(&pages, &memory, &sdk);
    let headers = tell_secrets();
    tell_secrets_to_opentelemetry();
    tell_secrets_to_tracing();
    telemetry.force_flush(Duration::from_secs(20)).unwrap();
    let in_memory = format!("{:?}", memory.spans());
    let in_sdk = format!("{:?}", sdk.get_finished_spans().unwrap());
    telemetry.shutdown(Duration::from_secs(20)).unwrap();
    assert_eq!(telemetry.stats().exported, 3, "everybody was served");

    let names = ["wire", "file", "console", "http", "grpc", "zipkin"];
    for (name, page) in names.iter().zip(pages) {
        assert!(page.has(HARMLESS), "{name} has been written to");
        for shown in [
            "[redacted]",
            "http://REDACTED:REDACTED@peer/sync?token=REDACTED",
        ] {
            assert!(page.has(shown), "{name} shows that something was there");
        }
        assert!(!page.has(SECRET), "{name} carries the secret");
    }
    for text in [in_memory, in_sdk, format!("{headers:?}")] {
        assert!(text.contains(HARMLESS) && !text.contains(SECRET), "{text}");
    }
}
