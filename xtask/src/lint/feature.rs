//! The SDK as it comes, without features, and with each of them by itself: what a stranger may build. The
//! library alone: with its tests that would take minutes.

use anyhow::{Context as _, Result};

use crate::metadata::{Metadata, Package};
use crate::process;
use crate::workspace::Workspace;

pub(super) const SDK: &str = "continuum-observability";

/// Runs clippy on the SDK as it comes, on its API alone, and with each feature alone.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let members = workspace.members()?;
    for set in sets(sdk(&members)?) {
        let mut cargo = process::cargo(workspace.root());
        cargo.args(["clippy", "--package", SDK, "--lib"]);
        process::run(cargo.args(set).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// The SDK among the packages of the workspace.
pub(super) fn sdk(members: &Metadata) -> Result<&Package> {
    let mut packages = members.packages.iter();
    packages.find(|package| package.name == SDK).context(SDK)
}

/// The features for users. Those that begin with `_` are for other features only.
pub(super) fn for_users(package: &Package) -> impl Iterator<Item = &str> {
    let names = package.features.keys().map(String::as_str);
    names.filter(|name| *name != "default" && !name.starts_with('_'))
}

/// The arguments that choose features.
fn sets(package: &Package) -> Vec<Vec<&str>> {
    const ALONE: &str = "--no-default-features";
    let mut sets = vec![vec![], vec![ALONE]];
    sets.extend(for_users(package).map(|name| vec![ALONE, "--features", name]));
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    #[test]
    fn each_feature_for_users_is_checked_by_itself() {
        let repository = Repository::new();
        let manifest = "[workspace]\n\n[package]\nname = \"sdk\"\nedition = \"2024\"\n\
                        [features]\ndefault = [\"b\"]\nb = [\"_c\"]\na = []\n_c = []\n";
        repository.write("Cargo.toml", manifest);
        repository.write("src/lib.rs", "");
        let members = repository.workspace().members().unwrap();
        let sets = sets(&members.packages[0]);
        let lines: Vec<String> = sets.iter().map(|set| set.join(" ")).collect();
        let alone = "--no-default-features";
        assert_eq!(
            lines,
            [
                String::new(),
                alone.to_owned(),
                format!("{alone} --features a"),
                format!("{alone} --features b")
            ]
        );
    }
}
