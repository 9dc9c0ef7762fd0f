//! Every test that `reliability.md` names is there.
//!
//! A row of a table names, in its last cell, files and then the tests in them. A file without a folder is in the
//! folder that the heading of the column names, or else in `tests/faults`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../reliability.md");

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn last_cell(row: &str) -> &str {
    row.trim_matches(['|', ' '])
        .rsplit('|')
        .next()
        .unwrap()
        .trim()
}

fn is_file(name: &str) -> bool {
    let is_source = Path::new(name).extension().is_some_and(|end| end == "rs");
    name.starts_with("tests/") || is_source
}

fn path(file: &str, folder: &str) -> PathBuf {
    let sdk = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/observability"
    ));
    if file.contains('/') {
        sdk.join(file)
    } else {
        sdk.join(folder).join(file)
    }
}

/// The files that are named, with the tests in each.
fn named() -> Vec<(PathBuf, Vec<&'static str>)> {
    let mut named: Vec<(PathBuf, Vec<_>)> = Vec::new();
    for table in PAGE.split("\n\n").filter(|part| part.starts_with('|')) {
        let heading = last_cell(table.lines().next().unwrap());
        if !heading.starts_with("Test") {
            continue;
        }
        let folder = quoted(heading).next().unwrap_or("tests/faults/");
        for row in table.lines().skip(2) {
            for name in quoted(last_cell(row)) {
                if is_file(name) {
                    named.push((path(name, folder), Vec::new()));
                } else if name
                    .bytes()
                    .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
                {
                    named.last_mut().unwrap().1.push(name);
                }
            }
        }
    }
    named
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let named = named();
    let tests: usize = named.iter().map(|(_, tests)| tests.len()).sum();
    assert!(
        named.len() > 30 && tests > 20,
        "{} files, {tests} tests",
        named.len()
    );
    for (file, tests) in named {
        assert!(file.exists(), "{} is not there", file.display());
        for test in tests {
            let text = fs::read_to_string(&file).unwrap();
            let is_there = text.contains(&format!("fn {test}("));
            assert!(is_there, "{} has no test {test}", file.display());
        }
    }
}
