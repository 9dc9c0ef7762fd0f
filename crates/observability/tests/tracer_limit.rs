//! Tracers beyond the number that is kept: they share a name, which no filter is asked about.
//!
//! The names are those of the process, hence a binary of its own.

use continuum_observability::{DiagnosticLevel, Telemetry, get_tracer, testing::TestRecorder};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// One more tracer would not have a name of its own.
const LIMIT: usize = 4096;

#[test]
fn tracers_without_a_name_of_their_own_are_kept_by_filters_and_warned_of_once() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = heard.clone();
    let telemetry = Telemetry::builder()
        .diagnostics(move |level, message| hear.lock().unwrap().push((level, message.to_owned())))
        .init()
        .unwrap();
    let noise = get_tracer("noise");
    let tracers: Vec<_> = (0..LIMIT + 10)
        .map(|i| get_tracer(&format!("tracer {i}")))
        .collect();
    let recorder = TestRecorder::of(Telemetry::builder().filter_tracers(|_| false));
    recorder.run(|| {
        noise.in_scope("left out", |_| ());
        for tracer in &tracers[LIMIT - 20..] {
            tracer.in_scope("work", |_| ());
        }
    });
    let kept = recorder.spans().len();
    assert!((10..20).contains(&kept), "{kept}");
    assert!(recorder.spans().iter().all(|span| span.name == "work"));

    telemetry.shutdown(Duration::from_secs(20)).unwrap();
    let heard = heard.lock().unwrap();
    let of_tracers = |(level, text): &&(DiagnosticLevel, String)| {
        *level == DiagnosticLevel::Warn && text.contains("more than 4096 tracers")
    };
    assert_eq!(heard.iter().filter(of_tracers).count(), 1, "{heard:?}");
}
