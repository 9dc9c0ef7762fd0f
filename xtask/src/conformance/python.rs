//! The tests of opentelemetry-python-contrib, with the Python package as the provider of tracers.
//!
//! Position: makes a virtual environment with the package and what the suites need; the rest is in
//! `python/conformance/suites.py`.

use std::process::ExitCode;

use anyhow::Result;

use super::value_of;
use crate::process;
use crate::workspace::Workspace;

/// Builds and installs the package, runs every suite twice and prints the table.
pub(super) fn execute(workspace: &Workspace, options: &[String]) -> Result<ExitCode> {
    let package = workspace.root().join("python");
    let folder = workspace.members()?.target_directory.join("conformance");
    let python = folder.join("venv/bin/python");
    if !python.exists() {
        let mut make = process::program("python3", &package);
        process::run(make.args(["-m", "venv"]).arg(folder.join("venv")))?;
    }
    let pip = |arguments: &[&str]| {
        let mut pip = process::program(&python, &package);
        pip.args(["-m", "pip", "install", "--quiet"])
            .args(arguments);
        process::run(&mut pip)
    };
    pip(&["--requirement", "conformance/requirements.txt"])?;
    pip(&["--force-reinstall", "--no-deps", "."])?;
    let mut suites = process::program(&python, &package);
    suites.arg("conformance/suites.py").arg(&folder);
    if let Some(checkout) = value_of(options, "--contrib") {
        suites.arg(std::path::absolute(checkout)?);
    }
    Ok(ExitCode::from(u8::from(!suites.status()?.success())))
}
