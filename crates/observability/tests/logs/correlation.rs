//! `OTEL_LOG_CORRELATION`, in programs of their own.

use crate::{lines, records};
use continuum_observability::{get_tracer, init_telemetry};
use std::{env, process::Command};

/// Tells the program below how many records are to have ids.
const RECORDS_WITH_IDS: &str = "CONTINUUM_TEST_RECORDS_WITH_IDS";

#[test]
fn without_correlation_no_line_and_no_record_has_ids() {
    for (correlation, records) in [("true", "2"), ("false", "0")] {
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["correlation::a_program_that_logs", "--exact"]);
        let ended = program
            .env("OTEL_TRACES_EXPORTER", "none")
            .env("OTEL_LOG_CORRELATION", correlation)
            .env(RECORDS_WITH_IDS, records)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{correlation}: {said}"
        );
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how this program is told what it is"
)]
fn a_program_that_logs() {
    let Ok(expected) = env::var(RECORDS_WITH_IDS) else {
        return;
    };
    let _telemetry = init_telemetry().unwrap();
    let written = get_tracer("test").in_scope("work", |_| [lines::one(), records::one()]);
    assert!(
        written.iter().all(|record| record.contains("said")),
        "{written:?}"
    );
    let with_ids = written.iter().filter(|record| record.contains("trace_id"));
    assert_eq!(with_ids.count().to_string(), expected, "{written:?}");
}
