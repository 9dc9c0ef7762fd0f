//! `cargo xtask lint`: everything that can be said about the code without running it.
//!
//! The cheap steps come first. All of them run, so that one call shows all there is to repair.

mod dependencies;
mod feature;
mod licence;
mod target;

use std::process::ExitCode;

use anyhow::Result;

use crate::command::Command;
use crate::step::{Step, run_all};
use crate::workspace::Workspace;
use crate::{check_structure, docs, fmt, process};

pub(crate) const COMMAND: Command = Command {
    name: "lint",
    summary: "Checks format, structure, licences, dependencies, clippy, docs and other platforms.",
    options: &[],
    help: "Warnings are errors; #[expect(lint, reason = \"…\")] silences one that is justified.\n\
           A platform whose standard library is not installed is fetched if possible, else it\n\
           is skipped, and named; so are features there that need a C compiler for it.",
    run: |workspace, _| {
        run_all("lint", workspace, &STEPS)?;
        Ok(ExitCode::SUCCESS)
    },
};

const STEPS: [Step; 11] = [
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
    Step {
        name: "features",
        run: feature::check,
    },
    Step {
        name: "docs",
        run: docs::build,
    },
    Step {
        name: "fuzz targets",
        run: fuzz_targets,
    },
    Step {
        name: "benchmark peers",
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
    let target = workspace.root().join("target");
    let mut cargo = process::cargo(&workspace.root().join(folder));
    cargo
        .env("CARGO_TARGET_DIR", target)
        // Nothing is linked here: libFuzzer need not be compiled.
        .env("CUSTOM_LIBFUZZER_PATH", "not-linked/libfuzzer.a")
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
