//! The flush at a panic, which the program has to ask for.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{builder, over_http, prompt},
    record,
};
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, FlushError, Telemetry,
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// A panic on a thread of its own.
fn panic_elsewhere() {
    let fail = || panic!("failure of the program");
    let failed = thread::Builder::new().spawn(fail).unwrap();
    assert!(failed.join().is_err());
}

#[test]
fn a_panic_delivers_what_was_recorded_before_where_that_was_asked_for() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::None);
    let (builder, _lines) = builder(over_http(&backend));
    let telemetry = builder
        .export_timeout(PLENTY)
        .schedule_delay(PLENTY)
        .init()
        .unwrap();
    record(2);
    panic_elsewhere();
    assert_eq!(backend.spans(), 0);

    telemetry.flush_on_panic(PLENTY);
    telemetry.flush_on_panic(PLENTY);
    panic_elsewhere();
    assert_eq!((backend.spans(), backend.requests()), (2, 1));

    record(3);
    telemetry.flush_on_panic(Duration::ZERO);
    panic_elsewhere();
    assert_eq!(backend.spans(), 2, "switched off");
}

#[test]
fn a_panic_is_held_up_no_longer_than_was_said() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, _lines) = builder(over_http(&backend));
    let telemetry = prompt(builder).init().unwrap();
    telemetry.flush_on_panic(Duration::from_millis(1));
    record(1);
    backend.wait_for_request();
    panic_elsewhere();
    assert_eq!(telemetry.stats().pending, 1);
    backend.set(Fault::None);
    telemetry.flush_on_panic(Duration::ZERO);
}

/// Panics in each export.
struct Panics;

impl Exporter for Panics {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        panic!("failure of the exporter");
    }

    fn name(&self) -> &'static str {
        "panics"
    }
}

#[test]
fn an_exporter_that_panics_does_not_wait_for_itself() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("panics", || Box::new(Panics))
        .init()
        .unwrap();
    telemetry.flush_on_panic(Duration::from_hours(1));
    record(1);
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    telemetry.flush_on_panic(Duration::ZERO);
}
