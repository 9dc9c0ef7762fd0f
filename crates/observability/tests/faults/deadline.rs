//! Flush and shutdown end at their deadline, whatever the backend does and wherever they are called.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    ordeal::{Lines, builder, heard, over_grpc, over_http, prompt},
    record,
};
use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, FlushError, Telemetry, TelemetryHandle,
    get_tracer,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(1);
const TIMED_OUT: Result<(), FlushError> = Err(FlushError::TimedOut { timeout: SHORT });

/// Telemetry whose export thread is held by the backend until that is sound.
fn held() -> (Telemetry, Backend) {
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, _lines) = builder(over_http(&backend));
    let telemetry = prompt(builder).init().unwrap();
    record(5);
    backend.wait_for_request();
    (telemetry, backend)
}

#[test]
fn a_flush_ends_at_its_deadline_on_any_thread_and_again() {
    let _alone = alone();
    let (telemetry, backend) = held();
    let handle = telemetry.handle();
    let twice = move || [handle.force_flush(SHORT), handle.force_flush(SHORT)];
    let flush = || thread::Builder::new().spawn(twice).unwrap();
    let threads: Vec<_> = (0..4).map(|_| flush()).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), [TIMED_OUT, TIMED_OUT]);
    }
    backend.set(Fault::None);
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    assert_eq!(telemetry.stats().exported, 5);
}

#[test]
fn a_shutdown_ends_at_its_deadline_and_a_second_one_at_once() {
    let _alone = alone();
    let (telemetry, backend) = held();
    assert_eq!(telemetry.shutdown(SHORT), TIMED_OUT);
    assert_eq!(
        telemetry.shutdown(PLENTY),
        Ok(()),
        "there is nothing left to do"
    );
    assert_eq!(telemetry.stats().exported, 0);
    assert_eq!(backend.requests(), 1);
    drop(telemetry);

    let (next, backend) = held();
    backend.set(Fault::None);
    assert_eq!(
        next.shutdown(PLENTY),
        Ok(()),
        "the next recorder is not held up"
    );
}

#[test]
fn a_flush_and_a_shutdown_end_at_their_deadline_whatever_the_backend_does() {
    let later = Fault::Status(503, "Retry-After: 30\r\n", "");
    let rows = [
        (Protocol::Http, vec![Fault::Drip, Fault::Sip, later]),
        (Protocol::Grpc, vec![Fault::Silent, Fault::Drip, Fault::Sip]),
    ];
    for (protocol, faults) in rows {
        for fault in faults {
            let _alone = alone();
            let backend = Backend::start(protocol, fault.clone());
            let otlp = match protocol {
                Protocol::Http => over_http(&backend),
                Protocol::Grpc => over_grpc(&backend),
            };
            let telemetry = prompt(builder(otlp).0).init().unwrap();
            record(5);
            backend.wait_for_request();
            assert_eq!(telemetry.force_flush(SHORT), TIMED_OUT, "{fault:?}");
            // Where it is tried again later, a shutdown may give up at once.
            assert!(telemetry.shutdown(SHORT).is_err(), "{fault:?}");
            assert_eq!(telemetry.stats().exported, 0);
        }
    }
}

#[test]
fn what_a_shutdown_leaves_at_its_deadline_is_said_once_with_counts_and_endpoint() {
    let _alone = alone();
    for is_awaited in [false, true] {
        let backend = Backend::start(Protocol::Http, Fault::Silent);
        let (builder, lines) = builder(over_http(&backend));
        let telemetry = prompt(builder).init().unwrap();
        record(5);
        backend.wait_for_request();
        record(2);
        let open = get_tracer("faults").start_span("open");
        let outcome = if is_awaited {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(telemetry.shutdown_async(SHORT))
        } else {
            telemetry.shutdown(SHORT)
        };
        assert_eq!(outcome, TIMED_OUT);
        let stats = telemetry.stats();
        // Those of the request, and of this thread, whose span comes when nothing is taken any more.
        let late = stats.dropped_after_shutdown;
        let expected = format!(
            "7 of 8 spans were lost: 0 because too many waited, 0 because exporting failed, 0 \
             rejected by the receiver, {late} ended too late, {} not delivered in 1ms; check the \
             receiver or give the shutdown more time [http://{}",
            7 - late,
            backend.address
        );
        // Another test's request may end only now.
        let about_it = |lines: &Lines| {
            let address = backend.address.to_string();
            let mut said = lines.all();
            said.retain(|line| line.contains(&address));
            said
        };
        let said = about_it(&lines);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&expected), "{said:?}");
        // What becomes of the request later is not said again as a summary.
        backend.set(Fault::HangUp);
        // Answered when the export thread has stopped.
        let _delivered = telemetry.force_flush(PLENTY).is_ok();
        drop((open, telemetry));
        let said = about_it(&lines);
        let summaries = said.iter().filter(|line| line.contains("were lost"));
        assert_eq!(summaries.count(), 1, "{said:?}");
    }
}

