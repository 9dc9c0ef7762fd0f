//! `continuum run`: any program, with its traces on the terminal while it runs.
//!
//! Position: `receiver` and [`run`](crate::run) → **here** → trees, and the SDK's `lint`.
//!
//! Invariants: standard output is the program's alone; the exit status is the program's, 128 and its number for
//! a signal, unless `--lint-strict` finds something in a program that succeeded.

mod show;

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueHint};
use continuum_observability::{lint::Linter, safe_line};
use tokio::runtime::Runtime;

use self::show::{Copy, Form, Show, say};
use super::{
    lint::{FOUND, findings_as_json, findings_in_words},
    palette::palette,
    terminal::tree_style,
};
use crate::{
    receiver::{Receiver, Refused},
    run::{Destination, Forward, Program, Signals, follow, of_this_process, silenced_by},
};

/// Exit status where there is no such program, and where it cannot be started; those of shells and `env`.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// How long what is to be sent on may take once the program has ended.
const FORWARD_PATIENCE: Duration = Duration::from_secs(5);

/// What shells add to the number of the signal that ended a program.
#[cfg(unix)]
const BY_SIGNAL: i32 = 128;

/// Start a program and show its traces
#[expect(
    clippy::struct_excessive_bools,
    reason = "the switches of the command line"
)]
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// Append the spans to a file of OTLP JSON lines, for `continuum trace` and `continuum lint`
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Send what arrives on to this OTLP endpoint too, such as `http://localhost:4318`
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    forward: Option<Destination>,
    /// Print one JSON object a line for each trace, and one with the findings
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print no traces
    #[arg(long)]
    quiet: bool,
    /// Print every attribute in full
    #[arg(long)]
    wide: bool,
    /// Do not check the spans against the tracing guide at the end
    #[arg(long)]
    no_lint: bool,
    /// Exit with 3 where the program succeeds but the check finds something
    #[arg(long, conflicts_with = "no_lint")]
    lint_strict: bool,
    /// The program, and what it is to be given
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND",
        value_hint = ValueHint::CommandWithArguments
    )]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  continuum run -- cargo run
  continuum run -- python3 app.py
  continuum run --keep spans.jsonl --quiet -- npm start
  continuum run --forward http://localhost:4318 -- cargo run

Works with every OpenTelemetry SDK that reads the usual variables: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT names a
receiver on a free port of this machine, which takes OTLP over HTTP and gRPC. A trace is shown when nothing more
of it arrives. Traces and findings go to standard error; standard output is the program's.

Exit status: that of the program, 128 and the number for a signal; 127 no such program, 126 it cannot be
started, 3 findings with --lint-strict, 1 nothing was started, 2 not understood.";

impl Run {
    pub(super) fn run(self) -> Result<ExitCode> {
        let runtime = Runtime::new().context("no runtime")?;
        runtime.block_on(self.start())
    }

    async fn start(self) -> Result<ExitCode> {
        let copy = self.keep.as_deref().map(Copy::append_to).transpose()?;
        let forward = self.forward.clone().map(Forward::start).transpose();
        let mut show = Show::new(self.form(), copy, forward.context("no thread")?);
        let signals = Signals::listen().context("no signals")?;
        let (receiver, requests) = Receiver::bind().await.context("no free port")?;
        let Some((name, arguments)) = self.command.split_first() else {
            return Ok(ExitCode::from(NOT_FOUND));
        };
        let program = match Program::start(name, arguments, receiver.port()?) {
            Ok(program) => program,
            Err(error) => return Ok(not_started(name, &error)),
        };
        let refused = receiver.refused();
        let ended = follow(program, signals, receiver, requests, &mut show).await?;
        finish_forward(show.forward.take());
        tell_refused(&refused);
        let finding_count = self.check(&show);
        if self.lint_strict && ended.success() && finding_count > 0 {
            return Ok(ExitCode::from(FOUND));
        }
        Ok(exit_code(ended))
    }

    fn form(&self) -> Form {
        if self.quiet {
            Form::Nothing
        } else if self.json {
            Form::JsonLines
        } else {
            Form::Trees(tree_style(&io::stderr(), self.wide))
        }
    }

    /// Says what the tracing guide has to say about the spans, and how much that is.
    fn check(&self, show: &Show) -> usize {
        let spans = &show.spans;
        if spans.is_empty() && !self.json {
            let why = match silenced_by(of_this_process) {
                Some(variable) => format!("{variable} is set, which has the program record none"),
                None => {
                    "does the program use an OpenTelemetry SDK with an OTLP exporter?".to_owned()
                }
            };
            say(&format!("continuum: no spans arrived; {why}\n"));
        }
        if self.no_lint || (spans.is_empty() && !self.json) {
            return 0;
        }
        let findings = Linter::new().lint(spans);
        if self.json {
            say(&format!("{}\n", findings_as_json(&findings, spans.len())));
        } else {
            say(&findings_in_words(
                &findings,
                spans.len(),
                palette(&io::stderr()),
            ));
        }
        if show.unchecked_count > 0 {
            let count = show.unchecked_count;
            say(&format!(
                "continuum: {count} later spans were too many to be checked\n"
            ));
        }
        findings.len()
    }
}

/// Says what the receiver did not take.
fn tell_refused(refused: &Refused) {
    if let Some((count, reason)) = refused.last() {
        let reason = safe_line(&reason, usize::MAX);
        say(&format!(
            "continuum: {count} requests were refused, the last one because {reason}\n"
        ));
    }
}

/// Waits for what is still to be sent on, and says what was lost.
fn finish_forward(forward: Option<Forward>) {
    if let Some(lost) = forward.and_then(|forward| forward.finish(FORWARD_PATIENCE)) {
        let (count, reason) = (lost.span_count, lost.reason);
        say(&format!(
            "continuum: {count} spans were not sent on: {reason}\n"
        ));
    }
}

fn not_started(name: &OsString, error: &io::Error) -> ExitCode {
    say(&format!(
        "error: cannot start {}: {error}\n",
        name.display()
    ));
    ExitCode::from(match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_STARTED,
    })
}

fn exit_code(ended: ExitStatus) -> ExitCode {
    let status = ended.code().or_else(|| by_signal(ended));
    let status = status.map(|status| u8::try_from(status).unwrap_or(u8::MAX));
    status.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(unix)]
fn by_signal(ended: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;

    Some(BY_SIGNAL + ended.signal()?)
}

#[cfg(not(unix))]
fn by_signal(_ended: ExitStatus) -> Option<i32> {
    None
}
