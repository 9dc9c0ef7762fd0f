//! Dependencies between the crates of this repository: only those that the architecture draws.
//!
//! Source: ARCHITECTURE.md, the map. A folder that is not in [`ARROWS`] is a crate that nobody
//! decided on.

use crate::metadata::{Dependency, Metadata, Package};

const SDK: &str = "crates/observability";

/// Each folder with a package, and the folders it may depend on.
const ARROWS: [(&str, &[&str]); 7] = [
    ("crates/cli", &["crates/memory", "crates/collector", SDK]),
    ("crates/collector", &[]),
    ("crates/memory", &[SDK]),
    ("crates/observability", &["crates/observability-macros"]),
    ("crates/observability-macros", &[]),
    ("crates/python", &[SDK]),
    ("xtask", &[]),
];

/// Folders whose packages may depend on every crate, since nothing depends on them.
const FREE: [&str; 3] = ["examples", "benchmarks", "docs"];

/// One line for each crate that is not on the map and each arrow that it does not draw.
pub(crate) fn violations(members: &Metadata) -> Vec<String> {
    members
        .packages
        .iter()
        .flat_map(|package| of_package(members, package))
        .collect()
}

fn of_package(members: &Metadata, package: &Package) -> Vec<String> {
    let Some(from) = package
        .manifest_path
        .parent()
        .and_then(|path| members.folder(path))
    else {
        return vec![format!(
            "{}: a member of the workspace outside of it",
            package.name
        )];
    };
    if FREE.iter().any(|free| is_in(&from, free)) {
        return Vec::new();
    }
    let Some((_, drawn)) = ARROWS.iter().find(|(folder, _)| *folder == from) else {
        return vec![format!("{from}: a crate unknown to the architecture")];
    };
    let targets = package
        .dependencies
        .iter()
        .filter_map(|dependency| target(members, dependency));
    targets
        .filter(|(to, kind)| !drawn.contains(&to.as_str()) && !is_dev_on_sdk(to, kind))
        .map(|(to, kind)| format!("{from} -> {to} ({kind}): not drawn by the architecture"))
        .collect()
}

/// Where a dependency by path leads, and its kind; `None` for one from a registry.
fn target<'a>(members: &Metadata, dependency: &'a Dependency) -> Option<(String, &'a str)> {
    let path = dependency.path.as_ref()?;
    let folder = members
        .folder(path)
        .unwrap_or_else(|| path.display().to_string());
    Some((folder, dependency.kind.as_deref().unwrap_or("normal")))
}

/// Tests of any crate may record spans.
fn is_dev_on_sdk(to: &str, kind: &str) -> bool {
    to == SDK && kind == "dev"
}

fn is_in(folder: &str, parent: &str) -> bool {
    folder == parent
        || folder
            .strip_prefix(parent)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    /// Builds a workspace of small packages, each with some lines of its manifest, and checks it.
    fn check(packages: &[(&str, &str)]) -> Vec<String> {
        let repository = Repository::new();
        let members: Vec<&str> = packages.iter().map(|(folder, _)| *folder).collect();
        repository.write(
            "Cargo.toml",
            &format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}"),
        );
        for (folder, dependencies) in packages {
            repository.package(folder, dependencies);
        }
        violations(&repository.workspace().members().unwrap())
    }

    #[test]
    fn drawn_arrows_pass() {
        let found = check(&[
            (
                "crates/observability-macros",
                "[dev-dependencies]\nobservability.path = \"../observability\"",
            ),
            (
                SDK,
                "[dependencies]\nobservability-macros.path = \"../observability-macros\"",
            ),
            (
                "crates/memory",
                "[dependencies]\nobservability.path = \"../observability\"",
            ),
            ("crates/cli", "[dependencies]\nmemory.path = \"../memory\""),
            (
                "examples",
                "[dependencies]\nmemory.path = \"../crates/memory\"",
            ),
            (
                "benchmarks/recall",
                "[dependencies]\nmemory.path = \"../../crates/memory\"",
            ),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn an_arrow_against_the_flow_is_a_violation_of_any_kind() {
        for (table, kind) in [
            ("dependencies", "normal"),
            ("build-dependencies", "build"),
            ("dev-dependencies", "dev"),
        ] {
            let manifest = format!("[{table}]\nmemory.path = \"../memory\"");
            let found = check(&[("crates/memory", ""), (SDK, &manifest)]);
            let expected = format!(
                "crates/observability -> crates/memory ({kind}): not drawn by the architecture"
            );
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn only_tests_of_a_crate_without_that_arrow_may_use_the_sdk() {
        let with = |table| {
            check(&[
                (SDK, ""),
                (
                    "crates/collector",
                    &format!("[{table}]\nobservability.path = \"../observability\""),
                ),
            ])
        };
        assert_eq!(with("dev-dependencies"), Vec::<String>::new());
        assert_eq!(with("dependencies").len(), 1);
    }

    #[test]
    fn a_crate_that_is_not_on_the_map_is_a_violation() {
        assert_eq!(
            check(&[("crates/common", "")]),
            ["crates/common: a crate unknown to the architecture"]
        );
    }
}
