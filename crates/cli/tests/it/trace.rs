//! `continuum trace`, as a person and as a script run it.

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command_line::{continuum, text};

/// Where the exporter writes unless it is told otherwise.
const FILE: &str = "continuum-traces.jsonl";

fn span(trace: &str, id: &str, parent: &str, name: &str, start: u64) -> Value {
    json!({
        "traceId": trace.repeat(16), "spanId": id.repeat(8), "parentSpanId": parent.repeat(8),
        "name": name, "flags": 0x101, "kind": 1,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1_500_000).to_string(),
        "attributes": [{ "key": "memory.concepts_found", "value": { "intValue": "7" } }],
    })
}

/// A folder with a file of two traces, the children first.
fn recorded() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let spans = [
        span("0a", "02", "01", "recall", 2_000_000),
        span("0a", "01", "", "answer", 1_000_000),
        span("0b", "03", "", "learn", 3_000_000),
    ];
    let lines = spans.map(|span| {
        json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] }).to_string()
    });
    fs::write(dir.path().join(FILE), lines.join("\n")).unwrap();
    dir
}

fn in_folder(dir: &TempDir, arguments: &[&str]) -> Command {
    let mut command = continuum(&["trace"]);
    command.args(arguments).current_dir(dir);
    command
}

fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    in_folder(dir, arguments).output().unwrap()
}

const ANSWER: &str = "\
answer                              1.5 ms   memory.concepts_found=7 trace 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a
└─ recall                           1.5 ms   memory.concepts_found=7
";

#[test]
fn the_traces_of_a_file_are_shown_as_trees() {
    let dir = recorded();
    let all = run(&dir, &[FILE]);
    assert_eq!(all.status.code(), Some(0), "{all:?}");
    let out = text(&all.stdout);
    assert!(out.contains("└─ recall") && out.contains("learn"), "{out}");
    for arguments in [
        &[FILE, "--trace-id", "0A0a"][..],
        // An id alone is looked for where the exporter writes.
        &["0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"],
    ] {
        assert_eq!(text(&run(&dir, arguments).stdout), ANSWER);
    }
}

#[test]
fn standard_input_is_read_and_json_is_written() {
    let dir = recorded();
    let mut trace = in_folder(&dir, &["-", "--json", "--trace-id", "0a"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = fs::read(dir.path().join(FILE)).unwrap();
    trace.stdin.take().unwrap().write_all(&lines).unwrap();
    let output = trace.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [trace] = document["traces"].as_array().unwrap().as_slice() else {
        panic!("{document}");
    };
    assert_eq!(trace["trace_id"], "0a".repeat(16));
    let (root, child) = (&trace["spans"][0], &trace["spans"][1]);
    assert_eq!(
        (&root["name"], &root["parent_span_id"]),
        (&json!("answer"), &Value::Null)
    );
    assert_eq!(child["parent_span_id"], root["span_id"]);
    assert_eq!(
        (
            &child["kind"],
            &child["duration_nanos"],
            &child["attributes"]
        ),
        (
            &json!("internal"),
            &json!(1_500_000),
            &json!({ "memory.concepts_found": 7 })
        )
    );
}

#[test]
fn a_trace_that_is_not_there_fails_and_an_id_that_is_none_is_not_understood() {
    let dir = recorded();
    let missing = run(&dir, &[FILE, "--trace-id", "0c"]);
    assert_eq!(missing.status.code(), Some(1));
    let error = text(&missing.stderr);
    assert!(
        error.contains("no trace 0c in continuum-traces.jsonl"),
        "{error}"
    );
    for wrong in ["", "xyz", &"0".repeat(33)] {
        let status = run(&dir, &[FILE, "--trace-id", wrong]).status.code();
        assert_eq!(status, Some(2), "{wrong:?}");
    }
}
