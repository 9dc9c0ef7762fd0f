//! One runner of tests: its output is passed on line by line, and counted on the way.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};

use super::tally::Tally;
use crate::process;

/// A program that runs tests, with the name that it has for the reader.
pub(crate) struct Runner {
    pub(crate) name: String,
    /// What has to be done before it, without which it is not started.
    preparation: Vec<Command>,
    command: Command,
    may_be_empty: bool,
}

impl Runner {
    /// A runner whose success without a single test is a failure.
    pub(crate) fn new(name: impl Into<String>, command: Command) -> Self {
        Self {
            name: name.into(),
            preparation: Vec::new(),
            command,
            may_be_empty: false,
        }
    }

    /// The same runner, which may have no test.
    pub(crate) fn or_empty(self) -> Self {
        Self {
            may_be_empty: true,
            ..self
        }
    }

    /// The same runner, after these programs.
    pub(crate) fn after(self, preparation: Vec<Command>) -> Self {
        Self {
            preparation,
            ..self
        }
    }

    /// Runs to the end, with these variables, and counts what was printed on either stream, which is passed on
    /// as it comes.
    ///
    /// # Errors
    ///
    /// The program cannot be started. That it fails, or what comes before it, is in the tally.
    pub(crate) fn run(self, variables: &[(&str, OsString)]) -> Result<Tally> {
        self.run_to(variables, io::stdout(), io::stderr())
    }

    /// The same, with its two streams passed on elsewhere.
    pub(crate) fn run_to(
        mut self,
        variables: &[(&str, OsString)],
        mut output: impl Write,
        mut errors: impl Write + Send,
    ) -> Result<Tally> {
        writeln!(errors, "== {}", self.name)?;
        let start = Instant::now();
        let mut is_prepared = true;
        for step in &mut self.preparation {
            is_prepared = is_prepared && prepare(step, &mut output, &mut errors)?;
        }
        if !is_prepared {
            return Ok(Tally::default().at_the_end(false));
        }
        self.command.envs(variables.iter().cloned());
        let mut tally = stream(&mut self.command, &mut output, &mut errors)
            .with_context(|| self.name.clone())?;
        if tally.executed() == 0 && !self.may_be_empty {
            writeln!(errors, "error: {} executed no test", self.name)?;
            tally.failed = 1;
        }
        let seconds = start.elapsed().as_secs();
        writeln!(errors, "== {}: {tally}, {seconds} s", self.name)?;
        Ok(tally)
    }
}

/// Does what has to be done before a runner; `false`, with the reason among the errors, if that fails.
fn prepare(
    step: &mut Command,
    output: &mut impl Write,
    errors: &mut (impl Write + Send),
) -> Result<bool> {
    let reason = match stream(step, output, &mut *errors) {
        Ok(tally) if tally.failed == 0 => return Ok(true),
        Ok(_) => String::new(),
        Err(error) => format!(": {error:#}"),
    };
    writeln!(errors, "error: `{}` failed{reason}", process::line(step))?;
    Ok(false)
}

/// Shows the command line, runs it and copies its two streams while counting.
fn stream(
    command: &mut Command,
    to_output: &mut impl Write,
    to_errors: &mut (impl Write + Send),
) -> Result<Tally> {
    writeln!(to_errors, "$ {}", process::line(command))?;
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("no standard output")?;
    let errors = child.stderr.take().context("no standard error")?;
    // Both at once: a runner that fills one pipe while we wait at the other would stop for ever.
    let counted = thread::scope(|scope| -> Result<Tally> {
        let on_errors = thread::Builder::new()
            .name("runner-stderr".to_owned())
            .spawn_scoped(scope, || pass_on(errors, to_errors))?;
        let from_output = pass_on(output, to_output)?;
        let from_errors = on_errors
            .join()
            .map_err(|_panic| anyhow!("the reader of stderr panicked"))??;
        Ok(from_output + from_errors)
    })?;
    Ok(counted.at_the_end(child.wait()?.success()))
}

/// Copies lines, which need not be UTF-8, and gives the sum of their tallies.
fn pass_on(from: impl Read, to: &mut impl Write) -> io::Result<Tally> {
    let mut from = BufReader::new(from);
    let mut total = Tally::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        total = total + Tally::of_line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams to nowhere: what it prints must not be counted by the runner of this test.
    fn tally_of_shell(script: &str) -> String {
        let mut shell = Command::new("sh");
        stream(shell.args(["-c", script]), &mut io::sink(), &mut io::sink())
            .unwrap()
            .to_string()
    }

    #[test]
    fn output_is_copied_unchanged_and_counted() {
        let output =
            b"\xff\ntest result: ok. 2 passed; 0 failed\nSummary [1s] 1 test run: 1 failed";
        let mut copy = Vec::new();
        let tally = pass_on(&output[..], &mut copy).unwrap();
        assert_eq!(tally.to_string(), "2 passed, 1 failed");
        assert_eq!(copy, output);
    }

    #[test]
    fn both_streams_of_a_process_count() {
        let script = "echo 'test result: ok. 2 passed; 0 failed'
            echo 'Summary [ 1s] 1 test run: 1 passed' >&2";
        assert_eq!(tally_of_shell(script), "3 passed, 0 failed");
    }

    #[test]
    fn a_process_that_only_fails_is_one_failed() {
        assert_eq!(tally_of_shell("exit 3"), "0 passed, 1 failed");
    }

    #[test]
    fn success_without_a_test_is_a_failure_unless_it_may_be_empty() {
        let nothing = || Runner::new("nothing", Command::new("true"));
        assert_eq!(
            nothing().or_empty().run(&[]).unwrap().to_string(),
            "0 passed, 0 failed"
        );
        assert_eq!(
            nothing().run(&[]).unwrap().to_string(),
            "0 passed, 1 failed"
        );
    }

    #[test]
    fn a_preparation_that_fails_is_one_failed_and_the_rest_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let runner = |first| {
            let mut touch = Command::new("touch");
            touch.arg(folder.path().join("mark"));
            let nothing = Runner::new("nothing", touch).or_empty();
            nothing.after(vec![Command::new(first)]).run(&[]).unwrap()
        };
        for absent in ["false", "no-such-preparation"] {
            assert_eq!(runner(absent).to_string(), "0 passed, 1 failed");
            assert!(!folder.path().join("mark").exists());
        }
        assert_eq!(runner("true").to_string(), "0 passed, 0 failed");
        assert!(folder.path().join("mark").exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(
            Runner::new("nothing", Command::new("no-such-runner"))
                .run(&[])
                .is_err()
        );
    }
}
