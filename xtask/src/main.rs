//! The developer commands: `cargo xtask <command>`.
//!
//! The one list of what a contributor runs; there is no second runner. Each command is a file with
//! a [`Command`] that says its name, its help and what it does; this file only chooses between
//! them.
//!
//! Invariant: a command that did not do all it says exits with a status other than zero.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its standard streams"
)]

mod bench;
mod check_structure;
mod ci;
mod command;
mod conformance;
mod docs;
mod fmt;
mod lint;
mod metadata;
mod pictures;
mod process;
mod prove;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use crate::command::{Command, Request};
use crate::workspace::Workspace;

const COMMANDS: [&Command; 10] = [
    &fmt::COMMAND,
    &lint::COMMAND,
    &test::COMMAND,
    &docs::COMMAND,
    &check_structure::COMMAND,
    &prove::COMMAND,
    &bench::COMMAND,
    &conformance::COMMAND,
    &pictures::COMMAND,
    &ci::COMMAND,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Request::parse(&COMMANDS, &arguments) {
        Ok(Request::Overview) => {
            print!("{}", command::overview(&COMMANDS));
            ExitCode::SUCCESS
        }
        Ok(Request::Help(command)) => {
            print!("{}", command.page());
            ExitCode::SUCCESS
        }
        Ok(Request::Run(command, options)) => run(command, options),
        Err(error) => report(&error),
    }
}

fn run(command: &Command, options: &[String]) -> ExitCode {
    match (command.run)(&Workspace::of_this_build(), options) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
