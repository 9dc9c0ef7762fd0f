//! What a flush promises: everything recorded before, its own outcome, its own deadline.

use crate::{PLENTY, alone, into_memory, names, record, told::into_told, wait_for};
use continuum_observability::{AnyValue, FlushError};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

#[test]
fn a_flush_delivers_what_was_recorded_before_it() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder
        .schedule_delay(PLENTY)
        .service_name("assistant")
        .init()
        .unwrap();
    record("first");
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    let taken = spans.take();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].name, "first");
    let service = taken[0]
        .resource
        .attributes
        .iter()
        .find(|(key, _)| key == "service.name");
    assert_eq!(service.unwrap().1, AnyValue::String("assistant".to_owned()));
    assert_eq!(telemetry.stats().exported, 1);
}

#[test]
fn a_flush_says_when_spans_were_lost_and_when_it_took_too_long() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("lost");
    teller.fail();
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    assert_eq!(telemetry.stats().dropped_export_failed, 1);

    record("stuck");
    let timeout = Duration::from_millis(1);
    assert_eq!(
        telemetry.force_flush(timeout),
        Err(FlushError::TimedOut { timeout })
    );
    teller.succeed();
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(telemetry.stats().exported, 1);
}

#[test]
fn flush_and_shutdown_can_be_awaited_without_a_runtime() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("flushed");
    assert_eq!(wait_for(telemetry.force_flush_async(PLENTY)), Ok(()));
    assert_eq!(names(&spans), ["flushed"]);
    record("shut down");
    assert_eq!(wait_for(telemetry.shutdown_async(Duration::MAX)), Ok(()));
    assert_eq!(names(&spans), ["shut down"]);
    assert_eq!(telemetry.stats().pending, 0);
}

#[test]
fn a_flush_is_told_of_a_round_that_was_under_way_and_failed() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder
        .schedule_delay(Duration::from_millis(1))
        .init()
        .unwrap();
    record("lost by the timer");
    teller.calls.recv().unwrap();
    let flush = telemetry.force_flush_async(PLENTY);
    teller.fail();
    assert_eq!(wait_for(flush), Err(FlushError::SpansLost));
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()), "that was before");
}

#[test]
fn the_outcome_of_a_later_flush_is_not_that_of_an_earlier_one() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("delivered");
    let first = telemetry.force_flush_async(PLENTY);
    teller.succeed();
    assert_eq!(teller.calls.recv().unwrap().0, 1);
    record("lost");
    teller.fail();
    let second = telemetry.force_flush_async(PLENTY);
    assert_eq!(wait_for(second), Err(FlushError::SpansLost));
    record("delivered again");
    teller.succeed();
    let third = telemetry.force_flush(PLENTY);
    assert_eq!((wait_for(first), third), (Ok(()), Ok(())));
}

#[test]
fn a_short_deadline_ends_the_waiting_and_not_the_export() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder
        .schedule_delay(PLENTY)
        .export_timeout(PLENTY)
        .init()
        .unwrap();
    record("slow");
    let timeout = Duration::from_millis(1);
    let begin = Instant::now();
    assert_eq!(
        telemetry.force_flush(timeout),
        Err(FlushError::TimedOut { timeout })
    );
    let (spans, deadline) = teller.calls.recv().unwrap();
    assert!(
        spans == 1 && deadline >= begin + PLENTY,
        "the exporter's own"
    );
    teller.succeed();
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.dropped()), (1, 0));
}

#[test]
fn a_shutdown_hurries_the_exporter() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder
        .schedule_delay(PLENTY)
        .export_timeout(PLENTY)
        .init()
        .unwrap();
    record("last");
    let timeout = Duration::from_millis(1);
    let begin = Instant::now();
    let shutdown = telemetry.shutdown_async(timeout);
    let (_, deadline) = teller.calls.recv().unwrap();
    assert!(deadline < begin + PLENTY);
    teller.succeed();
    drop(shutdown);
}

#[test]
fn an_awaited_flush_and_shutdown_keep_their_deadline_while_the_exporter_is_stuck() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("stuck");
    let timeout = Duration::from_millis(1);
    let timed_out = Err(FlushError::TimedOut { timeout });
    assert_eq!(wait_for(telemetry.force_flush_async(timeout)), timed_out);
    assert_eq!(wait_for(telemetry.force_flush_async(timeout)), timed_out);
    let mut patient = pin!(telemetry.force_flush_async(PLENTY));
    let poll = patient
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll, Poll::Pending);
    teller.succeed();
    assert_eq!(wait_for(patient), Ok(()));
    record("stuck again");
    assert_eq!(wait_for(telemetry.shutdown_async(timeout)), timed_out);
    teller.succeed();
}

#[test]
fn flushes_that_nobody_waits_for_are_forgotten() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("stuck");
    let kept = telemetry.force_flush_async(PLENTY);
    for _ in 0..1_000 {
        drop(telemetry.force_flush_async(PLENTY));
    }
    teller.succeed();
    assert_eq!(wait_for(kept), Ok(()));
}
