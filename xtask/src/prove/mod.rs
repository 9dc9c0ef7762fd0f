//! `cargo xtask prove`: what takes too long to be run before every change.
//!
//! Flow: the options choose among [`STEPS`] → each step runs, whatever came of the one before → the
//! sum of their tallies is the last line, as it is of `cargo xtask test`.
//!
//! Invariants:
//! - a step that cannot run here is a failure that says what is missing, never a silent success;
//! - nothing but the target folder is written to, except for inputs that break a fuzz target, which
//!   cargo-fuzz leaves in `fuzz/artifacts`.

mod fuzz;
mod suites;
mod watch;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::Command;
use crate::test::tally::Tally;
use crate::workspace::Workspace;

const DEFAULT_MINUTES: u64 = 10;

pub(crate) const COMMAND: Command = Command {
    name: "prove",
    summary: "Runs what proves reliability and takes too long for `test`.",
    options: &[
        (
            "--minutes N",
            "of the soak and of each fuzz target; 10 unless said otherwise",
        ),
        (
            "--only STEP",
            "one step, such as `soak`, or one fuzz target, such as `fuzz/sql`",
        ),
    ],
    help: "The steps, what they prove, how long they take on 2 cores, and what they need:\n\
           \n\
           \x20 fuzz     No input makes a parser panic or yield something invalid, and what the encoder\n\
           \x20          writes means what a plain model says. Every target of fuzz/, N minutes each\n\
           \x20          (19 targets: over 3 hours); an optimised build of 5 minutes. Needs cargo-fuzz, Linux.\n\
           \x20 address  The tests of the SDK touch no memory that is not theirs. 10 minutes with the\n\
           \x20          build. Needs Linux.\n\
           \x20 soak     At full load on all threads, through OTLP/HTTP to a receiver that fails now and\n\
           \x20          then, memory is flat and every span is counted. N minutes. Needs Linux.\n\
           \x20 loom     Models of the lock with three threads, each interrupted up to 8 times; those with\n\
           \x20          two, in every order there is, are run by `test`. 5 minutes.\n\
           \x20 ids      10,000,000 ids over threads and forks: none twice, no bit that tells anything.\n\
           \x20          1 minute and an optimised build. Needs Unix.\n\
           \n\
           Tests, documentation, instruction counts and small models are run by `cargo xtask test`.\n\
           The last line is `N passed, N failed`; each fuzz target and the soak count as one.",
    run: |workspace, options| {
        let plan = Plan::read(options)?;
        Ok(run(workspace, &plan))
    },
};

/// One thing to be proven.
struct Step {
    name: &'static str,
    run: fn(&Workspace, &Plan) -> Result<Tally>,
}

/// From short to long, so that what is easily found is found soon.
const STEPS: [Step; 5] = [
    Step {
        name: "ids",
        run: |workspace, _| suites::ids(workspace),
    },
    Step {
        name: "loom",
        run: |workspace, _| suites::loom(workspace),
    },
    Step {
        name: "address",
        run: |workspace, _| suites::address(workspace),
    },
    Step {
        name: "soak",
        run: suites::soak,
    },
    Step {
        name: "fuzz",
        run: fuzz::run,
    },
];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    minutes: u64,
    step: Option<String>,
    fuzz_target: Option<String>,
}

impl Plan {
    fn read(options: &[String]) -> Result<Self> {
        let value = |name: &str| {
            let mut words = options.iter().skip_while(|word| *word != name);
            words.nth(1)
        };
        let minutes = match value("--minutes") {
            Some(text) => text.parse().ok().filter(|minutes| *minutes > 0),
            None => Some(DEFAULT_MINUTES),
        };
        let minutes = minutes.context("`--minutes` is a whole number, 1 or more")?;
        let (step, fuzz_target) = match value("--only").map(|only| only.split_once('/')) {
            None => (None, None),
            Some(Some((step, target))) => (Some(step.to_owned()), Some(target.to_owned())),
            Some(None) => (value("--only").cloned(), None),
        };
        let known = |name: &String| STEPS.iter().any(|step| step.name == name);
        if let Some(name) = step.as_ref().filter(|name| !known(name)) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`, only {}", names.join(", "));
        }
        let is_fuzz = step.as_deref() == Some("fuzz");
        ensure!(fuzz_target.is_none() || is_fuzz, "only `fuzz` has targets");
        Ok(Self {
            minutes,
            step,
            fuzz_target,
        })
    }

    fn duration(&self) -> Duration {
        Duration::from_secs(self.minutes.saturating_mul(60))
    }

    fn steps(&self) -> impl Iterator<Item = &'static Step> {
        STEPS
            .iter()
            .filter(|step| self.step.as_ref().is_none_or(|only| step.name == only))
    }
}

fn run(workspace: &Workspace, plan: &Plan) -> ExitCode {
    let start = Instant::now();
    let tallies = plan.steps().map(|step| prove(workspace, plan, step));
    let tally = tallies.fold(Tally::default(), |sum, tally| sum + tally);
    eprintln!("prove took {} s", start.elapsed().as_secs());
    println!("{tally}");
    ExitCode::from(u8::from(!tally.is_good()))
}

fn prove(workspace: &Workspace, plan: &Plan, step: &Step) -> Tally {
    eprintln!("== {}", step.name);
    let start = Instant::now();
    let tally = (step.run)(workspace, plan).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Tally::FAILED
    });
    eprintln!("== {}: {tally}, {} s", step.name, start.elapsed().as_secs());
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(options: &[&str]) -> Result<Plan> {
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        Plan::read(&options)
    }

    fn names(options: &[&str]) -> Vec<&'static str> {
        let plan = plan(options).unwrap();
        plan.steps().map(|step| step.name).collect()
    }

    #[test]
    fn all_steps_run_for_ten_minutes_unless_said_otherwise() {
        assert_eq!(plan(&[]).unwrap().duration(), Duration::from_mins(10));
        assert_eq!(names(&[]).len(), STEPS.len());
        let short = plan(&["--minutes", "3"]).unwrap();
        assert_eq!(short.duration(), Duration::from_mins(3));
    }

    #[test]
    fn one_step_or_one_target_can_be_chosen() {
        assert_eq!(names(&["--only", "soak"]), ["soak"]);
        assert_eq!(names(&["--minutes", "1", "--only", "fuzz/sql"]), ["fuzz"]);
        let target = plan(&["--only", "fuzz/sql"]).unwrap().fuzz_target;
        assert_eq!(target.as_deref(), Some("sql"));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for options in [
            ["--only", "luck"],
            ["--only", "soak/sql"],
            ["--minutes", "0"],
            ["--minutes", "x"],
        ] {
            assert!(plan(&options).is_err(), "{options:?}");
        }
    }

    #[test]
    fn the_help_explains_every_step() {
        for step in &STEPS {
            let line = format!("\n  {:<8} ", step.name);
            assert!(COMMAND.help.contains(&line), "{}", step.name);
        }
    }

    #[test]
    fn a_step_that_cannot_run_is_one_failed() {
        let step = Step {
            name: "broken",
            run: |_, _| bail!("nothing to run it with"),
        };
        let tally = prove(&Workspace::new("."), &plan(&[]).unwrap(), &step);
        assert_eq!(tally.to_string(), "0 passed, 1 failed");
    }
}
