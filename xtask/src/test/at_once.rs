//! Runners that run while others do: most of them leave a core idle for most of their time.
//!
//! Position: after the runners that keep every core busy by themselves.
//!
//! Invariant: what a runner prints is passed on when it has ended, so that it stands together.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::runner::Runner;
use super::tally::Tally;

/// So many at a time; each may compile, with as many processes as there are cores.
const AT_ONCE: usize = 2;

/// Runs groups of runners, those of a group in turn, and sums them up.
///
/// # Errors
///
/// A program cannot be started; the other groups still run.
pub(super) fn run(groups: Vec<Vec<Runner>>, variables: &[(&str, OsString)]) -> Result<Tally> {
    show_by(
        &|page| io::stdout().lock().write_all(page),
        groups,
        variables,
    )
}

/// Shows a page that a runner has printed.
type Show<'a> = &'a (dyn Fn(&[u8]) -> io::Result<()> + Sync);

fn show_by(
    show: Show<'_>,
    groups: Vec<Vec<Runner>>,
    variables: &[(&str, OsString)],
) -> Result<Tally> {
    let queue = Mutex::new(VecDeque::from(groups));
    let work = || {
        let mut total = Tally::default();
        loop {
            let Some(group) = locked(&queue).pop_front() else {
                return Ok(total);
            };
            for runner in group {
                total = total + run_one(show, runner, variables)?;
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let tallies = workers.into_iter().map(|worker| {
            let joined = worker.join();
            joined.map_err(|_panic| anyhow!("a runner panicked"))?
        });
        let tallies: Vec<Result<Tally>> = tallies.collect();
        tallies
            .into_iter()
            .try_fold(Tally::default(), |sum, tally| Ok(sum + tally?))
    })
}

fn run_one(show: Show<'_>, runner: Runner, variables: &[(&str, OsString)]) -> Result<Tally> {
    let (name, start) = (runner.name.clone(), Instant::now());
    eprintln!("== {name}: begins, and is shown when it has ended");
    let printed = Mutex::new(Vec::new());
    let tally = runner.run_to(variables, Page(&printed), Page(&printed));
    show(&locked(&printed))?;
    if tally.is_err() {
        eprintln!("== {name}: failed, {} s", start.elapsed().as_secs());
    }
    tally
}

/// Where both streams of a runner are kept, in the order in which they come.
struct Page<'a>(&'a Mutex<Vec<u8>>);

impl Write for Page<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Shows nothing: what is printed must not be counted by the runner of this test.
    fn run(groups: Vec<Vec<Runner>>) -> Result<Tally> {
        show_by(&|_| Ok(()), groups, &[])
    }

    fn shell(script: &str) -> Runner {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        Runner::new("shell", shell)
    }

    fn passing(count: usize) -> Runner {
        shell(&format!("echo 'test result: ok. {count} passed; 0 failed'"))
    }

    #[test]
    fn all_groups_are_run_and_summed_up() {
        let groups = vec![
            vec![passing(1), passing(2)],
            vec![passing(3)],
            vec![passing(4), shell("exit 1")],
        ];
        let tally = run(groups).unwrap();
        assert_eq!(tally.to_string(), "10 passed, 1 failed");
    }

    #[test]
    fn two_groups_run_at_a_time_and_the_runners_of_a_group_in_turn() {
        let folder = tempfile::tempdir().unwrap();
        let wait = |own: &str, other: &str| {
            let (own, other) = (folder.path().join(own), folder.path().join(other));
            let (own, other) = (own.display(), other.display());
            shell(&format!(
                "touch {own}; until test -e {other}; do sleep 0.01; done"
            ))
        };
        let marked = |name: &str| shell(&format!("test -e {}", folder.path().join(name).display()));
        let groups = vec![
            vec![wait("a", "b").or_empty(), marked("a").or_empty()],
            vec![wait("b", "a").or_empty()],
        ];
        assert_eq!(run(groups).unwrap().to_string(), "0 passed, 0 failed");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let absent = Runner::new("nothing", Command::new("no-such-runner"));
        assert!(run(vec![vec![passing(1)], vec![absent]]).is_err());
    }
}
