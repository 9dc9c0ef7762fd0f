//! Forks of a process whose threads are measured all the time: the child counts on its own.

use crate::{alone, child::in_a_child};
use continuum_observability::{
    ExporterConfig, SpanMetrics, Telemetry, layers::memory::trace_recall,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

const FORKS: usize = 300;

fn recall(tenant: &str) {
    trace_recall("?").tenant_id(tenant).in_scope(|_| ());
}

/// A child, whose first span is of a series that threads of its parent are counting.
fn recall_in_child(telemetry: &Telemetry) {
    recall("acme");
    let text = telemetry.render_metrics();
    let is_count = |line: &&str| line.starts_with("continuum_memory_recalls_total{");
    let counts: Vec<_> = text.lines().filter(is_count).collect();
    assert_eq!(
        counts,
        [r#"continuum_memory_recalls_total{tenant_id="acme"} 1"#]
    );
}

#[test]
fn children_of_a_process_that_is_measured_neither_hang_nor_inherit_counts() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter(ExporterConfig::None)
        .metrics(SpanMetrics::new().tenants(4))
        .init()
        .unwrap();
    recall("acme");
    let go_on = AtomicBool::new(true);
    let outcome = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while go_on.load(Ordering::Relaxed) {
                    recall("acme");
                }
            });
        }
        let fork = || {
            for _ in 0..FORKS {
                in_a_child(|| recall_in_child(&telemetry));
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(fork));
        go_on.store(false, Ordering::Relaxed);
        outcome
    });
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}
