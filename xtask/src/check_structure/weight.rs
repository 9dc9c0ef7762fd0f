//! What makes a build from nothing slow: every feature of a large library, and optimisation across all crates.
//!
//! Source: README.md, "demo": its first line appears some minutes after a cold clone.

use std::path::Path;

use anyhow::Result;

use super::manifest;
use crate::metadata::{Dependency, Metadata};

/// Libraries of which each part is chosen by name. (Of `syn`, for one, `full` is a part like others.)
const CHOSEN_IN_PARTS: [&str; 1] = ["tokio"];

/// One line for each dependency that takes all there is, and one where the profile `release` optimises across
/// crates. (The Python wheel has a profile of its own, which nobody waits for to see the demo.)
///
/// # Errors
///
/// The manifest of the workspace cannot be read.
pub(crate) fn violations(root: &Path, members: &Metadata) -> Result<Vec<String>> {
    let manifest = manifest::read(&root.join("Cargo.toml"))?;
    let mut violations: Vec<String> = members
        .packages
        .iter()
        .flat_map(|package| package.dependencies.iter().map(|to| (&package.name, to)))
        .filter(|(_, dependency)| takes_all(dependency))
        .map(|(name, to)| format!("{name} -> {}: name its features instead of `full`", to.name))
        .collect();
    violations.extend(
        manifest::table(&manifest, "[profile.release]")
            .filter(|line| is_fat_lto(line))
            .map(|line| format!("Cargo.toml: `{}` makes every build slow", line.trim())),
    );
    Ok(violations)
}

fn takes_all(dependency: &Dependency) -> bool {
    CHOSEN_IN_PARTS.contains(&dependency.name.as_str())
        && dependency.features.iter().any(|name| name == "full")
}

fn is_fat_lto(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    let value = value.split('#').next().unwrap_or_default().trim();
    key.trim() == "lto" && !["false", "\"off\"", "\"thin\""].contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    fn check(profile: &str, dependencies: &str) -> Vec<String> {
        let repository = Repository::new();
        repository.write(
            "Cargo.toml",
            &format!("[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n{profile}"),
        );
        repository.package("crates/memory", dependencies);
        let workspace = repository.workspace();
        violations(workspace.root(), &workspace.members().unwrap()).unwrap()
    }

    #[test]
    fn features_that_are_named_pass() {
        let dependencies = "[dependencies]\ntokio = { version = \"1\", features = [\"rt\"] }\n\
                            syn = { version = \"2\", features = [\"full\"] }\n";
        assert_eq!(check("", dependencies), [""; 0]);
    }

    #[test]
    fn every_feature_at_once_is_a_violation_of_any_kind() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let full = format!(
                "[{table}]\ntokio = {{ version = \"1\", features = [\"rt\", \"full\"] }}\n"
            );
            assert_eq!(
                check("", &full),
                ["memory -> tokio: name its features instead of `full`"]
            );
        }
    }

    #[test]
    fn optimising_across_all_crates_is_a_violation() {
        let profile = |lto: &str| check(&format!("[profile.release]\nlto = {lto}\n"), "");
        for slow in ["true", "\"fat\"", "\"fat\" # faster"] {
            let found = profile(slow);
            assert!(found.len() == 1 && found[0].contains("slow"), "{found:?}");
        }
        assert_eq!(check("[profile.wheel]\nlto = \"fat\"\n", ""), [""; 0]);
        for quick in ["false", "\"off\"", "\"thin\" # cheap"] {
            assert_eq!(profile(quick), [""; 0]);
        }
    }
}
