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

/// Runs every step, says how many seconds each took, and gives the names of those that failed.
pub(crate) fn failures(workspace: &Workspace, steps: &[Step]) -> Vec<&'static str> {
    let failed = steps.iter().filter(|step| !passes(step, workspace));
    failed.map(|step| step.name).collect()
}

/// Says how long a command took that has run all of its steps.
///
/// # Errors
///
/// Steps failed; the error names them.
pub(crate) fn conclude(command: &str, start: Instant, failed: &[&str]) -> Result<()> {
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
        let failed = failures(&workspace, &[BAD, GOOD, LEAVES_A_MARK]);
        let error = conclude("lint", Instant::now(), &failed).unwrap_err();
        assert_eq!(error.to_string(), "lint failed: bad");
        assert!(folder.path().join("mark").exists());
    }

    #[test]
    fn good_steps_make_a_good_command() {
        let failed = failures(&Workspace::new("."), &[GOOD]);
        conclude("lint", Instant::now(), &failed).unwrap();
    }
}
