//! `cargo xtask docs`: builds the reference with warnings denied; [`build`] is also a step of lint.

use std::process::ExitCode;

use anyhow::Result;

use crate::command::Command;
use crate::process;
use crate::workspace::Workspace;

const OPEN: &str = "--open";

pub(crate) const COMMAND: Command = Command {
    name: "docs",
    summary: "Builds the reference of every crate; a broken link is an error.",
    options: &[(OPEN, "show it in a browser")],
    help: "The pages are written to target/doc, one folder a crate.\n\
           Examples in the text are run by `test`.",
    run: |workspace, options| {
        document(workspace, options)?;
        Ok(ExitCode::SUCCESS)
    },
};

/// Builds the reference; any warning of rustdoc is an error.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    document(workspace, &[])
}

fn document(workspace: &Workspace, options: &[String]) -> Result<()> {
    let mut cargo = process::cargo(workspace.root());
    cargo
        .env("RUSTDOCFLAGS", "-D warnings")
        .args(["doc", "--no-deps", "--workspace", "--all-features"])
        .args(options);
    process::run(&mut cargo)
}
