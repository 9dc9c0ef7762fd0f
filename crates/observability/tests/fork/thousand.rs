//! A thousand forks of a process whose threads record, and wait for room, all the time.

use crate::{
    alone,
    child::{BY_PARENT, PLENTY, Report, ids, in_a_child, names},
    generations::under_load,
};
use continuum_observability::{Telemetry, get_tracer};
use std::{collections::HashSet, os::unix::process::CommandExt as _, process::Command};

const FORKS: usize = 1_000;

fn record(name: &str) {
    get_tracer("forks").in_scope(name, |span| span.set_attribute("of", "a fork"));
}

/// A child that records before it becomes another program.
fn become_another_program() {
    let record_first = || {
        record("before_exec");
        Ok(())
    };
    // SAFETY: what the closure may touch of the parent's is guarded by the recorder's own handling of
    // forks, which is what this test is about.
    let status = unsafe { Command::new("true").pre_exec(record_first).status() };
    assert!(status.unwrap().success());
}

#[test]
fn a_thousand_children_of_a_process_that_waits_for_room_neither_hang_nor_mix_up_spans() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter_with("report", || Box::new(Report))
        .memory_budget_bytes(128 << 10)
        .wait_when_full(PLENTY)
        .init()
        .unwrap();
    let reports = under_load(3, &telemetry, || {
        let mut reports = Vec::new();
        for number in 0..FORKS {
            if number % 4 == 0 {
                become_another_program();
                continue;
            }
            reports.push(in_a_child(|| {
                record("child");
                telemetry.force_flush(PLENTY).unwrap();
            }));
        }
        reports
    });
    telemetry.shutdown(PLENTY).unwrap();
    let stats = telemetry.stats();
    assert_eq!(
        (stats.started, stats.pending),
        (stats.exported, 0),
        "nothing is lost: {stats:?}"
    );

    let by_parent = std::mem::take(&mut *BY_PARENT.lock().unwrap());
    assert_eq!(by_parent.len() as u64, stats.exported);
    assert!(by_parent.iter().all(|line| line.starts_with("load ")));
    let mut seen: HashSet<_> = ids(&by_parent).collect();
    assert_eq!(seen.len(), by_parent.len());
    assert_eq!(reports.len(), FORKS / 4 * 3);
    for report in &reports {
        assert_eq!(names(report), ["child"]);
        assert!(
            ids(report).all(|id| seen.insert(id)),
            "an id was given out twice"
        );
    }
}
