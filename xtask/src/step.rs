//! Steps that are run one after the other, all of them, and what came of each.
//!
//! Invariant: one step that fails does not hide what the next one would say.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// A named part of a command.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Workspace) -> Result<()>,
}

/// Runs every step, says how many seconds each took, and at the end which ones failed.
///
/// # Errors
///
/// At least one step failed; the error names them.
pub(crate) fn run_all(command: &str, workspace: &Workspace, steps: &[Step]) -> Result<()> {
    let start = Instant::now();
    let failed: Vec<&str> = steps
        .iter()
        .filter(|step| !passes(step, workspace))
        .map(|step| step.name)
        .collect();
    eprintln!("{command} took {} s", start.elapsed().as_secs());
    if !failed.is_empty() {
        bail!("{command} failed: {}", failed.join(", "));
    }
    Ok(())
}

fn passes(step: &Step, workspace: &Workspace) -> bool {
    eprintln!("== {}", step.name);
    let start = Instant::now();
    let result = (step.run)(workspace);
    let secs = start.elapsed().as_secs();
    match &result {
        Ok(()) => eprintln!("== {}: ok, {secs} s", step.name),
        Err(error) => eprintln!("== {}: failed, {secs} s: {error:#}", step.name),
    }
    result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Step = Step {
        name: "good",
        run: |_| Ok(()),
    };
    const BAD: Step = Step {
        name: "bad",
        run: |_| bail!("no"),
    };
    const LEAVES_A_MARK: Step = Step {
        name: "mark",
        run: |workspace| Ok(std::fs::write(workspace.root().join("mark"), "")?),
    };

    #[test]
    fn one_failed_step_fails_the_command_and_the_others_still_run() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path());
        let error = run_all("lint", &workspace, &[BAD, GOOD, LEAVES_A_MARK]).unwrap_err();
        assert_eq!(error.to_string(), "lint failed: bad");
        assert!(folder.path().join("mark").exists());
    }

    #[test]
    fn good_steps_make_a_good_command() {
        run_all("lint", &Workspace::new("."), &[GOOD]).unwrap();
    }
}
