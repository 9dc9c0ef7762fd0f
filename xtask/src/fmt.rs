//! `cargo xtask fmt`: formats the code; [`check`] is the step that lint runs.

use std::process::ExitCode;

use anyhow::Result;

use crate::command::Command;
use crate::process;
use crate::workspace::Workspace;

pub(crate) const COMMAND: Command = Command {
    name: "fmt",
    summary: "Formats all Rust code in place.",
    options: &[],
    help: "rustfmt.toml holds the rules. Imports go in three groups by hand:\n\
           std, other crates, this crate.",
    run: |workspace, _| {
        process::run(process::cargo(workspace.root()).args(["fmt", "--all"]))?;
        Ok(ExitCode::SUCCESS)
    },
};

/// Fails when a file is not formatted, and shows the difference.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    process::run(process::cargo(workspace.root()).args(["fmt", "--all", "--check"]))
}
