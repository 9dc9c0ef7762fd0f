//! The counts of a recorder while threads come and go.

use continuum_observability::{Stats, get_tracer, testing::TestRecorder};
use std::{
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
