//! `cargo xtask bench`: measures this recorder beside its peers.

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::command::Command;
use crate::process;
use crate::workspace::Workspace;

const FOLDER: &str = "benchmarks/rust-peers";

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measures the recorder beside its peers and prints the tables.",
    options: &[],
    help: "Runs benchmarks/rust-peers, a workspace of its own.\n\
           Takes long and wants a quiet machine. Its run.sh says which variables make it shorter.",
    run: |workspace, _| {
        measure(workspace)?;
        Ok(ExitCode::SUCCESS)
    },
};

fn measure(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    ensure!(
        folder.join("run.sh").is_file(),
        "{FOLDER}/run.sh is not in this repository"
    );
    let mut script = process::program("bash", &folder);
    process::run(script.arg("run.sh").env("FEATURES", "continuum"))
}
