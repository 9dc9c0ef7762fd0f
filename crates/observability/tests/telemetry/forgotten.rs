//! A guard that nobody keeps is told about, and no other one.

use crate::{PLENTY, alone, into_memory, names, record};
use continuum_observability::{SpanRef, TelemetryBuilder, get_tracer};
use std::{
    mem::take,
    sync::{Arc, Mutex},
};

/// A builder, and what is said about it.
fn watched() -> (TelemetryBuilder, Arc<Mutex<Vec<String>>>) {
    let said = Arc::<Mutex<Vec<String>>>::default();
    let to = Arc::clone(&said);
    let tell = move |_, line: &str| to.lock().unwrap().push(line.to_owned());
    let builder = into_memory().0.diagnostics(tell);
    (builder, said)
}

#[test]
fn the_first_span_after_a_forgotten_guard_warns_and_no_other_one() {
    let _alone = alone();
    for _ in 0..2 {
        let (builder, said) = watched();
        drop(builder.init().unwrap());
        assert_eq!(take(&mut *said.lock().unwrap()), [""; 0]);
        get_tracer("test").in_scope("first", |_| record("inside"));
        record("second");
        let lines = take(&mut *said.lock().unwrap());
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("keep it: let _telemetry"), "{lines:?}");
        let is_recording = get_tracer("test").in_scope("later", SpanRef::is_recording);
        assert!(!is_recording);
    }
}

#[test]
fn a_guard_that_was_kept_or_shut_down_is_not_spoken_of() {
    let _alone = alone();
    let (builder, said) = watched();
    let telemetry = builder.init().unwrap();
    record("recorded");
    drop(telemetry);
    record("after the end");
    let (builder, said_of_shutdown) = watched();
    let telemetry = builder.init().unwrap();
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    drop(telemetry);
    record("after the end");
    let said = [
        take(&mut *said.lock().unwrap()),
        take(&mut *said_of_shutdown.lock().unwrap()),
    ];
    assert_eq!(said, [[""; 0]; 2]);
}

#[test]
fn telemetry_that_is_set_up_anew_after_a_forgotten_guard_records() {
    let _alone = alone();
    drop(watched().0.init().unwrap());
    let (builder, spans) = into_memory();
    let telemetry = builder.init().unwrap();
    record("recorded");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["recorded"]);
}
