//! `cargo xtask ci`: what the server runs, here.

use std::process::ExitCode;

use crate::command::Command;
use crate::process;

pub(crate) const COMMAND: Command = Command {
    name: "ci",
    summary: "Runs all that the server runs: lint, then test.",
    options: &[],
    help: "Starts .ci/run, the only place that says what has to hold before a change is merged.",
    run: |workspace, _| {
        let status = process::program("./.ci/run", workspace.root()).status()?;
        // Silent on purpose: the last line belongs to the tests.
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    },
};
