//! `docs/configuration.md` against the code.

use super::env;
use std::collections::BTreeSet;

#[test]
fn the_document_lists_every_variable_that_is_read_and_no_other() {
    let document = include_str!("../../../../docs/configuration.md");
    let (document, _of_the_server) = document.split_once("\n## The server").unwrap();
    let listed: Vec<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name)
        .filter(|name| {
            name.chars().all(|letter| {
                letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
            })
        })
        .collect();
    let names: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(names.len(), listed.len(), "a variable is listed twice");
    let declared: BTreeSet<_> = env::ALL.iter().map(|variable| variable.name()).collect();
    assert_eq!(names, declared);
}
