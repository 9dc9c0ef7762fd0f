//! A child that has something to say while a thread that it does not have was printing, and a process
//! without a descriptor to say it through.

use crate::{
    alone,
    child::{PLENTY, in_a_child},
};
use continuum_observability::{
    ConsoleExporter, EncodedRequest, ExportError, Exported, Exporter, FlushError, Telemetry,
    TreeStyle, get_tracer,
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

/// Sets how many descriptors the process may have; returns how many that were before.
fn limit_descriptors(count: libc::rlim_t) -> libc::rlim_t {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` has room for what is read.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    let before = std::mem::replace(&mut limit.rlim_cur, count);
    // SAFETY: `limit` is what was read, with a lower bound of the same process.
    let written = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!((read, written), (0, 0));
    before
}

#[test]
fn what_is_said_arrives_although_no_descriptor_is_left() {
    let _alone = alone();
    let console = || ConsoleExporter::stderr(TreeStyle::snapshot());
    let telemetry = Telemetry::builder()
        .exporter_with("console", move || Box::new(console()))
        .init()
        .unwrap();
    let say = |name| {
        get_tracer("forks").in_scope(name, |_| ());
        telemetry.force_flush(PLENTY)
    };
    assert_eq!(say("with descriptors"), Ok(()));
    let before = limit_descriptors(0);
    let outcome = say("without descriptors");
    limit_descriptors(before);
    assert_eq!(outcome, Ok(()));
}
