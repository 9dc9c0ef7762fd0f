//! The tables of ARCHITECTURE.md: each names a thing once.
//!
//! Two rows about one thing are two answers, of which one is old: a merge that keeps both sides leaves them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;

const MAP: &str = "ARCHITECTURE.md";

/// One line for each row whose first cell an earlier row of the same table has.
///
/// # Errors
///
/// The page is there and cannot be read.
pub(crate) fn violations(root: &Path) -> Result<Vec<String>> {
    let page = root.join(MAP);
    let text = if page.exists() {
        fs::read_to_string(page)?
    } else {
        String::new()
    };
    let mut seen = BTreeSet::new();
    let mut violations = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(thing) = first_cell(line) else {
            seen.clear();
            continue;
        };
        if !seen.insert(thing) {
            violations.push(format!("{MAP}:{number}: a second row about {thing}"));
        }
    }
    Ok(violations)
}

fn first_cell(line: &str) -> Option<&str> {
    line.strip_prefix('|')?.split('|').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    #[test]
    fn a_second_row_about_one_thing_is_named() {
        let repository = Repository::new();
        let text = "| crate | why |\n|---|---|\n| `a` | new |\n| `b` | b |\n| `a` | old |\n\n| `a` | elsewhere |\n";
        repository.write(MAP, text);
        let violations = violations(repository.workspace().root()).unwrap();
        assert_eq!(violations, ["ARCHITECTURE.md:5: a second row about `a`"]);
    }

    #[test]
    fn a_repository_without_a_map_passes() {
        let repository = Repository::new();
        let violations = violations(repository.workspace().root()).unwrap();
        assert_eq!(violations, Vec::<String>::new());
    }
}
