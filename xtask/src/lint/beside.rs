//! Steps in a process of their own, which run while others do.
//!
//! Invariants: what they say is shown when they have ended, so that it stands together; they have a target
//! folder of their own, since Cargo lets only one process into each.

use std::process::{Command, Output};
use std::thread::{Builder, JoinHandle};
use std::{env, io};

use anyhow::{Context as _, Result, anyhow};

use crate::process;
use crate::step::Step;
use crate::workspace::Workspace;

/// Steps that are running.
pub(super) struct Beside {
    names: String,
    waiting: JoinHandle<io::Result<Output>>,
}

/// Starts steps.
///
/// # Errors
///
/// Cargo does not say where the target folder is, or there is no thread to be had.
pub(super) fn start(workspace: &Workspace, steps: &[Step]) -> Result<Beside> {
    let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
    eprintln!(
        "== {}: begin, and are shown when they have ended",
        names.join(", ")
    );
    let target = workspace.members()?.target_directory.join("beside");
    let mut xtask: Command = process::program(env::current_exe()?, workspace.root());
    xtask.args(["lint", "--only", &names.join(",")]);
    xtask.env("CARGO_TARGET_DIR", target);
    Ok(Beside {
        names: names.join(", "),
        waiting: Builder::new()
            .name("lint-beside".to_owned())
            .spawn(move || xtask.output())?,
    })
}

impl Beside {
    /// Waits for them, shows what they said, and names them if any of them failed.
    ///
    /// # Errors
    ///
    /// The process could not be started.
    pub(super) fn failures(self) -> Result<Option<&'static str>> {
        let joined = self
            .waiting
            .join()
            .map_err(|_panic| anyhow!("a thread panicked"))?;
        let output = joined.with_context(|| self.names)?;
        for said in [output.stdout, output.stderr] {
            eprint!("{}", String::from_utf8_lossy(&said));
        }
        Ok((!output.status.success()).then_some("a step beside the others, shown above"))
    }
}
