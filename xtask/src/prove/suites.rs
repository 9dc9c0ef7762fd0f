//! The steps that run tests or programs of the workspace in another way than `cargo xtask test` does.
//!
//! Each has a target folder of its own: its flags would rebuild every dependency of the others.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Plan, watch};
use crate::process;
use crate::test::{runner::Runner, suite, tally::Tally};
use crate::workspace::Workspace;

/// Lets the pinned compiler take the flags of sanitizers and coverage.
pub(super) const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

const SDK: &str = "continuum-observability";
const SOAK: &str = "continuum-soak";
/// How often a thread may be interrupted; beyond that nothing new is found, only slower.
const INTERRUPTIONS: &str = "8";
/// Read by `crates/observability/tests/fork/identity.rs`.
const IDS_VARIABLE: &str = "CONTINUUM_TEST_IDS";
const IDS: &str = "10000000";

/// The suite of the SDK with the address sanitizer.
///
/// Without its search for leaks: recorders are never freed, on purpose. Without the examples in the
/// documentation, which call what the tests call.
pub(super) fn address(workspace: &Workspace) -> Result<Tally> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the address sanitizer is run on Linux, x86_64"
    );
    let root = workspace.root();
    let mut cargo = cargo(workspace, "address")?;
    cargo.env(UNSTABLE.0, UNSTABLE.1);
    cargo.env("RUSTFLAGS", "-Zsanitizer=address");
    cargo.env("ASAN_OPTIONS", "detect_leaks=0");
    if process::succeeds(process::cargo(root).args(["nextest", "--version"])) {
        cargo.args(["nextest", "run"]);
    } else {
        cargo.args(["test", "--lib", "--tests"]);
    }
    cargo.args(["--package", SDK, "--all-features", "--no-fail-fast"]);
    // With a target, build scripts and macros are left as they are.
    cargo.args(["--target", "x86_64-unknown-linux-gnu"]);
    Runner::new("address", cargo).run(&[])
}

/// The models that `cargo xtask test` leaves out.
pub(super) fn loom(workspace: &Workspace) -> Result<Tally> {
    let target = workspace.members()?.target_directory;
    let mut cargo = suite::loom(workspace.root(), &target, "release");
    cargo.env("LOOM_MAX_PREEMPTIONS", INTERRUPTIONS);
    cargo.args(["--", "--ignored"]);
    Runner::new("loom", cargo).run(&[])
}

/// The test of ids with ten times as many of them as usual.
pub(super) fn ids(workspace: &Workspace) -> Result<Tally> {
    ensure!(cfg!(unix), "forks are a matter of Unix");
    let mut cargo = cargo(workspace, "release")?;
    cargo.env(IDS_VARIABLE, IDS);
    cargo.args([
        "test",
        "--release",
        "--package",
        SDK,
        "--test",
        "fork",
        "identity",
    ]);
    Runner::new("ids", cargo).run(&[])
}

/// The program `benchmarks/soak`.
pub(super) fn soak(workspace: &Workspace, plan: &Plan) -> Result<Tally> {
    ensure!(
        cfg!(target_os = "linux"),
        "memory is read from /proc, on Linux"
    );
    let run = |what: &str| {
        let mut cargo = cargo(workspace, "release")?;
        cargo.args([what, "--release", "--package", SOAK]);
        Ok::<_, anyhow::Error>(cargo)
    };
    process::run(&mut run("build")?)?;
    let mut soak = run("run")?;
    soak.args(["--quiet", "--"])
        .arg(plan.duration().as_secs().to_string());
    let flat = watch::run("soak", plan.duration(), &mut soak)?;
    Ok(if flat { Tally::PASSED } else { Tally::FAILED })
}

/// Cargo with a target folder of its own, and without colours, which would hide summaries.
fn cargo(workspace: &Workspace, folder: &str) -> Result<Command> {
    let target: PathBuf = workspace.members()?.target_directory;
    let mut cargo = process::cargo(workspace.root());
    cargo.env("CARGO_TERM_COLOR", "never");
    cargo.env("CARGO_TARGET_DIR", target.join("prove").join(folder));
    Ok(cargo)
}
