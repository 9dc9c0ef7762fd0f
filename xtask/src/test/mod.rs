//! `cargo xtask test`: every test there is, and one line that sums them up.
//!
//! Flow: [`external`] brings what tests need from outside → [`suite`] lists the runners →
//! [`runner`] runs each and counts while its output streams by, [`at_once`] two at a time → the [`tally`] of
//! all is the last line.
//!
//! Invariants:
//! - the last line on standard output is `N passed, N failed`, whatever happened before;
//! - the exit status is zero only if a test was executed, none failed and every runner succeeded.

mod at_once;
mod external;
mod python;
pub(crate) mod runner;
pub(crate) mod suite;
pub(crate) mod tally;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::command::Command;
use crate::workspace::Workspace;
use tally::Tally;

const NO_EXTERNAL: &str = "--no-external";

pub(crate) const COMMAND: Command = Command {
    name: "test",
    summary: "Runs every test there is and sums them up.",
    options: &[(
        NO_EXTERNAL,
        "leave out what needs programs from outside, and say what that is",
    )],
    help: "Runs the tests of all crates and examples (by cargo-nextest if it is installed), of the\n\
           documentation and of the Python package, those of the SDK once more without the time stamp\n\
           counter, the instruction counts, and the loom models. The last line is `N passed, N failed`.\n\
           A runner that fails without a failed test, as when the code does not compile, counts\n\
           as one failed.\n\
           \n\
           On 2 cores from an empty target folder: crates 3 to 7 minutes with the build, the documentation less\n\
           than 1, and then, two at a time, Python, instruction counts, the clock and loom models 5 to 10. What\n\
           takes longer (fuzzing, sanitizer, soak, larger models and numbers) is `cargo xtask prove`.\n\
           \n\
           Some tests talk to a third-party collector or run the SDK of OpenTelemetry for Python,\n\
           packages that go to target/; instructions are counted by Valgrind; examples use Redis and\n\
           PostgreSQL. As root on Debian, these are installed when they are missing; elsewhere\n\
           everything missing is listed at the start.",
    run: |workspace, options| Ok(run(workspace, options)),
};

fn run(workspace: &Workspace, options: &[String]) -> ExitCode {
    let start = Instant::now();
    let tally = execute(workspace, options).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Tally::default()
    });
    if tally.executed() == 0 {
        eprintln!("error: no test was executed");
    }
    eprintln!("test took {} s", start.elapsed().as_secs());
    println!("{tally}");
    if tally.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn execute(workspace: &Workspace, options: &[String]) -> Result<Tally> {
    let members = workspace.members()?;
    let externals = !options.iter().any(|option| option == NO_EXTERNAL);
    let suite = suite::suite(workspace, &members, externals)?;
    let variables = if externals {
        external::prepare(workspace, &members.target_directory)?
    } else {
        external::print_skipped(&suite.left_out);
        Vec::new()
    };
    let mut total = Tally::default();
    for runner in suite.in_turn {
        total = total + runner.run(&variables)?;
    }
    Ok(total + at_once::run(suite.at_once, &variables))
}
