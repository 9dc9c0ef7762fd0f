//! The flight recorder on the export thread: on demand, at an error, at the end.

use crate::{PLENTY, alone, into_memory, names, record, told::into_told, wait_for};
use continuum_observability::{
    ExporterConfig, FlightRecorder, FlushError, InMemoryExporter, Sampler, Status, Telemetry,
    TelemetryBuilder, get_tracer,
};
use std::{pin::pin, task, thread, time::Duration};

const BYTES: usize = 1 << 20;

fn flying() -> (TelemetryBuilder, InMemoryExporter) {
    let (builder, spans) = into_memory();
    let builder = builder.sampler(Sampler::parent_based(Sampler::AlwaysOff));
    (builder.flight_recorder(BYTES), spans)
}

#[test]
fn a_snapshot_writes_everything_out_once() {
    let _alone = alone();
    let (builder, spans) = flying();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("first");
    thread::Builder::new()
        .spawn(|| record("second"))
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    assert_eq!(names(&spans), [""; 0], "a flush is none");
    assert_eq!(telemetry.snapshot(PLENTY), Ok(2));
    let taken = spans.take();
    for span in &taken {
        let cause = span.attribute("continuum.flight_recorder.cause");
        assert_eq!(format!("{cause:?}"), r#"Some(String("snapshot"))"#);
        assert_eq!(span.attribute("continuum.flight_recorder.trace_id"), None);
    }
    assert_eq!(taken.len(), 2);
    assert_eq!(telemetry.snapshot(PLENTY), Ok(0));
    record("third");
    assert_eq!(wait_for(telemetry.snapshot_async(PLENTY)), Ok(1));
    assert_eq!(names(&spans), ["third"]);
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.recovered), (3, 3));
    assert_eq!((stats.sampled_out, stats.pending), (0, 0));
}

#[test]
fn a_snapshot_includes_what_is_sampled_and_without_a_flight_recorder_nothing_else() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("sampled");
    assert_eq!(telemetry.snapshot(PLENTY), Ok(0));
    assert_eq!(names(&spans), ["sampled"]);
    telemetry.set_sampler(Sampler::AlwaysOff);
    get_tracer("test").in_scope("unseen", |span| assert!(!span.is_recording()));
    assert_eq!(telemetry.snapshot(PLENTY), Ok(0));
    assert_eq!(names(&spans), [""; 0]);
}

#[test]
fn an_error_writes_out_what_came_before_it_also_at_the_shutdown() {
    let _alone = alone();
    for shutdown in [false, true] {
        let (builder, spans) = into_memory();
        let telemetry = builder
            .schedule_delay(PLENTY)
            .sampling_rate(0.0)
            .flight_recorder(BYTES)
            .init()
            .unwrap();
        record("before");
        get_tracer("test").in_scope("broken", |span| span.set_status(Status::error("no")));
        let done = if shutdown {
            telemetry.shutdown(PLENTY)
        } else {
            telemetry.force_flush(PLENTY)
        };
        assert_eq!(done, Ok(()));
        assert_eq!(names(&spans), ["broken", "before"]);
        let stats = telemetry.stats();
        assert_eq!((stats.exported, stats.recovered, stats.pending), (2, 1, 0));
    }
}

#[test]
fn a_shutdown_forgets_what_nobody_asked_for() {
    let _alone = alone();
    let (builder, spans) = flying();
    let telemetry = builder.init().unwrap();
    let open = get_tracer("test").start_span("ends later");
    record("forgotten");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    drop(open);
    assert_eq!(telemetry.snapshot(PLENTY), Ok(0));
    assert_eq!(names(&spans), [""; 0]);
    let stats = telemetry.stats();
    assert_eq!(
        (stats.started, stats.sampled_out, stats.dropped()),
        (2, 2, 0)
    );
    assert_eq!((stats.pending, stats.flight_recorder_bytes), (0, 0));
}

#[test]
fn a_snapshot_that_is_not_delivered_is_lost_and_counted_and_keeps_its_deadline() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder
        .schedule_delay(PLENTY)
        .sampler(Sampler::AlwaysOff)
        .flight_recorder(FlightRecorder::new(BYTES))
        .init()
        .unwrap();
    record("lost");
    teller.fail();
    assert_eq!(telemetry.snapshot(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    assert_eq!((stats.dropped_export_failed, stats.recovered), (1, 1));
    assert_eq!((stats.sampled_out, stats.pending), (0, 0));

    record("stuck");
    let timeout = Duration::from_millis(1);
    let timed_out = Err(FlushError::TimedOut { timeout });
    assert_eq!(telemetry.snapshot(timeout), timed_out);
    assert_eq!(wait_for(telemetry.snapshot_async(timeout)), timed_out);
    record("meanwhile");
    let mut patient = pin!(telemetry.snapshot_async(PLENTY));
    let mut context = task::Context::from_waker(task::Waker::noop());
    assert!(patient.as_mut().poll(&mut context).is_pending());
    teller.succeed();
    teller.succeed();
    assert_eq!(wait_for(patient), Ok(1));
    assert_eq!(telemetry.stats().exported, 2);
}

#[test]
fn the_environment_s_flight_recorder_has_as_many_bytes_as_it_says() {
    const FILLED: usize = 20_000;
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter(ExporterConfig::None)
        .variable("OTEL_TRACES_SAMPLER", "always_off")
        .variable("CONTINUUM_FLIGHT_RECORDER", "256KiB")
        .schedule_delay(PLENTY)
        .init()
        .unwrap();
    for _ in 0..FILLED {
        record("one of many");
    }
    let bytes = telemetry.stats().flight_recorder_bytes;
    assert!((200 << 10..=256 << 10).contains(&bytes), "{bytes}");
    let written = telemetry.snapshot(PLENTY).unwrap();
    assert!((500..5_000).contains(&written), "{written}");
    let stats = telemetry.stats();
    assert_eq!(stats.sampled_out + stats.exported, FILLED as u64);
}

#[test]
fn a_flight_recorder_that_is_too_small_is_refused() {
    let _alone = alone();
    let error = Telemetry::builder().flight_recorder(1_000).init();
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("flight_recorder") && said.contains("131072"),
        "{said}"
    );
}
