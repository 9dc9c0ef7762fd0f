//! A value under a key that names a secret reaches no exporter and no other process.
//!
//! Every way out is searched for its bytes. Telemetry is set up once for a process, hence a binary
//! of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use continuum_observability::{
    ConsoleExporter, EncodedRequest, ExportError, Exported, Exporter, FileExporter,
    InMemoryExporter, SpanContext, SpanId, Telemetry, TraceFlags, TraceId, TraceState, TreeStyle,
    Value, get_tracer, inject_trace_context, set_baggage,
};
use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

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
        });
    headers
}

#[test]
fn no_exporter_and_no_header_carries_a_secret() {
    let (wire, file, console) = (Page::default(), Page::default(), Page::default());
    let memory = InMemoryExporter::new(10);
    let (to_wire, to_file, to_console, to_memory) =
        (wire.clone(), file.clone(), console.clone(), memory.clone());
    let telemetry = Telemetry::builder()
        .resource_attribute("deploy.api_key", SECRET)
        .exporter_with("wire", move || Box::new(Wire(to_wire.clone())))
        .exporter_with("file", move || {
            Box::new(FileExporter::new(Box::new(to_file.clone()), "page"))
        })
        .exporter_with("console", move || {
            let out = Box::new(to_console.clone());
            Box::new(ConsoleExporter::new(out, TreeStyle::snapshot()))
        })
        .exporter_with("memory", move || Box::new(to_memory.clone()))
        .init()
        .unwrap();
    let headers = tell_secrets();
    telemetry.shutdown(Duration::from_secs(20)).unwrap();

    for (name, page) in [("wire", wire), ("file", file), ("console", console)] {
        assert!(page.has(HARMLESS), "{name} has been written to");
        assert!(
            page.has("[redacted]"),
            "{name} shows that something was there"
        );
        assert!(!page.has(SECRET), "{name} carries the secret");
    }
    let spans = format!("{:?}", memory.spans());
    assert!(
        spans.contains(HARMLESS) && !spans.contains(SECRET),
        "{spans}"
    );
    let headers = format!("{headers:?}");
    assert!(
        headers.contains(HARMLESS) && !headers.contains(SECRET),
        "{headers}"
    );
}
