//! The program that is traced, as a child process.
//!
//! Invariants: standard input, output and error are inherited; a signal that reaches us reaches it, and not twice from a terminal.

use std::{ffi::OsString, io, process::ExitStatus};

use tokio::{
    process::{Child, Command},
    select,
};

use super::{environment, signal::Signals};

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
}

impl Program {
    /// Starts `name` so that its spans come to a receiver on `port`.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be executed.
    pub(crate) fn start(name: &OsString, arguments: &[OsString], port: u16) -> io::Result<Self> {
        let mut command = Command::new(name);
        command.args(arguments);
        for file in environment::CONFIG_FILES {
            command.env_remove(file);
        }
        command.envs(environment::variables(
            name,
            port,
            environment::of_this_process,
        ));
        Ok(Self {
            child: command.spawn()?,
        })
    }

    /// Waits for its end, passing signals on.
    pub(super) async fn wait(mut self, mut signals: Signals) -> io::Result<ExitStatus> {
        loop {
            select! {
                status = self.child.wait() => return status,
                signal = signals.next() => signal.pass_on(&self.child),
            }
        }
    }
}
