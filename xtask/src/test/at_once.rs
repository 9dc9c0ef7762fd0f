//! Runners that run while others do: most of them leave a core idle for most of their time.
//!
//! Position: after the runners that keep every core busy by themselves.
//!
//! Invariant: what a runner prints is passed on when it has ended, so that it stands together.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Write};
use std::iter;
use std::ops::Add;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use super::runner::Runner;
use super::tally::Tally;

/// So many at a time; each may compile, with as many processes as there are cores.
const AT_ONCE: usize = 2;

/// Runs groups of runners, those of a group in turn, and sums them up. A program that cannot be started counts as
/// one failed test.
pub(super) fn run(groups: Vec<Vec<Runner>>, variables: &[(&str, OsString)]) -> Tally {
    let to_output = |page: &[u8]| io::stdout().lock().write_all(page);
    show_by(&to_output, groups, variables)
}

/// Shows a page that a runner has printed.
type Show<'a> = &'a (dyn Fn(&[u8]) -> io::Result<()> + Sync);

fn show_by(show: Show<'_>, groups: Vec<Vec<Runner>>, variables: &[(&str, OsString)]) -> Tally {
    let queue = Mutex::new(VecDeque::from(groups));
    let next = || locked(&queue).pop_front();
    let work = || {
        let runners = iter::from_fn(next).flatten();
        let tallies = runners.map(|runner| run_one(show, runner, variables));
        tallies.fold(Tally::default(), Add::add)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let tallies = workers.into_iter().map(ScopedJoinHandle::join);
        let tallies = tallies.map(|tally| tally.unwrap_or(Tally::FAILED));
        tallies.fold(Tally::default(), Add::add)
    })
}

fn run_one(show: Show<'_>, runner: Runner, variables: &[(&str, OsString)]) -> Tally {
    let name = runner.name.clone();
    eprintln!("== {name}: begins, and is shown when it has ended");
    let printed = Mutex::new(Vec::new());
    let tally = runner.run_to(variables, Page(&printed), Page(&printed));
    let shown = show(&locked(&printed));
    let tally = tally.and_then(|tally| shown.map(|()| tally).map_err(Into::into));
    tally.unwrap_or_else(|error| {
        eprintln!("== {name}: {error:#}");
        Tally::FAILED
    })
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
    fn run(groups: Vec<Vec<Runner>>) -> Tally {
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
        let tally = run(groups);
        assert_eq!(tally.to_string(), "10 passed, 1 failed");
    }

    #[test]
    fn two_groups_run_at_a_time_and_the_runners_of_a_group_in_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let wait = |own: &str, other: &str| {
            let (begun, other, ended) = (path(own), path(other), path(&format!("{own} ended")));
            let turns = "for turn in $(seq 500)";
            shell(&format!(
                "touch {begun}; {turns}; do test -e {other} && exec touch '{ended}'; sleep 0.01; done; exit 1"
            ))
        };
        let after = |name: &str| shell(&format!("test -e '{}'", path(&format!("{name} ended"))));
        let groups = vec![
            vec![wait("a", "b").or_empty(), after("a").or_empty()],
            vec![wait("b", "a").or_empty()],
        ];
        assert_eq!(run(groups).to_string(), "0 passed, 0 failed");
    }

    #[test]
    fn a_program_that_is_not_there_is_one_failed_and_the_others_run() {
        let absent = || Runner::new("nothing", Command::new("no-such-runner"));
        let groups = vec![vec![absent(), passing(1)], vec![absent()], vec![passing(2)]];
        assert_eq!(run(groups).to_string(), "3 passed, 2 failed");
    }
}
