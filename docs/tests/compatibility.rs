//! The page `docs/compatibility.md`: each feature that is there names a test that exists.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{collections::HashSet, fs, path::Path};

/// Of CONTINUUM in Rust and Python, then of opentelemetry in Rust and Python.
const STATES: [&str; 6] = ["yes", "no", "partly", "–", "?", ""];

struct Row {
    feature: &'static str,
    ours: [&'static str; 2],
    theirs: [&'static str; 2],
    shown_by: &'static str,
}

fn rows() -> Vec<Row> {
    let page = include_str!("../compatibility.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.starts_with("| Feature") && !line.starts_with("| ---"));
    rows.map(row).collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [feature, rust, python, their_rust, their_python, shown_by] = cells[..] else {
        panic!("six cells: {line}")
    };
    for state in [rust, python, their_rust, their_python] {
        assert!(STATES.contains(&state), "{state:?} in {line}");
    }
    assert!(!rust.is_empty(), "{line}");
    Row {
        feature,
        ours: [rust, python],
        theirs: [their_rust, their_python],
        shown_by,
    }
}

/// The tests that a cell names, as path and function.
fn tests(cell: &'static str) -> Vec<(&'static str, &'static str)> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| text.contains('/'))
        .map(|text| {
            text.split_once("::")
                .unwrap_or_else(|| panic!("no test: {text}"))
        })
        .collect()
}

/// Whether a file of the repository has a test of that name.
fn is_there(path: &str, name: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join(path)).unwrap_or_default();
    let marked = |line: &str| {
        ["#[test]", "#[tokio::test", "proptest!"]
            .iter()
            .any(|m| line.contains(m))
    };
    let head = [format!("fn {name}("), format!("def {name}(")];
    let found = text
        .lines()
        .any(|line| head.iter().any(|head| line.contains(head.as_str())));
    let is_python = Path::new(path).extension().is_some_and(|kind| kind == "py");
    found && (is_python || text.lines().any(marked))
}

#[test]
fn what_is_there_names_tests_that_exist() {
    for row in rows() {
        let tests = tests(row.shown_by);
        let there = row
            .ours
            .iter()
            .any(|state| ["yes", "partly"].contains(state));
        assert!(!there || !tests.is_empty(), "{} has no test", row.feature);
        for (path, name) in tests {
            assert!(
                is_there(path, name),
                "{}: there is no test {path}::{name}",
                row.feature
            );
        }
    }
}

#[test]
fn what_only_opentelemetry_has_is_missing_for_a_reason() {
    for row in rows() {
        let lacks = row.ours[0] != "yes" && row.theirs[0] == "yes";
        let without_tests = row.shown_by.split('`').step_by(2).collect::<String>();
        let has_reason = without_tests.split_whitespace().count() > 2;
        assert!(
            !lacks || has_reason,
            "{} is missing without a reason",
            row.feature
        );
    }
}

#[test]
fn every_part_of_the_matrix_that_is_in_scope_is_on_the_page() {
    let rows = rows();
    let features: HashSet<_> = rows.iter().map(|row| row.feature).collect();
    assert!(rows.len() > 150, "{} rows", rows.len());
    for variable in [
        "`OTEL_PROPAGATORS`",
        "`OTEL_CONFIG_FILE`",
        "`otel.sdk.span.live`",
    ] {
        assert!(features.contains(variable), "{variable}");
    }
}