#[test]
fn a_shutdown_that_nobody_awaits_to_its_end_says_what_it_leaves() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, lines) = builder(over_http(&backend));
    let telemetry = prompt(builder).init().unwrap();
    record(5);
    backend.wait_for_request();
    drop(telemetry.shutdown_async(PLENTY));
    let said = lines.all();
    assert_eq!(said.len(), 1, "{said:?}");
    let lost =
        said[0].starts_with("5 of 5 spans were lost") && said[0].contains("not delivered in");
    assert!(lost, "{said:?}");
}

#[test]
fn blocking_forms_end_on_the_only_thread_of_a_runtime() {
    let _alone = alone();
    let (telemetry, _backend) = held();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let outcomes =
        runtime.block_on(async { [telemetry.force_flush(SHORT), telemetry.shutdown(SHORT)] });
    assert_eq!(outcomes, [TIMED_OUT, TIMED_OUT]);
}

#[test]
fn async_forms_leave_the_only_thread_of_a_runtime_to_other_tasks() {
    let _alone = alone();
    let (telemetry, backend) = held();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert_eq!(telemetry.force_flush_async(SHORT).await, TIMED_OUT);
        // The flush can only end after the task beside it has run on the same thread.
        let release = async { backend.set(Fault::None) };
        let (flushed, ()) = tokio::join!(telemetry.force_flush_async(PLENTY), release);
        assert_eq!(flushed, Ok(()));
        record(3);
        assert_eq!(telemetry.shutdown_async(PLENTY).await, Ok(()));
    });
    assert_eq!(telemetry.stats().exported, 8);
}

/// Flushes when it is dropped.
struct Flushes<'a>(TelemetryHandle, &'a mut Vec<Result<(), FlushError>>);

impl Drop for Flushes<'_> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        self.1.push(self.0.force_flush(SHORT));
    }
}

#[test]
fn a_thread_that_unwinds_can_flush_and_shut_down() {
    let _alone = alone();
    let (telemetry, backend) = held();
    let mut outcomes = Vec::new();
    let unwind = || {
        let _flushes = Flushes(telemetry.handle(), &mut outcomes);
        resume_unwind(Box::new("failure of the program"));
    };
    assert!(catch_unwind(AssertUnwindSafe(unwind)).is_err());
    assert_eq!(outcomes, [TIMED_OUT]);
    let shut_down = AssertUnwindSafe(|| {
        let _stopped_while_unwinding = telemetry;
        resume_unwind(Box::new("failure of the program"));
    });
    backend.set(Fault::None);
    assert!(catch_unwind(shut_down).is_err());
    assert_eq!(backend.spans(), 5);
}

/// Delivers everything, and does not end before it is let go.
struct Lingering(Arc<Barrier>);

impl Exporter for Lingering {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        Ok(Exported::default())
    }

    fn shutdown(&mut self, _: Instant) {
        self.0.wait();
    }

    fn name(&self) -> &'static str {
        "lingering"
    }
}

#[test]
fn a_shutdown_that_the_exporter_holds_up_says_that_nothing_is_lost() {
    let _alone = alone();
    let gate = Arc::new(Barrier::new(2));
    let held_by = gate.clone();
    let make = move || -> Box<dyn Exporter> { Box::new(Lingering(held_by.clone())) };
    let (builder, lines) = heard(Telemetry::builder().exporter_with("lingering", make));
    let telemetry = builder.init().unwrap();
    record(5);
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    assert_eq!(telemetry.shutdown(SHORT), TIMED_OUT);
    assert_eq!(
        lines.all(),
        [
            "no span was lost, but the exporter has not ended in 1ms; look into its shutdown, or \
             give it more time [lingering]"
        ]
    );
    gate.wait();
}
