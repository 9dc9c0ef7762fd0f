//! Unsafe code: in one folder alone.
//!
//! The lint `unsafe_code` is denied everywhere, so that a file has to name it to be let off; here only
//! the files of that folder may. Tests are no part of a program and may.

use std::path::Path;

use anyhow::{Context as _, Result};

const PLACE: &str = "crates/observability/src/recorder/sys/";
const LINT: &str = "unsafe_code";

/// One line for each source file of a crate that lets itself off the lint.
///
/// # Errors
///
/// A file cannot be read.
pub(crate) fn violations(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| is_held(file)) {
        let path = root.join(file);
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if String::from_utf8_lossy(&text).contains(LINT) {
            violations.push(format!("{file}: unsafe code belongs into {PLACE}"));
        }
    }
    Ok(violations)
}

fn is_held(file: &str) -> bool {
    let parts = file.strip_prefix("crates/").map(|rest| rest.split('/'));
    let is_source = parts.is_some_and(|mut parts| parts.nth(1) == Some("src"));
    let is_rust = Path::new(file).extension().is_some_and(|end| end == "rs");
    is_source && is_rust && !file.starts_with(PLACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    fn check(file: &str) -> Vec<String> {
        let repository = Repository::new();
        repository.write(
            file,
            "#![expect(\n    unsafe_code,\n    reason = \"fast\"\n)]\n",
        );
        let workspace = repository.workspace();
        violations(workspace.root(), &workspace.files().unwrap()).unwrap()
    }

    #[test]
    fn one_folder_and_tests_may_be_let_off() {
        for file in [
            "crates/observability/src/recorder/sys/slot.rs",
            "crates/observability/tests/fork/main.rs",
        ] {
            assert_eq!(check(file), [""; 0]);
        }
    }

    #[test]
    fn everywhere_else_it_is_a_violation() {
        for file in [
            "crates/observability/src/recorder/core.rs",
            "crates/observability/src/recorder/sys.rs",
            "crates/memory/src/store/mod.rs",
            "crates/python/src/lib.rs",
        ] {
            assert_eq!(
                check(file),
                [format!("{file}: unsafe code belongs into {PLACE}")]
            );
        }
    }
}
