//! Other programs: how they are started and what their failure means.
//!
//! Invariant: a program that a command needs and that fails stops the command with an error that
//! shows the command line.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Prepares `cargo` in `folder`.
///
/// The variables by which Cargo describes xtask's own package are taken out: build scripts watch
/// some of them and would rebuild on every change between `cargo` and `cargo xtask`.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = program("cargo", folder);
    for (name, _) in std::env::vars_os() {
        let describes_xtask = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if describes_xtask {
            command.env_remove(name);
        }
    }
    command
}

/// Prepares a program to be run in `folder`.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Shows the command line, runs it with the streams of xtask and waits.
///
/// # Errors
///
/// The program cannot be started or exits with a status other than zero.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", line(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Runs a program silently and gives what it wrote to its standard output.
///
/// # Errors
///
/// The program cannot be started or exits with a status other than zero; what it wrote to its
/// standard error is in the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}", line(command), said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` wrote no UTF-8", line(command)))
}

/// Whether a program can be started and exits with zero.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// The command line as one would type it, with the variables set for it.
pub(crate) fn line(command: &Command) -> String {
    let set = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let variables = set.map(|(name, value)| format!("{}='{}'", name.display(), value.display()));
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.display().to_string());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_variables_that_are_set_and_not_those_taken_out() {
        let mut command = Command::new("cargo");
        command
            .args(["doc", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .env_remove("HOME");
        assert_eq!(
            line(&command),
            "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps"
        );
    }

    #[test]
    fn a_failure_shows_the_line_and_what_was_said() {
        let mut command = program("sh", Path::new("."));
        let error = output(command.args(["-c", "echo sorry >&2; exit 1"]))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("`sh -c "), "{error}");
        assert!(error.ends_with("failed: sorry"), "{error}");
        assert!(run(&mut command).is_err());
    }
}
