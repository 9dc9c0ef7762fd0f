//! The step `fuzz`: every target of `fuzz/`, one after the other.
//!
//! The compiler is the one that the repository pins: cargo-fuzz wants flags that only a nightly one
//! takes, or one that is told to take them.
//!
//! Invariant: what the fuzzer adds to a corpus goes to the target folder.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Plan, suites::UNSTABLE, watch};
use crate::process;
use crate::test::tally::Tally;
use crate::workspace::Workspace;

const FOLDER: &str = "fuzz";
const MISSING: &str = "cargo-fuzz is not installed; `cargo install cargo-fuzz` does that";

pub(super) fn run(workspace: &Workspace, plan: &Plan) -> Result<Tally> {
    let root = workspace.root();
    ensure!(cfg!(target_os = "linux"), "targets are fuzzed on Linux");
    ensure!(
        process::succeeds(process::cargo(root).args(["fuzz", "--version"])),
        MISSING
    );
    let targets = chosen(targets(workspace)?, plan.fuzz_target.as_deref())?;
    let folder = workspace.members()?.target_directory.join("prove");
    // At once, so that the time of a target is the target's alone.
    process::run(cargo_fuzz(root, "build", &folder).args(only(&targets)))?;
    let mut tally = Tally::default();
    for target in &targets {
        tally = tally + fuzz(root, &folder, target, plan)?;
    }
    Ok(tally)
}

/// The programs of the fuzz workspace.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let fuzz = Workspace::new(workspace.root().join(FOLDER)).members()?;
    let targets = fuzz
        .packages
        .into_iter()
        .flat_map(|package| package.targets);
    let programs = targets.filter(|target| target.kind.iter().any(|kind| kind == "bin"));
    Ok(programs.map(|target| target.name).collect())
}

fn chosen(mut targets: Vec<String>, only: Option<&str>) -> Result<Vec<String>> {
    targets.retain(|target| only.is_none_or(|only| only == target));
    ensure!(!targets.is_empty(), "there is no such fuzz target");
    Ok(targets)
}

/// All are built by one call without a name.
fn only(targets: &[String]) -> &[String] {
    if targets.len() == 1 { targets } else { &[] }
}

fn cargo_fuzz(root: &Path, what: &str, folder: &Path) -> Command {
    let mut cargo = process::cargo(root);
    cargo.env(UNSTABLE.0, UNSTABLE.1);
    cargo
        .args(["fuzz", what, "--target-dir"])
        .arg(folder.join("fuzz"));
    cargo
}

fn fuzz(root: &Path, folder: &Path, target: &str, plan: &Plan) -> Result<Tally> {
    let corpus = folder.join("corpus").join(target);
    fs::create_dir_all(&corpus)?;
    let mut cargo = cargo_fuzz(root, "run", folder);
    cargo.arg(target).arg(corpus);
    cargo.arg(root.join(FOLDER).join("corpus").join(target));
    cargo
        .arg("--")
        .arg(format!("-max_total_time={}", plan.duration().as_secs()));
    // A finding is said in any case. What a thread leaves while it exits is no leak, nor at the end.
    cargo.args(["-verbosity=0", "-detect_leaks=0"]);
    cargo.env("ASAN_OPTIONS", "detect_leaks=0");
    let sound = watch::run(target, plan.duration(), &mut cargo)?;
    eprintln!("{target}: {}", if sound { "no finding" } else { "FINDING" });
    Ok(if sound { Tally::PASSED } else { Tally::FAILED })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_inputs_to_start_from() {
        let workspace = Workspace::of_this_build();
        let targets = targets(&workspace).unwrap();
        assert!(
            targets.iter().any(|target| target == "encoder"),
            "{targets:?}"
        );
        for target in targets {
            let corpus = workspace.root().join(FOLDER).join("corpus").join(&target);
            let inputs = fs::read_dir(&corpus)
                .map(Iterator::count)
                .unwrap_or_default();
            assert!(inputs > 0, "{}", corpus.display());
        }
    }

    #[test]
    fn one_target_can_be_chosen_if_it_is_there() {
        let targets = || vec!["sql".to_owned(), "url".to_owned()];
        assert_eq!(chosen(targets(), None).unwrap(), targets());
        assert_eq!(chosen(targets(), Some("url")).unwrap(), ["url"]);
        assert!(chosen(targets(), Some("uri")).is_err());
    }
}
