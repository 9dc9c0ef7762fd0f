//! `continuum lint`, as a person and as a script run it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// The exit status, standard output, standard error.
fn lint(file: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_continuum"));
    let output = command
        .arg("lint")
        .arg(file)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn line(name: &str) -> String {
    let span = json!({ "traceId": "01".repeat(16), "spanId": "02".repeat(8), "name": name, "flags": 0x101 });
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] }).to_string()
}

#[test]
fn findings_are_printed_with_their_remedy_and_fail() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    fs::write(&file, line("operation")).unwrap();
    let (status, out, err) = lint(&file, &[]);
    assert_eq!(status, Some(3), "{err}");
    let expected = "\
generic-name  guide: Best practices: Span naming
  operation  the name fits any span  trace 01010101010101010101010101010101
  → say what the span does, from the general to the particular, such as memory.recall

1 finding in 1 spans
";
    assert_eq!(out, expected);

    let (status, out, _) = lint(&file, &["--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (status, &report["findings"][0]["rule"]),
        (Some(3), &json!("generic-name"))
    );

    let (status, out, _) = lint(&file, &["--without", "generic-name"]);
    assert_eq!(
        (status, out.as_str()),
        (Some(0), "no findings in 1 spans\n")
    );
}

#[test]
fn findings_that_nobody_reads_to_their_end_are_findings() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    for (name, expected) in [("operation", 3), ("load", 0)] {
        fs::write(&file, line(name)).unwrap();
        for form in [&["--json"][..], &[]] {
            let mut lint = Command::new(env!("CARGO_BIN_EXE_continuum"));
            lint.arg("lint").arg(&file).args(form);
            // A pipe whose reading end is closed before anything is written.
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let output = lint.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
            let output = output.wait_with_output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                (output.status.code(), errors.as_str()),
                (Some(expected), "")
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    fs::write(&file, line("operation")).unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut lint = Command::new(env!("CARGO_BIN_EXE_continuum"));
    let output = lint.arg("lint").arg(&file).stdout(full).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.starts_with("error: cannot write to standard output: "),
        "{errors}"
    );
}

#[test]
fn what_cannot_be_read_or_understood_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    let (status, _, err) = lint(&file, &[]);
    assert_eq!(status, Some(1));
    assert!(
        err.contains("cannot open") && err.contains("OTEL_TRACES_EXPORTER=file"),
        "{err}"
    );

    fs::write(
        &file,
        format!("{}\n{{\"resourceSpans\": 1}}\n", line("load")),
    )
    .unwrap();
    let (status, _, err) = lint(&file, &[]);
    assert_eq!(status, Some(1));
    assert!(
        err.contains("spans.jsonl:2: not a line of OTLP JSON"),
        "{err}"
    );

    let (status, _, err) = lint(&file, &["--without", "names"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("there are generic-name,"), "{err}");
}

#[test]
fn the_demo_keeps_to_the_guide() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_continuum"));
    demo.args(["demo", "--json", "--exporter", "file", "--endpoint"])
        .arg(&file);
    let output = demo.env("TMPDIR", dir.path()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (status, out, err) = lint(&file, &[]);
    assert_eq!(status, Some(0), "{out}{err}");
}

#[test]
fn names_of_others_stay_on_their_line_and_in_their_column() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("spans.jsonl");
    let name = format!("\u{1b}]0;mine\u{7}\nrecall 4711 {}", "x".repeat(100));
    fs::write(&file, line(&name)).unwrap();
    let (_, out, _) = lint(&file, &[]);
    assert!(out.contains("dynamic-name"), "{out}");
    assert!(!out.contains(['\u{1b}', '\u{7}']), "{out}");
    let found = out.lines().nth(1).unwrap();
    assert!(
        found.starts_with(r"  \u{1b}]0;mine\u{7}\nrecall 4711 xxx"),
        "{out}"
    );
    assert!(found.contains("…  "), "{out}");
}
