//! The demo, as a person runs it.

#[cfg(target_os = "linux")]
use std::io::Read as _;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::receiver;
#[cfg(target_os = "linux")]
use crate::terminal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_continuum");

/// The exit status and both outputs.
type Outcome = (Option<i32>, String, String);

/// Runs the demo on a small data set of its own.
pub(crate) fn demo(dir: &Path, arguments: &[&str]) -> Outcome {
    let dataset = dataset_in(dir);
    let mut all = vec!["--dataset", dataset.to_str().unwrap()];
    all.extend(arguments);
    run(dir, &all)
}

/// The file with the small data set.
fn dataset_in(dir: &Path) -> PathBuf {
    let dataset = dir.join("dataset.json");
    fs::write(&dataset, small_dataset().to_string()).unwrap();
    dataset
}

fn run(dir: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::new(PROGRAM)
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", dir)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn small_dataset() -> Value {
    json!([{
        "sample_id": "harbour",
        "conversation": {
            "speaker_a": "Ann",
            "speaker_b": "Bob",
            "session_1_date_time": "2:40 pm on 3 March, 2026",
            "session_1": [
                { "speaker": "Ann", "dia_id": "D1:1", "text": "We decided to paint the boat green." },
                { "speaker": "Bob", "dia_id": "D1:2", "text": "The ferry leaves at seven." },
                { "speaker": "Ann", "dia_id": "D1:3", "text": "My lantern is broken." }
            ]
        },
        "qa": [
            { "question": "Which colour does the boat get?", "evidence": ["D1:1"], "category": 4 },
            { "question": "When does the ferry leave?", "evidence": ["D:1:2; D9:9"], "category": 2 },
            { "question": "Who wrote the zebra opera?", "evidence": [], "category": 5 }
        ]
    }])
}

#[test]
fn the_json_report_is_complete_and_every_span_is_accounted_for() {
    let dir = tempfile::tempdir().unwrap();
    let (status, out, err) = demo(dir.path(), &["--json"]);
    assert_eq!(status, Some(0), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["learned"]["turns"], 3);
    assert_eq!(report["learned"]["decisions"], 1);
    let recalled = &report["recalled"];
    assert_eq!(recalled["quality"]["questions"], 2);
    assert_eq!(recalled["quality"]["recall_at_10"], 1.0);
    assert_eq!(recalled["by_category"]["2"]["mrr"], 1.0);
    assert_eq!(recalled["unknown_evidence"], 1);
    assert_eq!(recalled["never_said"]["answered_with_nothing"], 1);
    let layers: Vec<_> = report["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| &l["layer"])
        .collect();
    assert_eq!(
        layers,
        ["api", "memory", "cache", "db", "graph", "federation"]
    );
    assert_eq!(report["federated"]["told_turns"], 1);
    assert_eq!(report["federated"]["recalled_turns"], 1);
    let spans = &report["spans"];
    assert_eq!(
        (&spans["accounted"], &spans["started"]),
        (&json!(true), &spans["exported"])
    );
    assert_eq!(
        (&spans["dropped"], &spans["pending"]),
        (&json!(0), &json!(0))
    );
    assert_trees(&report["traces"]);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "the data directory is gone"
    );
}

fn assert_trees(traces: &Value) {
    let trees: Vec<_> = traces
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| trace["tree"].as_str().unwrap())
        .collect();
    let expected = [
        &["POST /v1/learn", "memory.learn", "db.transaction"][..],
        &["POST /v1/recall", "memory.recall", "db.select.turns_fts"],
        &["POST /v1/recall", "memory.recall", "cache.get"],
        &["POST /v1/recall", "memory.recall", "db.", "ERROR"],
        &[
            "POST /v1/learn",
            "federation.sync.push",
            "POST /sync",
            "db.insert.received",
        ],
    ];
    assert_eq!(trees.len(), expected.len());
    for (tree, expected) in trees.iter().zip(expected) {
        assert!(
            expected.iter().all(|part| tree.contains(part)),
            "{expected:?} in {tree}"
        );
    }
    assert!(
        !trees[2].contains("turns_fts"),
        "a cached answer touches no table: {}",
        trees[2]
    );
}

