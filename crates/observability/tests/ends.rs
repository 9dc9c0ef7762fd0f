//! What becomes of finished spans when a program ends in one way or another: `docs/reliability.md`, "The
//! end of a program".
//!
//! Each program is this binary once more, told by a variable how to end. It has delivered one span and
//! finished another, which nothing delivers but its end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::exit,
    clippy::mem_forget,
    reason = "a test fails by panicking, and these programs end as programs do"
)]

use continuum_observability::{ExporterConfig, Telemetry, get_tracer};
use std::{env, fs, mem, panic, path::Path, process, process::Command, time::Duration};

const HOW: &str = "CONTINUUM_TEST_END";
const WHERE: &str = "CONTINUUM_TEST_END_FILE";
const PLENTY: Duration = Duration::from_mins(1);

/// Whether the last span of a program that ends like this is delivered.
fn is_delivered(how: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spans.jsonl");
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["the_program", "--exact", "--nocapture"]);
    let ended = program.env(HOW, how).env(WHERE, &file).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    let spans = fs::read_to_string(&file).unwrap_or_default();
    assert!(spans.contains("\"early\""), "{how}: {said}");
    spans.contains("\"last\"")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how this program is told what it is"
)]
fn the_program() {
    let (Ok(how), Ok(file)) = (env::var(HOW), env::var(WHERE)) else {
        return;
    };
    let telemetry = Telemetry::builder()
        .exporter(ExporterConfig::File(Path::new(&file).to_owned()))
        .schedule_delay(Duration::from_hours(1))
        .init()
        .unwrap();
    get_tracer("ends").in_scope("early", |_| ());
    telemetry.force_flush(PLENTY).unwrap();
    get_tracer("ends").in_scope("last", |_| ());
    end(&how, telemetry);
}

fn end(how: &str, telemetry: Telemetry) {
    match how {
        "return" => {}
        "unwind" => panic!("with the guard on the stack"),
        "exit" => process::exit(0),
        "flush and exit" => {
            telemetry.force_flush(PLENTY).unwrap();
            process::exit(0);
        }
        "leak" => mem::forget(telemetry),
        "abort" => process::abort(),
        "abort at a panic" => abort_at_a_panic(),
        "flush and abort at a panic" => {
            telemetry.flush_on_panic(PLENTY);
            abort_at_a_panic();
        }
        other => panic!("no program ends by {other}"),
    }
}

/// What a panic does with `panic = "abort"`: the hooks run, and nothing is unwound.
fn abort_at_a_panic() {
    let hooks = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        hooks(info);
        process::abort();
    }));
    panic!("nothing is unwound");
}

#[test]
fn a_program_that_returns_or_unwinds_delivers_its_last_spans() {
    assert!(is_delivered("return"));
    assert!(is_delivered("unwind"));
}

#[test]
fn a_program_that_exits_delivers_its_last_spans_if_it_flushes() {
    assert!(!is_delivered("exit"));
    assert!(is_delivered("flush and exit"));
}

#[test]
fn a_program_that_aborts_at_a_panic_delivers_its_last_spans_if_it_asked_for_that() {
    assert!(!is_delivered("abort"));
    assert!(!is_delivered("abort at a panic"));
    assert!(is_delivered("flush and abort at a panic"));
}

#[test]
fn a_program_that_leaks_the_guard_keeps_what_was_delivered_before() {
    assert!(!is_delivered("leak"));
}
