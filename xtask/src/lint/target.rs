//! The SDK on other platforms: compiled as far as `cargo check` goes, run on none of them.
//!
//! Without the HTTP exporter: its TLS library holds C code, which needs a C compiler for that
//! platform.

use anyhow::{Result, bail};

use crate::process;
use crate::workspace::Workspace;

const TARGETS: [&str; 4] = [
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "wasm32-unknown-unknown",
];

/// Checks the SDK for every target that is installed or can be; names those that are skipped.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    for target in TARGETS {
        if !is_available(workspace, target) {
            eprintln!(
                "skipped: {target}, its standard library is not installed and cannot be fetched"
            );
        } else if let Err(error) = check_one(workspace, target) {
            eprintln!("{error:#}");
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!("the SDK does not compile for {}", failed.join(", "));
    }
    Ok(())
}

fn is_available(workspace: &Workspace, target: &str) -> bool {
    let mut rustup = process::program("rustup", workspace.root());
    // One quick attempt: a machine without network must not wait here.
    rustup
        .env("RUSTUP_MAX_RETRIES", "0")
        .env("RUSTUP_DOWNLOAD_TIMEOUT", "20");
    process::succeeds(rustup.args(["target", "add", target]))
}

fn check_one(workspace: &Workspace, target: &str) -> Result<()> {
    let mut cargo = process::cargo(workspace.root());
    cargo.args([
        "check",
        "--package",
        "continuum-observability",
        "--target",
        target,
    ]);
    cargo.args(["--no-default-features", "--features", "console"]);
    process::run(&mut cargo)
}
