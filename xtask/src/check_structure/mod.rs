//! `cargo xtask check-structure`: the shape of the repository, held by program.
//!
//! Seven checks, a file each: [`arrows`] between crates, names in the [`root`], [`length`] of
//! files, the [`weight`] of a build, [`lints`] for each crate, [`unsafety`] in its place, the tables of the
//! [`map`]. A check gives one line per violation and never stops at the first.

mod arrows;
#[cfg(test)]
pub(crate) mod fixture;
mod length;
mod lints;
mod manifest;
mod map;
mod root;
mod unsafety;
mod weight;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::command::Command;
use crate::workspace::Workspace;

pub(crate) const COMMAND: Command = Command {
    name: "check-structure",
    summary: "Checks crates, root files, file lengths and unsafe code against the architecture.",
    options: &[],
    help: "Fails on a dependency between crates that the architecture does not draw, on a name in\n\
           the root that is not on the closed list, on a source file over 500 lines, on `full`\n\
           features of tokio or fat LTO, on a crate without the lints of the workspace, on unsafe code\n\
           outside of its folder, and on a second row about one thing in a table of\n\
           ARCHITECTURE.md.\n\
           Each list is a constant in xtask/src/check_structure.\n\
           Files are seen as Git sees them: tracked, or new and not ignored.",
    run: |workspace, _| {
        check(workspace)?;
        Ok(ExitCode::SUCCESS)
    },
};

/// Runs the checks and prints every violation.
///
/// # Errors
///
/// There was a violation, or Git or Cargo could not be asked.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let members = workspace.members()?;
    let mut violations = arrows::violations(&members);
    violations.extend(root::violations(&files));
    violations.extend(length::violations(workspace.root(), &files)?);
    violations.extend(weight::violations(workspace.root(), &members)?);
    violations.extend(lints::violations(workspace.root(), &members)?);
    violations.extend(unsafety::violations(workspace.root(), &files)?);
    violations.extend(map::violations(workspace.root())?);
    for violation in &violations {
        eprintln!("{violation}");
    }
    if !violations.is_empty() {
        bail!("{} violations of the structure", violations.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fixture::Repository;
    use super::*;

    fn small_repository() -> Repository {
        let repository = Repository::new();
        repository.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
        );
        repository.package("crates/memory", "");
        repository
    }

    #[test]
    fn a_good_repository_passes() {
        check(&small_repository().workspace()).unwrap();
    }

    #[test]
    fn every_check_is_run_and_every_violation_counted() {
        let repository = small_repository();
        repository.package(
            "crates/cli",
            "[dependencies]\nmemory = { path = \"../memory\" }\n",
        );
        repository.package(
            "crates/collector",
            "[dependencies]\nmemory = { path = \"../memory\" }\n",
        );
        repository.write("NOTES.md", "");
        repository.write("ARCHITECTURE.md", "| a |\n| a |\n");
        repository.write("crates/memory/src/long.rs", &"\n".repeat(501));
        repository.write("crates/memory/src/lib.rs", "#![allow(unsafe_code)]");
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\
                        [profile.release]\nlto = true\n[workspace.lints.rust]\n";
        repository.write("Cargo.toml", manifest);
        let error = check(&repository.workspace()).unwrap_err();
        assert_eq!(error.to_string(), "9 violations of the structure");
    }
}
