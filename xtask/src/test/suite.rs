//! The runners that together execute every test of the repository.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{python, runner::Runner};
use crate::metadata::Metadata;
use crate::process;
use crate::workspace::Workspace;

/// The package that counts instructions.
const INSTRUCTIONS: &str = "continuum-instructions";
const SDK_SOURCE: &str = "crates/observability/src/";

/// Lists the runners, in the order from many quick tests to few slow ones.
///
/// Ignored tests are those that need externals: they are run where these are there. The tests of
/// examples are run with those of the crates.
///
/// # Errors
///
/// An example whose tests would not be run.
pub(super) fn runners(
    workspace: &Workspace,
    members: &Metadata,
    externals: bool,
) -> Result<Vec<Runner>> {
    refuse_untested_examples(members)?;
    let root = workspace.root();
    let mut runners = vec![
        Runner::new("crates", crates(root, externals)),
        Runner::new("documentation", workspace_tests(root, &["--doc"])).or_empty(),
    ];
    if externals {
        runners.extend(python::runners(root, &members.target_directory)?);
    }
    if members
        .packages
        .iter()
        .any(|package| package.name == INSTRUCTIONS)
    {
        runners.push(Runner::new("instructions", instructions(root)));
    }
    if has_loom_models(workspace)? {
        runners.push(Runner::new("loom", loom(root, &members.target_directory)));
    }
    Ok(runners)
}

fn crates(root: &Path, externals: bool) -> Command {
    if !process::succeeds(process::cargo(root).args(["nextest", "--version"])) {
        let ignored: &[&str] = if externals {
            &["--", "--include-ignored"]
        } else {
            &[]
        };
        let mut cargo = workspace_tests(root, &["--lib", "--bins", "--tests"]);
        cargo.args(ignored);
        return cargo;
    }
    let mut cargo = uncoloured(root);
    cargo.args([
        "nextest",
        "run",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    if externals {
        cargo.args(["--run-ignored", "all"]);
    }
    cargo
}

fn workspace_tests(root: &Path, selection: &[&str]) -> Command {
    let mut cargo = uncoloured(root);
    cargo
        .args(["test", "--workspace", "--all-features", "--no-fail-fast"])
        .args(selection);
    cargo
}

/// Instruction counts; in a profile of their own, which builds the SDK once more, without features.
fn instructions(root: &Path) -> Command {
    let mut cargo = uncoloured(root);
    cargo.args([
        "test",
        "--package",
        INSTRUCTIONS,
        "--profile",
        "instructions",
        "--test",
        "instructions",
        "--",
        "--nocapture",
    ]);
    cargo
}

/// Models of concurrent code; a target folder of their own, since the flag rebuilds every
/// dependency.
pub(crate) fn loom(root: &Path, target_directory: &Path) -> Command {
    let mut cargo = uncoloured(root);
    cargo
        .env("RUSTFLAGS", "--cfg continuum_loom")
        .env("CARGO_TARGET_DIR", target_directory.join("loom"));
    cargo.args([
        "test",
        "--package",
        "continuum-observability",
        "--no-default-features",
        "--release",
        "--lib",
        "loom",
    ]);
    cargo
}

/// Colour codes would hide the summaries from the tally.
fn uncoloured(root: &Path) -> Command {
    let mut cargo = process::cargo(root);
    cargo.env("CARGO_TERM_COLOR", "never");
    cargo
}

/// Cargo tests an example only where its manifest says so.
fn refuse_untested_examples(members: &Metadata) -> Result<()> {
    let targets = members.packages.iter().flat_map(|package| &package.targets);
    for target in targets.filter(|target| !target.test) {
        ensure!(
            !target.kind.iter().any(|kind| kind == "example"),
            "the example {} is not tested; add `test = true` to it in Cargo.toml",
            target.name
        );
    }
    Ok(())
}

fn has_loom_models(workspace: &Workspace) -> Result<bool> {
    for file in workspace.files()? {
        if file.starts_with(SDK_SOURCE)
            && is_under_loom(&std::fs::read(workspace.root().join(&file))?)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_under_loom(source: &[u8]) -> bool {
    let source = String::from_utf8_lossy(source);
    source
        .lines()
        .any(|line| line.contains("cfg(") && line.contains("loom"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    fn names(write: impl Fn(&Repository)) -> Vec<&'static str> {
        let repository = Repository::new();
        repository.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
        );
        repository.package("crates/observability", "");
        write(&repository);
        let workspace = repository.workspace();
        let members = workspace.members().unwrap();
        runners(&workspace, &members, true)
            .unwrap()
            .iter()
            .map(|runner| runner.name)
            .collect()
    }

    #[test]
    fn crates_and_documentation_are_always_tested() {
        assert_eq!(names(|_| ()), ["crates", "documentation"]);
    }

    #[test]
    fn an_example_that_would_not_be_tested_is_refused() {
        let repository = Repository::new();
        repository.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
        );
        let examples = |test: &str| {
            let example = format!("[[example]]\nname = \"first\"\n{test}");
            repository.package("crates/observability", &example);
            repository.write("crates/observability/examples/first.rs", "fn main() {}");
            let members = repository.workspace().members().unwrap();
            refuse_untested_examples(&members)
        };
        let error = examples("").unwrap_err().to_string();
        assert!(
            error.starts_with("the example first is not tested"),
            "{error}"
        );
        examples("test = true\n").unwrap();
    }

    #[test]
    fn instructions_are_counted_where_the_package_is_there() {
        let found = names(|repository| repository.package("crates/continuum-instructions", ""));
        assert_eq!(found, ["crates", "documentation", "instructions"]);
    }

    #[test]
    fn loom_models_are_run_when_there_are_any() {
        let with = |source| {
            names(move |repository| repository.write("crates/observability/src/slot.rs", source))
        };
        assert_eq!(with("// nothing for loom"), ["crates", "documentation"]);
        assert_eq!(
            with("#[cfg(all(test, loom))]\nmod models;"),
            ["crates", "documentation", "loom"]
        );
    }
}
