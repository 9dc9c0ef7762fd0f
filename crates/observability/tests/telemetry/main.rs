//! Setting telemetry up and taking it down: one guard for the whole process, hence a binary of its
//! own and one test at a time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod flight_recorder;
mod flush;
mod forgotten;
mod running;
mod tail;
mod told;

use continuum_observability::{
    Carrier, ConfigError, ExporterConfig, InMemoryExporter, PropagationFormat, Sampler, SpanLimits,
    Telemetry, TelemetryBuilder, get_tracer, inject_trace_context, set_baggage,
};
use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

const PLENTY: Duration = Duration::from_secs(30);

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_memory() -> (TelemetryBuilder, InMemoryExporter) {
    let spans = InMemoryExporter::new(100);
    let exporter = spans.clone();
    let builder = Telemetry::builder().exporter_with("memory", move || Box::new(exporter.clone()));
    (builder, spans)
}

fn record(name: &str) {
    get_tracer("test").in_scope(name, |span| span.set_attribute("answer", 42));
}

fn names(spans: &InMemoryExporter) -> Vec<String> {
    spans.take().into_iter().map(|span| span.name).collect()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, without a runtime and without a timer.
fn wait_for<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_dropped_guard_delivers_and_telemetry_can_be_set_up_anew() {
    let _alone = alone();
    for name in ["before", "after"] {
        let (builder, spans) = into_memory();
        let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
        record(name);
        drop(telemetry);
        assert_eq!(names(&spans), [name]);
    }
}

#[test]
fn a_second_guard_is_refused_while_the_first_is_active() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let first = builder.init().unwrap();
    let error = into_memory().0.init().unwrap_err();
    assert_eq!(error, ConfigError::AlreadyActive);
    assert!(error.to_string().contains("shutdown()"), "{error}");
    record("to the first");
    assert_eq!(first.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["to the first"]);
    let second = into_memory().0.init().unwrap();
    assert!(second.is_active() && !first.is_active());
    assert_eq!(
        first.shutdown(PLENTY),
        Ok(()),
        "the first guard leaves the second one alone"
    );
    assert_eq!(
        into_memory().0.init().unwrap_err(),
        ConfigError::AlreadyActive
    );
}

#[test]
fn what_the_builder_cannot_use_leaves_nothing_installed() {
    let _alone = alone();
    let (builder, _) = into_memory();
    builder
        .sampler(Sampler::TraceIdRatio(-1.0))
        .init()
        .unwrap_err();
    let (builder, spans) = into_memory();
    let telemetry = builder.init().unwrap();
    record("works");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["works"]);
}

#[test]
fn sampler_and_limits_of_the_builder_are_those_of_the_spans() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.sampler(Sampler::AlwaysOff).init().unwrap();
    record("sampled out");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(
        (names(&spans), telemetry.stats().sampled_out),
        (Vec::new(), 1)
    );

    let mut limits = SpanLimits::default();
    limits.attributes = 0;
    let (builder, spans) = into_memory();
    let telemetry = builder.span_limits(limits).init().unwrap();
    record("without attributes");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(spans.take()[0].dropped_attributes_count, 1);
}

#[test]
fn a_shutdown_nobody_waits_for_makes_room_for_the_next() {
    let _alone = alone();
    let first = into_memory().0.init().unwrap();
    drop(first.shutdown_async(PLENTY));
    let (builder, spans) = into_memory();
    let second = builder.init().unwrap();
    record("to the second");
    assert_eq!(wait_for(second.shutdown_async(PLENTY)), Ok(()));
    assert_eq!(names(&spans), ["to the second"]);
}

#[test]
fn the_formats_of_the_builder_hold_for_the_process() {
    let _alone = alone();
    let sent = |builder: TelemetryBuilder| {
        let telemetry = builder.exporter(ExporterConfig::None).init().unwrap();
        let mut carrier = Carrier::new();
        get_tracer("test").in_scope("call", |_| {
            for name in ["tenant_id", "plan"] {
                assert!(set_baggage(name, "x"));
            }
            inject_trace_context(&mut carrier);
        });
        assert_eq!(telemetry.stats().started, 1);
        let names: Vec<_> = carrier.iter().map(|(name, _)| name.to_owned()).collect();
        (names, carrier.get("baggage").map(str::to_owned))
    };
    let (names, _) = sent(Telemetry::builder().propagators([PropagationFormat::B3]));
    assert_eq!(names, ["b3"]);
    let (names, _) = sent(Telemetry::builder().propagators([]));
    assert_eq!(names, [""; 0]);
    let (names, baggage) = sent(Telemetry::builder().allow_baggage(["plan"]));
    assert_eq!(names, ["traceparent", "baggage"]);
    assert_eq!(baggage.as_deref(), Some("plan=x"));
}
