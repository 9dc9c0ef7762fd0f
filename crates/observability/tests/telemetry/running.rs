//! What can be changed while telemetry runs, what it says about itself, and that it stays out of its
//! own traces.

use crate::{PLENTY, alone, into_memory, names, record, told::into_told};
use continuum_observability::{
    Context, DiagnosticLevel, EncodedRequest, ExportError, Exported, Exporter, FutureExt as _,
    Sampler, SpanContext, SpanId, Telemetry, TraceFlags, TraceId, TraceState, get_tracer,
    with_context, with_telemetry_disabled,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

#[test]
fn the_sampler_of_a_running_process_can_be_switched_from_anywhere() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.sampler(Sampler::AlwaysOff).init().unwrap();
    let handle = telemetry.handle();
    record("off");
    let switch = move || handle.set_sampler(Sampler::parent_based(Sampler::AlwaysOn));
    std::thread::Builder::new()
        .spawn(switch)
        .unwrap()
        .join()
        .unwrap();
    record("on");
    telemetry.set_sampler(Sampler::TraceIdRatio(0.0));
    record("off again");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["on"]);
    let stats = handle.stats();
    assert_eq!((stats.started, stats.sampled_out), (3, 2));
}

#[test]
fn forced_sampling_records_below_parents_that_are_not_sampled() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let off = Sampler::parent_based(Sampler::AlwaysOff);
    let telemetry = builder.sampler(off).init().unwrap();
    let (trace, span) = (TraceId::from(7_u128), SpanId::from(9_u64));
    let remote = SpanContext::new(trace, span, TraceFlags::NONE, true, TraceState::default());
    let request = Context::root().with_remote_span_context(remote);
    with_context(&request, || record("before"));
    telemetry.force_sampling(PLENTY);
    with_context(&request, || record("below a remote parent"));
    record("root");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["below a remote parent", "root"]);
}

/// Records while it exports, as a client library that is traced does.
struct Tracing(Arc<Mutex<u64>>);

impl Exporter for Tracing {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _: Instant,
    ) -> Result<Exported, ExportError> {
        record("POST /v1/traces");
        *self.0.lock().unwrap() += request.span_count();
        Ok(Exported::default())
    }

    fn shutdown(&mut self, _: Instant) {
        record("close");
    }

    fn name(&self) -> &'static str {
        "tracing"
    }
}

#[test]
fn the_exporters_own_work_is_not_traced() {
    let _alone = alone();
    let delivered = Arc::new(Mutex::new(0));
    let count = delivered.clone();
    let make = move || -> Box<dyn Exporter> {
        record("connect");
        Box::new(Tracing(count.clone()))
    };
    let builder = Telemetry::builder().exporter_with("tracing", make);
    let telemetry = builder.schedule_delay(PLENTY).init().unwrap();
    record("work");
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(
        (*delivered.lock().unwrap(), telemetry.stats().started),
        (1, 1)
    );
}

#[test]
fn nothing_is_recorded_where_telemetry_is_disabled() {
    let _alone = alone();
    let (builder, spans) = into_memory();
    let telemetry = builder.init().unwrap();
    let answer = with_telemetry_disabled(|| {
        record("quiet");
        with_context(&Context::current(), || record("below"));
        42
    });
    assert_eq!(answer, 42);
    crate::wait_for(
        async {
            record("quiet before the await");
            get_tracer("test").in_span("quiet", async |_| ()).await;
        }
        .with_telemetry_disabled(),
    );
    record("loud");
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(names(&spans), ["loud"]);
    assert_eq!(telemetry.stats().started, 1);
}

#[test]
fn messages_go_where_the_program_wants_them_and_are_not_repeated() {
    let _alone = alone();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = heard.clone();
    let (builder, teller) = into_told();
    let telemetry = builder
        .schedule_delay(PLENTY)
        .diagnostics(move |level, message| {
            record("said");
            hear.lock().unwrap().push((level, message.to_owned()));
            std::panic::resume_unwind(Box::new("failure of the receiver"));
        })
        .init()
        .unwrap();
    for _ in 0..5 {
        record("lost");
        teller.fail();
        telemetry.force_flush(PLENTY).unwrap_err();
    }
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    assert_eq!(telemetry.stats().started, 5);
    let heard = heard.lock().unwrap();
    let (last, failures) = heard.split_last().unwrap();
    let expected = "5 of 5 spans were lost: 0 because too many waited, 5 because exporting failed, 0 \
                rejected by the receiver, 0 ended too late";
    assert_eq!(last, &(DiagnosticLevel::Warn, expected.to_owned()));
    // Another test of this process may have used up the line of its topic.
    assert!(failures.len() <= 1, "{failures:?}");
}

#[test]
fn no_more_spans_wait_than_may_and_no_export_is_larger_than_it_may() {
    let _alone = alone();
    let (builder, teller) = into_told();
    let telemetry = builder
        .schedule_delay(PLENTY)
        .max_queue_size(10)
        .max_export_batch_size(4)
        .init()
        .unwrap();
    for _ in 0..25 {
        record("one of many");
    }
    for _ in 0..3 {
        teller.succeed();
    }
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    let sizes: Vec<_> = teller.calls.try_iter().map(|(spans, _)| spans).collect();
    assert_eq!(sizes, [4, 4, 2]);
    let stats = telemetry.stats();
    assert_eq!((stats.exported, stats.dropped_budget_spent), (10, 15));
    drop(teller);
    assert_eq!(telemetry.shutdown(Duration::from_secs(30)), Ok(()));
}