#[test]
fn the_conversations_that_come_along_are_answered_well() {
    let dir = tempfile::tempdir().unwrap();
    let (status, out, err) = run(dir.path(), &["--json"]);
    assert_eq!(status, Some(0), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let figure = |name: &str| report["recalled"]["quality"][name].as_f64().unwrap();
    // Well below what is reached, so that only a real loss is noticed.
    assert!(figure("recall_at_5") > 0.65, "{out}");
    assert!(figure("mrr") > 0.55, "{out}");
    assert!(report["recalled"]["never_said"]["questions"].as_u64() > Some(0));
}

#[test]
fn what_is_to_be_kept_is_kept_where_the_demo_fails() {
    let dir = tempfile::tempdir().unwrap();
    let mut dataset = small_dataset();
    dataset[0]["conversation"]["session_1"][1]["text"] = "a\u{0}b".into();
    let path = dir.path().join("refused.json");
    fs::write(&path, dataset.to_string()).unwrap();
    let (status, _, err) = run(dir.path(), &["--keep", "--dataset", path.to_str().unwrap()]);
    assert_eq!(status, Some(1), "{err}");
    let kept = err
        .lines()
        .find_map(|line| line.split_once("the data is kept in "));
    let (kept, _) = kept.unwrap().1.split_once(": ").unwrap();
    assert!(fs::read_dir(kept).unwrap().count() > 0, "{err}");
}

#[test]
fn the_report_as_text_says_what_the_document_says() {
    let dir = tempfile::tempdir().unwrap();
    let (status, out, err) = demo(dir.path(), &["--keep"]);
    assert_eq!(status, Some(0), "{err}");
    for part in [
        "continuum demo: learning 3 turns of 1 conversations, then asking 3 questions",
        "recall@5  recall@10    MRR",
        "never said: 1 questions, 1 answered with nothing",
        "p50 ms    p99 ms",
        "A learn, trace ",
        "The slowest recall, trace ",
        "from the cache, trace ",
        "A recall from a damaged file, trace ",
        "A learn that reaches the second node, trace ",
        "1 turn told to the first, 1 recalled from the second",
        "Spans: all accounted for",
        "--exporter otlp --endpoint http://localhost:4318",
    ] {
        assert!(out.contains(part), "{part:?} in\n{out}");
    }
    let kept = out
        .lines()
        .find_map(|line| line.strip_prefix("The data is in "))
        .unwrap();
    assert!(Path::new(kept).join("tenants/harbour-1.db").exists());
}

#[test]
fn spans_go_to_the_chosen_exporter_too() {
    let dir = tempfile::tempdir().unwrap();
    let traces = dir.path().join("traces.jsonl");
    let (status, out, err) = demo(
        dir.path(),
        &[
            "--json",
            "--exporter",
            "file",
            "--endpoint",
            traces.to_str().unwrap(),
        ],
    );
    assert_eq!(status, Some(0), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let written = fs::read_to_string(traces)
        .unwrap()
        .matches("\"spanId\"")
        .count();
    assert_eq!(report["spans"]["exported"], written);
}

/// The lines of trees that are spans, not events, links or what else a line of a tree may be.
fn span_lines(trees: &str) -> usize {
    let name = |line: &'_ str| {
        line.trim_start_matches([' ', '│', '├', '└', '─'])
            .to_owned()
    };
    let lines = trees.lines().map(name);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('·'))
        .count()
}

#[test]
fn spans_are_shown_as_trees_too() {
    let dir = tempfile::tempdir().unwrap();
    let (status, out, err) = demo(dir.path(), &["--json", "--exporter", "console"]);
    assert_eq!(status, Some(0), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["spans"]["exported"], span_lines(&err), "{err}");
}

#[test]
fn a_place_for_an_exporter_that_has_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (status, out, err) = run(
        dir.path(),
        &["--exporter", "console", "--endpoint", "http://localhost:1"],
    );
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert!(
        err.starts_with("error: --endpoint ") && err.lines().count() == 1,
        "{err}"
    );
}

