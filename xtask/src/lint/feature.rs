//! The SDK as it comes, without features, and with each of them by itself: what a stranger may build. The
//! library alone, and by the compiler alone where a feature is: with its tests, or with clippy for each, that
//! would take minutes.

use anyhow::{Context as _, Result};

use crate::metadata::{Metadata, Package};
use crate::process;
use crate::workspace::Workspace;

pub(super) const SDK: &str = "continuum-observability";

const API_ALONE: &str = "--no-default-features";

/// Runs clippy on the SDK as it comes and on its API alone, and compiles it with each feature alone.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let members = workspace.members()?;
    let cargo = |command| {
        let mut cargo = process::cargo(workspace.root());
        cargo.args([command, "--package", SDK, "--lib"]);
        cargo
    };
    for set in [None, Some(API_ALONE)] {
        process::run(cargo("clippy").args(set).args(["--", "-D", "warnings"]))?;
    }
    for name in for_users(sdk(&members)?) {
        let mut check = cargo("check");
        check.args([API_ALONE, "--features", name]);
        let deny = workspace.root().join(super::DENY);
        process::run(check.env("RUSTC_WORKSPACE_WRAPPER", deny))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    #[test]
    fn features_for_users_are_all_but_the_default_and_those_for_others() {
        let repository = Repository::new();
        let manifest = "[workspace]\n\n[package]\nname = \"sdk\"\nedition = \"2024\"\n\
                        [features]\ndefault = [\"b\"]\nb = [\"_c\"]\na = []\n_c = []\n";
        repository.write("Cargo.toml", manifest);
        repository.write("src/lib.rs", "");
        let members = repository.workspace().members().unwrap();
        let names: Vec<&str> = for_users(&members.packages[0]).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
