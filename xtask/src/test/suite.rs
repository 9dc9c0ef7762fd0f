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
/// The package that records spans.
const SDK: &str = "continuum-observability";
const SDK_SOURCE: &str = "crates/observability/src/";

/// What is to be run, and what is not.
pub(super) struct Suite {
    /// Those that keep every core busy.
    pub(super) in_turn: Vec<Runner>,
    /// Groups that may run beside each other, those that take longest first.
    pub(super) at_once: Vec<Vec<Runner>>,
    /// What is left out because it needs programs from outside.
    pub(super) left_out: Vec<&'static str>,
}

/// Lists the runners.
///
/// Ignored tests are those that need externals: they are run where these are there. The tests of
/// examples are run with those of the crates.
///
/// # Errors
///
/// An example whose tests would not be run.
pub(super) fn suite(workspace: &Workspace, members: &Metadata, externals: bool) -> Result<Suite> {
    refuse_untested_examples(members)?;
    let root = workspace.root();
    let has = |name| members.packages.iter().any(|package| package.name == name);
    let mut suite = Suite {
        in_turn: vec![
            Runner::new("crates", crates(root, externals)),
            Runner::new("documentation", workspace_tests(root, &["--doc"])),
        ],
        at_once: Vec::new(),
        left_out: Vec::new(),
    };
    if !externals {
        suite.left_out.push("ignored tests of the crates");
    }
    if python::is_in(root) {
        if externals {
            let of_python = python::runners(root, &members.target_directory)?;
            // In turn: wheels are built in one target folder.
            let in_turn = of_python.into_iter().flatten().collect();
            suite.at_once.push(in_turn);
        } else {
            suite.left_out.push("python");
        }
    }
    if has(INSTRUCTIONS) {
        if externals {
            let native = instructions(root, "instructions", &[]);
            let bridges = instructions(root, "bridges", &["--features", "bridges"]);
            suite.at_once.push(vec![
                Runner::new("instructions", native),
                Runner::new("instructions of bridges", bridges),
            ]);
        } else {
            suite.left_out.push("instructions");
        }
    }
    if has_loom_models(workspace)? {
        let loom = loom(root, &members.target_directory, "dev");
        suite.at_once.push(vec![Runner::new("loom", loom)]);
    }
    if has(SDK) {
        let fallback = Runner::new("clock fallback", clock_fallback(root));
        suite.at_once.push(vec![fallback]);
    }
    Ok(suite)
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

/// Instruction counts; in a profile of their own, which builds the SDK once more for each set of features.
fn instructions(root: &Path, test: &str, features: &[&str]) -> Command {
    let mut cargo = uncoloured(root);
    cargo.args(["test", "--package", INSTRUCTIONS]);
    cargo.args(features);
    cargo.args(["--profile", "instructions", "--test", test]);
    cargo.args(["--", "--nocapture"]);
    cargo
}

/// The SDK's own tests without the time stamp counter. The wrapper adds the flag for packages of the workspace
/// alone, and Cargo keeps what it made apart: no dependency is built again for it.
fn clock_fallback(root: &Path) -> Command {
    let mut cargo = uncoloured(root);
    cargo.env(
        "RUSTC_WORKSPACE_WRAPPER",
        root.join("xtask/with-clock-fallback"),
    );
    cargo.args(["test", "--package", SDK, "--all-features", "--no-fail-fast"]);
    cargo.arg("--lib");
    cargo
}

/// Models of concurrent code; a target folder of their own, since the flag rebuilds every
/// dependency, which takes longer than small models do.
pub(crate) fn loom(root: &Path, target_directory: &Path, profile: &str) -> Command {
    let mut cargo = uncoloured(root);
    cargo
        .env("RUSTFLAGS", "--cfg continuum_loom")
        .env("CARGO_TARGET_DIR", target_directory.join("loom"));
    cargo.args([
        "test",
        "--package",
        SDK,
        "--no-default-features",
        "--profile",
        profile,
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

    /// The names of what is run in a repository, and of what is left out.
    fn names(write: impl Fn(&Repository), externals: bool) -> [Vec<String>; 2] {
        let repository = Repository::new();
        repository.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
        );
        repository.package("crates/observability", "");
        write(&repository);
        let workspace = repository.workspace();
        let members = workspace.members().unwrap();
        let suite = suite(&workspace, &members, externals).unwrap();
        let runners = suite
            .in_turn
            .into_iter()
            .chain(suite.at_once.into_iter().flatten());
        let left_out = suite.left_out.into_iter().map(str::to_owned);
        [
            runners.map(|runner| runner.name).collect(),
            left_out.collect(),
        ]
    }

    fn run(write: impl Fn(&Repository)) -> Vec<String> {
        let [run, left_out] = names(write, true);
        assert_eq!(left_out, [""; 0]);
        run
    }

    #[test]
    fn crates_and_documentation_are_always_tested() {
        assert_eq!(run(|_| ()), ["crates", "documentation"]);
    }

    #[test]
    fn what_needs_programs_from_outside_is_left_out_by_name() {
        let write = |repository: &Repository| {
            repository.package("crates/continuum-instructions", "");
            repository.write("python/pyproject.toml", "");
        };
        let ignored = "ignored tests of the crates";
        assert_eq!(
            names(write, false),
            [
                vec!["crates", "documentation"],
                vec![ignored, "python", "instructions"]
            ]
        );
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
        let found = run(|repository| repository.package("crates/continuum-instructions", ""));
        let counted = ["instructions", "instructions of bridges"];
        assert_eq!(found, [["crates", "documentation"], counted].concat());
    }

    #[test]
    fn the_fallback_of_the_clock_is_tested_where_the_sdk_is_there() {
        let found = run(|repository| repository.package("crates/continuum-observability", ""));
        assert_eq!(found, ["crates", "documentation", "clock fallback"]);
    }

    #[test]
    fn loom_models_are_run_when_there_are_any() {
        let with = |source| {
            run(move |repository| repository.write("crates/observability/src/slot.rs", source))
        };
        assert_eq!(with("// nothing for loom"), ["crates", "documentation"]);
        assert_eq!(
            with("#[cfg(all(test, loom))]\nmod models;"),
            ["crates", "documentation", "loom"]
        );
    }
}
