//! A program that runs for a known time, and how far it is.

use std::io::{IsTerminal as _, Write as _};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::process;

/// How often one looks whether the program has ended.
const LOOK: Duration = Duration::from_millis(500);

/// Runs a program that takes about `time`; on a terminal, with a line that says how far it is.
/// Returns whether it succeeded.
///
/// # Errors
///
/// It cannot be started.
pub(super) fn run(name: &str, time: Duration, command: &mut Command) -> Result<bool> {
    eprintln!("$ {}", process::line(command));
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", process::line(command)))?;
    let shown = std::io::stderr().is_terminal();
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            if shown {
                clear();
            }
            return Ok(status.success());
        }
        if shown {
            show(&line(name, start.elapsed(), time));
        }
        thread::sleep(LOOK);
    }
}

fn line(name: &str, elapsed: Duration, time: Duration) -> String {
    let clock = |time: Duration| format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60);
    format!("{name}: {} of {}", clock(elapsed), clock(time))
}

/// Writes over the line before. That the terminal is gone is not worth an error.
fn show(line: &str) {
    let mut errors = std::io::stderr().lock();
    let _gone = write!(errors, "\r\x1b[K{line}").and_then(|()| errors.flush());
}

fn clear() {
    show("");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_minutes_and_seconds() {
        let shown = line("sql", Duration::from_secs(65), Duration::from_mins(10));
        assert_eq!(shown, "sql: 1:05 of 10:00");
    }

    #[test]
    fn the_outcome_of_the_program_is_returned() {
        let run = |program| run("test", LOOK, &mut Command::new(program));
        assert!(run("true").unwrap());
        assert!(!run("false").unwrap());
        assert!(run("no-such-program").is_err());
    }
}