/// Runs a command, to which the dataset is added, below `continuum run`, whose file says what has arrived;
/// the report of the demo that it is.
#[cfg(unix)]
fn received(command: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let received = dir.path().join("received.jsonl");
    let output = Command::new(PROGRAM)
        .args(["run", "--quiet", "--no-lint", "--keep"])
        .arg(&received)
        .arg("--")
        .args(command)
        .arg("--dataset")
        .arg(dataset_in(dir.path()))
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let spans = continuum_cli::trace_file::read(&received).unwrap();
    assert_eq!(report["spans"]["exported"], spans.len());
    report
}

#[cfg(unix)]
#[test]
fn a_receiver_gets_every_span() {
    let demo = r#"exec "$0" demo --json --exporter otlp --endpoint "$OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" "$@""#;
    let report = received(&["sh", "-c", demo, PROGRAM]);
    assert_eq!(report["spans"]["accounted"], true);
}

#[cfg(unix)]
#[test]
fn a_receiver_in_the_environment_gets_every_span() {
    received(&[PROGRAM, "demo", "--json"]);
}

#[test]
fn a_receiver_is_told_what_the_environment_says() {
    let dir = tempfile::tempdir().unwrap();
    let (port, heads) = receiver::http(200);
    let output = Command::new(PROGRAM)
        .args(["demo", "--json", "--dataset"])
        .arg(dataset_in(dir.path()))
        .args(["--exporter", "otlp", "--endpoint"])
        .arg(format!("http://127.0.0.1:{port}"))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let head = heads.recv().unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    for line in ["x-key: secret\r\n", "content-encoding: gzip\r\n"] {
        assert!(head.contains(line), "{head}");
    }
}

/// Runs the demo with standard error on a terminal, and gives what the terminal was told.
#[cfg(target_os = "linux")]
fn seen_on_a_terminal(dir: &Path) -> String {
    let (mut person, terminal) = terminal::open();
    let mut demo = Command::new(PROGRAM)
        .args(["demo", "--json", "--dataset"])
        .arg(dataset_in(dir))
        .env("TMPDIR", dir)
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(terminal)
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    // A terminal whose last program has ended gives an error instead of an end.
    let _end = person.read_to_end(&mut seen);
    assert!(demo.wait().unwrap().success());
    String::from_utf8_lossy(&seen).into_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn who_watches_sees_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let seen = seen_on_a_terminal(dir.path());
    // Three turns and three questions, of which as many are drawn as the terminal is thought to follow.
    for what in ["learning", "recalling"] {
        let drawn = seen.split('\r').flat_map(|line| line.split('\n'));
        let of_it: Vec<_> = drawn.filter(|line| line.contains(what)).collect();
        assert!(
            of_it.iter().any(|line| line.contains("/3 ")),
            "{what} in {seen:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn spans_that_cannot_be_delivered_make_the_demo_fail() {
    let dir = tempfile::tempdir().unwrap();
    let full = ["--json", "--exporter", "file", "--endpoint", "/dev/full"];
    let (status, out, err) = demo(dir.path(), &full);
    assert_eq!(status, Some(1));
    assert!(err.contains("error: spans are missing"), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["spans"]["dropped"], report["spans"]["started"]);
}

/// Runs the demo for somebody who does not read the report; gives the exit status and standard error.
fn unread(arguments: &[&str]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset_in(dir.path());
    let mut demo = Command::new(PROGRAM)
        .args(["demo", "--dataset", dataset.to_str().unwrap()])
        .args(arguments)
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(demo.stdout.take());
    let output = demo.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn who_reads_only_the_beginning_of_the_report_sees_no_error() {
    for form in [&["--json"][..], &[]] {
        assert_eq!(unread(form), (Some(0), String::new()), "{form:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn missing_spans_make_the_demo_fail_whether_or_not_the_report_is_read() {
    for form in [&["--json"][..], &[]] {
        let full = ["--exporter", "file", "--endpoint", "/dev/full"];
        let (status, errors) = unread(&[&full, form].concat());
        assert_eq!(status, Some(1), "{form:?}: {errors}");
        assert!(errors.contains("error: spans are missing"), "{errors}");
    }
}
