//! The binary `continuum`. Exit status: 0 done, 1 failed, 2 not understood; a command may have others.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use continuum_cli::command::CommandLine;

fn main() -> ExitCode {
    match CommandLine::parse().run() {
        Ok(status) => status,
        Err(error) => {
            // Nothing is left to do when standard error is closed too.
            writeln!(io::stderr(), "error: {error:#}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}
