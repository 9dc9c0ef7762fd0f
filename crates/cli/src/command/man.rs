//! `continuum man`: the manual pages of the command line.
//!
//! Invariant: made from the definition of the command line itself, so that they know every option.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_mangen::{Man as Page, generate_to};

use super::{CommandLine, output::unless_closed};

/// Print the manual page, or write one for each command to a folder
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Man {
    /// Where to write continuum.1, continuum-run.1 and so on; it is made where it is missing
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  continuum man | man -l -
  continuum man ~/.local/share/man/man1 && man continuum-run";

impl Man {
    pub(super) fn run(self) -> Result<()> {
        let command = CommandLine::command();
        if let Some(folder) = self.folder {
            let written = fs::create_dir_all(&folder).and_then(|()| generate_to(command, &folder));
            return written.with_context(|| format!("cannot write to {}", folder.display()));
        }
        let mut page = Vec::new();
        Page::new(command).render(&mut page)?;
        unless_closed(io::stdout().write_all(&page))
    }
}
