//! The counts of a recorder while threads come and go.

use continuum_observability::{
    Sampler, SpanLimits, Stats, get_tracer, testing::TestRecorder, with_context,
};
use proptest::{collection::vec, prelude::*, sample::select};
use std::{
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

const THREADS: u64 = 400;
const EACH: u64 = 3;

fn record() {
    for _ in 0..EACH {
        get_tracer("accounts").in_scope("work", |_| ());
    }
}

#[test]
fn the_count_of_started_spans_never_goes_back_while_threads_end() {
    let recorder = TestRecorder::new();
    let ended = AtomicBool::new(false);
    let readings: Vec<Stats> = thread::scope(|scope| {
        let read = || {
            let mut readings = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                readings.push(recorder.stats());
            }
            readings
        };
        let reader = thread::Builder::new().spawn_scoped(scope, read).unwrap();
        for _ in 0..THREADS {
            let work = || recorder.run(record);
            // Joined one by one, so that each thread is the one that ends.
            let worker = thread::Builder::new().spawn_scoped(scope, work).unwrap();
            worker.join().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    for pair in readings.windows(2) {
        assert!(pair[0].started <= pair[1].started, "{pair:?}");
    }
    assert_eq!(recorder.stats().started, THREADS * EACH);
}

/// What a thread does with its next span.
#[derive(Debug, Clone, Copy)]
enum Deed {
    End,
    Panic,
    EndElsewhere,
    LeaveOpen,
    RecordOnThreadsThatExitAtOnce,
}

impl Deed {
    /// Returns how many spans were started, and how many recorded ones stay open.
    fn perform(self, recorder: &TestRecorder) -> (u64, u64) {
        let tracer = get_tracer("accounts");
        let elsewhere = |work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().spawn(work).unwrap().join().unwrap();
        };
        match self {
            Self::End => tracer.in_scope("ends", |_| ()),
            Self::Panic => {
                let fail = || tracer.in_scope("panics", |_| resume_unwind(Box::new("failure")));
                catch_unwind(AssertUnwindSafe(fail)).unwrap_err();
            }
            Self::EndElsewhere => {
                let span = tracer.start_span("ends elsewhere");
                elsewhere(Box::new(move || drop(span)));
            }
            Self::LeaveOpen => {
                let span = ManuallyDrop::new(tracer.start_span("stays open"));
                return (1, u64::from(span.is_recording()));
            }
            Self::RecordOnThreadsThatExitAtOnce => {
                for _ in 0..2 {
                    let context = recorder.context();
                    elsewhere(Box::new(move || with_context(&context, record)));
                }
                return (2 * EACH, 0);
            }
        }
        (1, 0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_span_is_in_one_count_whatever_becomes_of_its_thread(
        threads in vec(vec(select(vec![
            Deed::End,
            Deed::Panic,
            Deed::EndElsewhere,
            Deed::LeaveOpen,
            Deed::RecordOnThreadsThatExitAtOnce,
        ]), 0..20), 1..4),
    ) {
        let recorder = TestRecorder::with(Sampler::TraceIdRatio(0.5), SpanLimits::default());
        let perform = |deeds: &Vec<Deed>| recorder.run(|| {
            let done = deeds.iter().map(|deed| deed.perform(&recorder));
            done.fold((0, 0), |sum, done| (sum.0 + done.0, sum.1 + done.1))
        });
        let done = thread::scope(|scope| {
            let start = |deeds| {
                let thread = thread::Builder::new();
                thread.spawn_scoped(scope, move || perform(deeds)).unwrap()
            };
            let running: Vec<_> = threads.iter().map(start).collect();
            let done = running.into_iter().map(|thread| thread.join().unwrap());
            done.fold((0, 0), |sum, done| (sum.0 + done.0, sum.1 + done.1))
        });
        let (started, open) = done;
        let exported = recorder.spans().len() as u64;
        let stats = recorder.stats();
        prop_assert_eq!((stats.started, stats.pending), (started, open));
        prop_assert_eq!((stats.exported, stats.dropped()), (exported, 0));
        prop_assert_eq!(stats.sampled_out, started - exported - open);
    }
}
