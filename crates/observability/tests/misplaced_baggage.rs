//! Baggage that is set outside of every span and scope: counted, and warned of once.
//!
//! Both hold for the process, hence a binary of its own.

use continuum_observability::{
    DiagnosticLevel, ExporterConfig, Telemetry, get_baggage, propagation::baggage_losses,
    set_baggage,
};
use std::sync::{Arc, Mutex};

#[test]
fn baggage_outside_of_a_scope_is_counted_each_time_and_warned_of_once() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = heard.clone();
    let _telemetry = Telemetry::builder()
        .exporter(ExporterConfig::None)
        .diagnostics(move |level, message| hear.lock().unwrap().push((level, message.to_owned())))
        .init()
        .unwrap();
    for times in 1..=3 {
        assert!(!set_baggage("tenant", "acme"));
        assert_eq!(get_baggage("tenant"), None);
        assert_eq!(baggage_losses().misplaced, times);
    }
    let heard = heard.lock().unwrap();
    let warning = |(level, text): &&(DiagnosticLevel, String)| {
        *level == DiagnosticLevel::Warn && text.starts_with("set_baggage outside of a span")
    };
    assert_eq!(heard.iter().filter(warning).count(), 1, "{heard:?}");
}
