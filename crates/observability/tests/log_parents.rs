//! Log lines of events that name their parent. A process of its own: the subscriber is the default of all of it.

use continuum_observability::{
    get_tracer,
    interop::tracing::{ContinuumLayer, SpanExt as _},
    logs::TraceFormat,
    testing::TestRecorder,
};
use std::{
    io,
    sync::{Mutex, PoisonError},
};
use tracing_subscriber::{fmt::format, layer::SubscriberExt as _};

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps what is written.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_has_the_ids_of_the_parent_that_is_given_to_its_event() {
    let inner = format().without_time().with_target(false).with_ansi(false);
    let lines = tracing_subscriber::fmt().with_writer(|| Lines);
    let lines = lines.event_format(TraceFormat::text_of(inner)).finish();
    tracing::subscriber::set_global_default(lines.with(ContinuumLayer::new("test"))).unwrap();
    let mut named = None;
    TestRecorder::new().run(|| {
        let span = tracing::info_span!("named");
        named = Some(span.span_context());
        get_tracer("test").in_scope("current", |_| {
            tracing::info!(parent: &span, "below");
            tracing::info!(parent: None, "alone");
        });
    });
    let named = named.unwrap();
    let ids = format!("trace_id={} span_id={}", named.trace_id(), named.span_id());
    let written = String::from_utf8(WRITTEN.lock().unwrap().clone()).unwrap();
    assert_eq!(
        written,
        format!(" INFO named: below {ids} trace_flags=03\n INFO alone\n")
    );
}
