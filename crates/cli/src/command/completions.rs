//! `continuum completions`: what a shell needs to complete the command line.
//!
//! Invariant: made from the definition of the command line itself, so that it knows every option.

use std::io::{self, Write as _};

use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::{CommandLine, output::unless_closed};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell that completes
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  continuum completions bash > ~/.local/share/bash-completion/completions/continuum
  continuum completions zsh > ~/.zfunc/_continuum
  continuum completions fish > ~/.config/fish/completions/continuum.fish";

impl Completions {
    pub(super) fn run(self) -> Result<()> {
        // The generator panics where it cannot write.
        let mut script = Vec::new();
        let mut command = CommandLine::command();
        generate(self.shell, &mut command, "continuum", &mut script);
        unless_closed(io::stdout().write_all(&script))
    }
}
