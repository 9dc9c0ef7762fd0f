//! The log lines of `tracing_subscriber`.

use continuum_observability::{
    Sampler, SpanContext, SpanLimits, get_current_span, get_tracer,
    interop::{opentelemetry_0_33, tracing::ContinuumLayer},
    layers::memory::trace_recall,
    logs::TraceFormat,
    set_baggage,
    testing::TestRecorder,
};
use opentelemetry::{global, trace::Tracer as _};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing::Subscriber;
use tracing_subscriber::{
    fmt::{MakeWriter, format},
    layer::SubscriberExt as _,
};

/// What was written so far.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn text(written: &Written) -> impl Subscriber + Send + Sync {
    let inner = format().without_time().with_target(false).with_ansi(false);
    let lines = tracing_subscriber::fmt().with_writer(written.clone());
    let lines = lines.event_format(TraceFormat::text_of(inner)).finish();
    lines.with(ContinuumLayer::new("test"))
}

fn json(written: &Written) -> impl Subscriber + Send + Sync {
    let inner = format().json().flatten_event(true);
    let lines = tracing_subscriber::fmt()
        .with_writer(written.clone())
        .json();
    lines.event_format(TraceFormat::json_of(inner)).finish()
}

/// The end of a line of text in this span.
fn ids(span: &SpanContext) -> String {
    let flags = span.trace_flags().to_u8();
    let (trace_id, span_id) = (span.trace_id(), span.span_id());
    format!("trace_id={trace_id} span_id={span_id} trace_flags={flags:02x}")
}

fn logged<S: Subscriber + Send + Sync>(
    subscriber: S,
    recorder: &TestRecorder,
    work: impl FnOnce(),
) {
    tracing::subscriber::with_default(subscriber, || recorder.run(work));
}

/// The line of one event.
pub(crate) fn one() -> String {
    let written = Written::default();
    tracing::subscriber::with_default(text(&written), || tracing::info!("said"));
    written.take()
}

#[test]
fn a_line_of_text_ends_with_the_span_that_is_current_whoever_made_it() {
    opentelemetry_0_33::install().unwrap();
    let (written, recorder) = (Written::default(), TestRecorder::new());
    let mut expected = Vec::new();
    logged(text(&written), &recorder, || {
        let mut log = |what: &str| {
            tracing::info!(number = 7, "{what}");
            let ids = ids(&get_current_span().span_context());
            let opened = if what == "traced" { "traced: " } else { "" };
            expected.push(format!(" INFO {opened}{what} number=7 {ids}\n"));
        };
        get_tracer("test").in_scope("native", |_| log("native"));
        tracing::info_span!("traced").in_scope(|| log("traced"));
        global::tracer("test").in_span("api", |_| log("api"));
    });
    assert_eq!(written.take(), expected.concat());
    assert_eq!(recorder.spans().len(), 3);
}

#[test]
fn outside_of_a_span_a_line_stays_as_it_is() {
    let written = Written::default();
    logged(text(&written), &TestRecorder::new(), || {
        tracing::info!("alone");
    });
    assert_eq!(written.take(), " INFO alone\n");
}

#[test]
fn a_span_that_is_sampled_out_has_ids_too() {
    let written = Written::default();
    let recorder = TestRecorder::with(Sampler::AlwaysOff, SpanLimits::default());
    let mut expected = String::new();
    logged(text(&written), &recorder, || {
        get_tracer("test").in_scope("unseen", |span| {
            tracing::info!("seen");
            expected = ids(&span.span_context());
        });
    });
    assert!(expected.ends_with("trace_flags=02"), "{expected}");
    assert_eq!(written.take(), format!(" INFO seen {expected}\n"));
}

#[test]
fn an_object_of_json_has_the_ids_as_fields() {
    let (written, recorder) = (Written::default(), TestRecorder::new());
    let mut span = SpanContext::default();
    logged(json(&written), &recorder, || {
        tracing::info!("alone");
        trace_recall("?").tenant_id("a\"\n}").in_scope(|current| {
            span = current.span_context();
            tracing::warn!(status = 503, why = "}", "not now");
        });
    });
    let written = written.take();
    let objects: Vec<serde_json::Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 2, "{written}");
    assert_eq!(objects[0].get("trace_id"), None);
    let object = &objects[1];
    assert_eq!(object["level"], "WARN");
    assert_eq!(object["message"], "not now");
    assert_eq!(object["status"], 503);
    assert_eq!(object["why"], "}");
    assert_eq!(object["trace_id"], span.trace_id().to_string());
    assert_eq!(object["span_id"], span.span_id().to_string());
    assert_eq!(object["trace_flags"], "03");
    assert_eq!(object["tenant_id"], "a\"\n}");
}

#[test]
fn the_tenant_is_that_of_the_span_or_of_the_request() {
    let written = Written::default();
    logged(text(&written), &TestRecorder::new(), || {
        get_tracer("test").in_scope("request", |_| {
            set_baggage("tenant_id", "of the request");
            tracing::info!("one");
            trace_recall("?")
                .tenant_id("of\nthe span")
                .in_scope(|_| tracing::info!("two"));
        });
    });
    let written = written.take();
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].ends_with(" tenant_id=\"of the request\""));
    assert!(lines[1].ends_with(" tenant_id=\"of\\nthe span\""));
}
