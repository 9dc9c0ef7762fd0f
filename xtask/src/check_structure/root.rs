//! Names in the root of the repository: a closed list.
//!
//! What is written once and then forgotten (status, summary, notes) has no place in the root: Git
//! has the history.

use std::collections::BTreeSet;

/// Files that may stand in the root.
const FILES: [&str; 13] = [
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "STYLE.md",
    "clippy.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Folders that may stand in the root.
const FOLDERS: [&str; 11] = [
    ".cargo",
    ".ci",
    ".config",
    "benchmarks",
    "crates",
    "docs",
    "examples",
    "fuzz",
    "python",
    "web",
    "xtask",
];

/// One line for each name in the root that is on neither list.
///
/// `files` are relative to the root.
pub(crate) fn violations(files: &[String]) -> Vec<String> {
    let unknown: BTreeSet<String> = files.iter().filter_map(|file| unknown_name(file)).collect();
    unknown
        .into_iter()
        .map(|name| format!("{name}: not on the closed list of the root"))
        .collect()
}

fn unknown_name(file: &str) -> Option<String> {
    match file.split_once('/') {
        Some((folder, _)) => (!FOLDERS.contains(&folder)).then(|| format!("{folder}/")),
        None => (!FILES.contains(&file)).then(|| file.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    fn check(names: &[&str]) -> Vec<String> {
        let repository = Repository::new();
        for name in names {
            repository.write(name, "");
        }
        violations(&repository.workspace().files().unwrap())
    }

    #[test]
    fn known_names_pass() {
        assert_eq!(
            check(&["README.md", "crates/a/NOTES.md", ".ci/run"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn unknown_files_and_folders_are_named_once_each() {
        assert_eq!(
            check(&["STATUS.md", "tools/a.sh", "tools/b.sh", "README.md"]),
            [
                "STATUS.md: not on the closed list of the root",
                "tools/: not on the closed list of the root"
            ]
        );
    }

    #[test]
    fn a_file_with_the_name_of_a_folder_is_unknown() {
        assert_eq!(check(&["docs"]).len(), 1);
    }

    #[test]
    fn ignored_names_do_not_count() {
        let repository = Repository::new();
        repository.write(".gitignore", "/target/\n");
        repository.write("target/debug/xtask", "");
        assert_eq!(
            violations(&repository.workspace().files().unwrap()),
            Vec::<String>::new()
        );
    }
}
