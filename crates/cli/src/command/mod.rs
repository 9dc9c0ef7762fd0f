//! The command line: what can be typed, and what it starts.
//!
//! Position: `main` → **here** → `http`, `demo`, `continuum-memory`.
//!
//! Invariant: what a program reads (a key, a report) goes to standard output, what a person reads
//! beside it to standard error.

mod completions;
mod data_dir;
mod demo;
mod doctor;
mod key;
mod lint;
mod man;
mod outbox;
mod output;
mod palette;
mod ranking;
mod run;
mod serve;
mod tenant;
mod terminal;
mod trace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Memory for agents, with a trace for everything it does.
#[derive(Debug, Parser)]
#[command(name = "continuum", version, after_help = EXAMPLES)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  continuum demo                         see it work, on conversations it brings along
  continuum key create --tenant acme     create an API key
  continuum serve                        answer requests on 127.0.0.1:8787
  continuum serve --peer URL             and tell another node what is learned
  continuum outbox status --tenant acme  what that node has not been told yet
  continuum run -- python3 app.py        show the traces of any program
  continuum trace spans.jsonl            show traces as trees
  continuum lint spans.jsonl             check spans against the tracing guide
  continuum doctor                       find out why spans do not arrive

  curl http://127.0.0.1:8787/v1/learn -H \"X-API-Key: $KEY\" -H 'Content-Type: application/json' \\
       -d '{\"session_id\": \"kick-off\", \"user_message\": \"We decided to store turns in SQLite.\"}'
  curl http://127.0.0.1:8787/v1/recall -H \"X-API-Key: $KEY\" -H 'Content-Type: application/json' \\
       -d '{\"query\": \"where do we store turns?\"}'

Traces appear on standard error, or go to where OTEL_EXPORTER_OTLP_ENDPOINT points.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    Demo(demo::DemoArgs),
    Run(run::Run),
    Lint(lint::Lint),
    Doctor(doctor::Doctor),
    Trace(trace::Trace),
    Completions(completions::Completions),
    Man(man::Man),
}

impl CommandLine {
    /// Does what was asked for, and says with which status to exit.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong, in words for the person at the terminal.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Serve(serve) => serve.run()?,
            Command::Key(key) => key.run()?,
            Command::Outbox(outbox) => outbox.run()?,
            Command::Completions(completions) => completions.run()?,
            Command::Trace(trace) => trace.run()?,
            Command::Man(man) => man.run()?,
            Command::Demo(demo) => return demo.run(),
            Command::Run(run) => return run.run(),
            Command::Lint(lint) => return lint.run(),
            Command::Doctor(doctor) => return doctor.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_has_an_example() {
        let mut command = CommandLine::command();
        for command in command.get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{help}");
        }
    }
}
