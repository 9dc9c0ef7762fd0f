//! The page `docs/compatibility.md`: it has each row of the specification's matrix, with what that says of others, and each
//! feature that is there names a test that exists.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path};

/// Of CONTINUUM in Rust and Python, then of opentelemetry in Rust and Python.
const STATES: [&str; 6] = ["yes", "no", "partly", "–", "?", ""];

/// The headings of the page, and the section of the matrix that each is about.
const SECTIONS: [(&str, &str); 12] = [
    ("Tracer provider and tracers", "traces"),
    ("Span context", "traces"),
    ("Spans", "traces"),
    ("Attributes, links, events, exceptions", "traces"),
    ("Sampling", "traces"),
    ("Baggage", "baggage"),
    ("Resource", "resource"),
    ("Context and propagation", "context"),
    ("Environment variables", "environment"),
    ("Declarative configuration", "configuration"),
    ("Exporters", "exporters"),
    ("What the SDK says about itself", "self-observability"),
];

struct Row {
    section: &'static str,
    /// Of the rows of the matrix that it stands for.
    numbers: Vec<u32>,
    feature: &'static str,
    ours: [&'static str; 2],
    theirs: [&'static str; 2],
    shown_by: &'static str,
}

fn rows() -> Vec<Row> {
    let page = include_str!("../compatibility.md");
    let mut section = "";
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let known = SECTIONS.iter().find(|(known, _)| *known == heading);
            section = known.unwrap_or_else(|| panic!("{heading}")).1;
        }
        let is_row = |line: &str| line.starts_with("| ") && !line.starts_with("| ---");
        if is_row(line) && !line.starts_with("| Row") {
            rows.push(row(section, line));
        }
    }
    rows
}

fn row(section: &'static str, line: &'static str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [
        numbers,
        feature,
        rust,
        python,
        their_rust,
        their_python,
        shown_by,
    ] = cells[..]
    else {
        panic!("seven cells: {line}")
    };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number: {line}"));
    let numbers = numbers.split(", ").map(number).collect();
    for state in [rust, python, their_rust, their_python] {
        assert!(STATES.contains(&state), "{state:?} in {line}");
    }
    assert!(!rust.is_empty(), "{line}");
    Row {
        section,
        numbers,
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

/// What the matrix says of opentelemetry in Rust and Python, by section and number.
fn matrix() -> BTreeMap<(&'static str, u32), [&'static str; 2]> {
    let extract = include_str!("../compatibility-matrix.tsv");
    let lines = extract.lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &'static str| {
        let cells: Vec<_> = line.split('\t').collect();
        let [section, number, rust, python] = cells[..] else {
            panic!("four cells: {line}")
        };
        let number = number.parse().unwrap_or_else(|_| panic!("{line}"));
        ((section, number), [rust, python])
    };
    lines.map(entry).collect()
}

#[test]
fn every_row_of_the_matrix_is_on_the_page_once_with_what_it_says_of_others() {
    let mut said = BTreeMap::new();
    for row in rows() {
        for number in row.numbers {
            let before = said.insert((row.section, number), row.theirs);
            assert_eq!(before, None, "{} {number} twice", row.section);
        }
    }
    let matrix = matrix();
    for (row, theirs) in &matrix {
        assert_eq!(said.get(row), Some(theirs), "{row:?}");
    }
    assert_eq!(said.len(), matrix.len());
}
