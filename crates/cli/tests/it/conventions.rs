//! Whether `docs/semantic-conventions.md` has every name that the memory server writes.

use std::collections::BTreeSet;

use continuum_cli::trace_file;
use continuum_observability::SpanRecord;

use crate::demo::demo;

const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];

/// The rows of all tables whose first column has this heading, as their cells.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let page = include_str!("../../../../docs/semantic-conventions.md");
    let table_of = |part: &'static str| {
        let rows = part
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
    };
    let heading = format!("| {heading} |");
    let tables = page.split(&heading).skip(1);
    tables.flat_map(table_of).collect()
}

/// What stands between backticks.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether a name is one of a pattern such as `db.<operation>.<table>`.
fn is_of(name: &str, pattern: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else {
        return name == pattern;
    };
    let after = rest.split_once('>').map_or("", |(_, after)| after);
    let Some(varying) = name.strip_prefix(before) else {
        return false;
    };
    let ends = varying
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    ends.into_iter().any(|end| is_of(&varying[end..], after))
}

/// What a span has that the page does not.
fn unknown(span: &SpanRecord) -> Vec<String> {
    let kind = KINDS[usize::try_from(span.kind).unwrap()];
    let is_listed = rows("Span")
        .iter()
        .any(|row| row[1] == kind && quoted(row[0]).any(|pattern| is_of(&span.name, pattern)));
    let mut unknown: Vec<_> = (!is_listed)
        .then(|| format!("the {kind} span {}", span.name))
        .into_iter()
        .collect();
    let attributes: BTreeSet<_> = rows("Attribute")
        .iter()
        .flat_map(|row| quoted(row[0]))
        .collect();
    let keys = span.attributes.iter().map(|(key, _)| key.as_str());
    unknown.extend(
        keys.filter(|key| !attributes.contains(key))
            .map(|key| format!("the attribute {key}")),
    );
    for event in &span.events {
        let rows = rows("Event");
        let row = rows
            .iter()
            .find(|row| quoted(row[0]).any(|pattern| is_of(&event.name, pattern)));
        let listed: Vec<_> = row.into_iter().flat_map(|row| quoted(row[1])).collect();
        let is_known = row.is_some()
            && event
                .attributes
                .iter()
                .all(|(key, _)| listed.contains(&key.as_str()));
        if !is_known {
            unknown.push(format!("the event {event:?}"));
        }
    }
    unknown
}

#[test]
fn the_page_has_every_name_of_the_memory_server() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("traces.jsonl");
    let to_file = [
        "--json",
        "--exporter",
        "file",
        "--endpoint",
        file.to_str().unwrap(),
    ];
    let (status, _, err) = demo(dir.path(), &to_file);
    assert_eq!(status, Some(0), "{err}");
    let spans = trace_file::read(&file).unwrap();
    let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert!(names.contains("auth.verify_key"), "{names:?}");
    let unknown: BTreeSet<_> = spans.iter().flat_map(unknown).collect();
    assert_eq!(unknown, BTreeSet::new());
}

#[test]
fn a_name_is_looked_up_by_its_pattern() {
    assert!(is_of("db.select.turns", "db.<operation>.<table>"));
    assert!(is_of("attempt_12_failed", "attempt_<n>_failed"));
    assert!(!is_of("attempt__failed", "attempt_<n>_failed"));
    assert!(!is_of("db.select", "db.<operation>.<table>"));
    assert!(!is_of("batch_process", "process <destination>"));
}
