//! A child that has something to say while a thread that it does not have was printing.

use crate::{
    alone,
    child::{PLENTY, in_a_child},
};
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, FlushError, Telemetry, get_tracer,
};
use std::{io, sync::mpsc::sync_channel, thread, time::Instant};

struct Failing;

impl Exporter for Failing {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        Err(ExportError::Other {
            reason: "it is meant to".into(),
        })
    }

    fn name(&self) -> &'static str {
        "failing"
    }
}

#[test]
fn a_child_says_what_it_has_to_say_although_a_thread_of_its_parent_held_standard_error() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("failing", || Box::new(Failing))
        .init()
        .unwrap();
    let ((tell, told), (open, gate)) = (sync_channel(0), sync_channel(0));
    let printing = thread::Builder::new().spawn(move || {
        let _held = io::stderr().lock();
        tell.send(()).unwrap();
        gate.recv().unwrap();
    });
    told.recv().unwrap();
    let report = in_a_child(|| {
        get_tracer("forks").in_scope("child", |_| ());
        assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    });
    open.send(()).unwrap();
    printing.unwrap().join().unwrap();
    assert!(report.is_empty());
    drop(telemetry);
}
