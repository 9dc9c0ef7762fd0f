//! `cargo xtask lint`: everything that can be said about the code without running it.
//!
//! The cheap steps come first. All of them run, so that one call shows all there is to repair. Steps that
//! need nothing from the others run beside them, since checking one crate keeps one core busy.

mod beside;
mod dependencies;
mod feature;
mod licence;
mod target;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::command::Command;
use crate::step::{Step, conclude, failures};
use crate::workspace::Workspace;
use crate::{check_structure, docs, fmt, process};

pub(crate) const COMMAND: Command = Command {
    name: "lint",
    summary: "Checks format, structure, licences, dependencies, clippy, docs and other platforms.",
    options: &[(
        ONLY,
        "these steps, such as `clippy`, or several with commas between",
    )],
    help: "Warnings are errors; #[expect(lint, reason = \"…\")] silences one that is justified.\n\
           A platform whose standard library is not installed is fetched if possible, else it\n\
           is skipped, and named; so are features there that need a C compiler for it.",
    run: |workspace, options| {
        let start = Instant::now();
        let failed = match options {
            [.., names] => failures(workspace, &chosen(names)?),
            [] => all(workspace)?,
        };
        conclude("lint", start, &failed)?;
        Ok(ExitCode::SUCCESS)
    },
};

const ONLY: &str = "--only STEPS";

/// Has warnings count as errors where clippy is not asked.
const DENY: &str = "xtask/with-warnings-denied";

/// Those that keep every core busy, or take no time.
const FIRST: [Step; 5] = [
    Step {
        name: "format",
        run: fmt::check,
    },
    Step {
        name: "structure",
        run: check_structure::check,
    },
    Step {
        name: "licences",
        run: licence::check,
    },
    Step {
        name: "dependencies",
        run: dependencies::check,
    },
    Step {
        name: "clippy",
        run: clippy,
    },
];

const THEN: [Step; 2] = [
    Step {
        name: "features",
        run: feature::check,
    },
    Step {
        name: "docs",
        run: docs::build,
    },
];

/// Those that share little with the others, and run beside them.
const BESIDE: [Step; 4] = [
    Step {
        name: "fuzz-targets",
        run: fuzz_targets,
    },
    Step {
        name: "benchmark-peers",
        run: benchmark_peers,
    },
    Step {
        name: "package",
        run: package,
    },
    Step {
        name: "platforms",
        run: target::check,
    },
];

fn all(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let mut failed = failures(workspace, &FIRST);
    let beside = beside::start(workspace, &BESIDE)?;
    failed.extend(failures(workspace, &THEN));
    failed.extend(beside.failures()?);
    Ok(failed)
}

/// The steps with these names.
fn chosen(names: &str) -> Result<Vec<Step>> {
    let steps = || FIRST.into_iter().chain(THEN).chain(BESIDE);
    let names: Vec<&str> = names.split(',').collect();
    let known: Vec<&str> = steps().map(|step| step.name).collect();
    for name in &names {
        let known_names = known.join(", ");
        ensure!(
            known.contains(name),
            "there is no step `{name}`, only {known_names}"
        );
    }
    Ok(steps().filter(|step| names.contains(&step.name)).collect())
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let mut cargo = process::cargo(workspace.root());
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]);
    process::run(&mut cargo)
}

/// The fuzz targets, which are a workspace of their own, still compile.
fn fuzz_targets(workspace: &Workspace) -> Result<()> {
    check_apart(workspace, "fuzz", &[])
}

/// So do the benchmarks, which keep the peers out of the product's lock file, with this library in
/// them.
fn benchmark_peers(workspace: &Workspace) -> Result<()> {
    check_apart(
        workspace,
        "benchmarks/rust-peers",
        &["--features", "bridges"],
    )
}

/// Checks a workspace of its own, in the target folder of this one.
fn check_apart(workspace: &Workspace, folder: &str, features: &[&str]) -> Result<()> {
    let target = workspace.members()?.target_directory;
    let mut cargo = process::cargo(&workspace.root().join(folder));
    cargo
        .env("CARGO_TARGET_DIR", target)
        // Nothing is linked here: libFuzzer need not be compiled.
        .env("CUSTOM_LIBFUZZER_PATH", "not-linked/libfuzzer.a")
        .env("RUSTC_WORKSPACE_WRAPPER", workspace.root().join(DENY))
        .args(["check", "--locked"])
        .args(features);
    process::run(&mut cargo)
}

/// What would be published builds from its package alone: each by itself, since of several together cargo
/// keeps the first ones under their version, however they change.
fn package(workspace: &Workspace) -> Result<()> {
    const MACROS: &str = "continuum-observability-macros";
    let beside = format!("patch.crates-io.{MACROS}.path=\"crates/observability-macros\"");
    let package = |arguments: &[&str]| {
        let mut cargo = process::cargo(workspace.root());
        cargo.args(["package", "--allow-dirty", "--quiet", "--package"]);
        process::run(cargo.args(arguments))
    };
    package(&[MACROS])?;
    package(&["continuum-observability", "--config", &beside])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_chosen_by_their_names() {
        let steps = chosen("package,format").unwrap();
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        assert_eq!(names, ["format", "package"]);
        let Err(error) = chosen("format,backage") else {
            panic!("a step that is not there");
        };
        assert!(
            error
                .to_string()
                .starts_with("there is no step `backage`, only format, ")
        );
    }
}
