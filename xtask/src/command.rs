//! What a command is, and how the arguments choose one.
//!
//! Position: `main` → **command** → one file a command.
//!
//! Invariant: an argument that a command does not know is refused before anything runs.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// One developer command.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// One line for the overview.
    pub(crate) summary: &'static str,
    /// The options it takes, each with one line of explanation. One with a second word, such as
    /// `--out FILE`, is followed by a value; one without dashes, such as `NAME..`, stands for words.
    pub(crate) options: &'static [(&'static str, &'static str)],
    /// What it does and when to use it.
    pub(crate) help: &'static str,
    pub(crate) run: fn(&Workspace, &[String]) -> Result<ExitCode>,
}

impl Command {
    /// The text of `cargo xtask <command> --help`.
    pub(crate) fn page(&self) -> String {
        let usage = self
            .options
            .iter()
            .map(|(option, _)| format!(" [{option}]"));
        let options = self
            .options
            .iter()
            .map(|(option, text)| format!("\n  {option:<16} {text}\n"));
        [
            format!("{}\n\nUsage: cargo xtask {}", self.summary, self.name),
            usage.collect::<Vec<_>>().concat(),
            format!("\n\n{}\n", self.help),
            options.collect::<Vec<_>>().concat(),
        ]
        .concat()
    }

    fn check_options(&self, given: &[String]) -> Result<()> {
        let mut given = given.iter();
        while let Some(word) = given.next() {
            let is_meant = |option: &&str| {
                let takes_words = !option.starts_with('-') && !word.starts_with('-');
                takes_words || option.split(' ').next() == Some(word)
            };
            let mut options = self.options.iter().map(|(option, _)| *option);
            let Some(option) = options.find(is_meant) else {
                bail!(
                    "`{}` does not take `{word}`; see `cargo xtask {0} --help`",
                    self.name
                );
            };
            if option.contains(' ') && given.next().is_none() {
                bail!("`{}` needs a value: `{option}`", self.name);
            }
        }
        Ok(())
    }
}

/// The text of `cargo xtask --help`.
pub(crate) fn overview(commands: &[&Command]) -> String {
    let line = |command: &&Command| format!("  {:<16} {}", command.name, command.summary);
    let lines: Vec<String> = commands.iter().map(line).collect();
    format!(
        "The developer commands.\n\nUsage: cargo xtask <command>\n\n{}\n\n\
         `cargo xtask <command> --help` explains one of them. While you write: `fmt` and `lint`.\n\
         Before you send a change: `ci`, which is all that the server runs.\n",
        lines.join("\n")
    )
}

/// What the arguments ask for.
pub(crate) enum Request<'a> {
    /// The list of commands.
    Overview,
    /// The page of one command.
    Help(&'a Command),
    /// To run a command with these options, all of them known to it.
    Run(&'a Command, &'a [String]),
}

impl<'a> Request<'a> {
    /// Reads the arguments that follow `cargo xtask`.
    ///
    /// # Errors
    ///
    /// An unknown command, or an option that the command does not take.
    pub(crate) fn parse(commands: &[&'a Command], arguments: &'a [String]) -> Result<Self> {
        let is_help = |argument: &String| matches!(argument.as_str(), "--help" | "-h");
        let Some((name, options)) = arguments.split_first() else {
            return Ok(Self::Overview);
        };
        if is_help(name) {
            return Ok(Self::Overview);
        }
        let Some(command) = commands.iter().find(|command| command.name == name) else {
            bail!("there is no command `{name}`; `cargo xtask --help` lists them");
        };
        if options.iter().any(is_help) {
            return Ok(Self::Help(command));
        }
        command.check_options(options)?;
        Ok(Self::Run(command, options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: Command = Command {
        name: "bake",
        summary: "Bakes.",
        options: &[("--hot", "with more heat"), ("--for TIME", "how long")],
        help: "Takes an oven.",
        run: |_, _| Ok(ExitCode::SUCCESS),
    };

    fn parse(arguments: &[&str]) -> Result<String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Ok(match Request::parse(&[&COMMAND], &arguments)? {
            Request::Overview => "overview".to_owned(),
            Request::Help(command) => format!("help {}", command.name),
            Request::Run(command, options) => format!("run {} {options:?}", command.name),
        })
    }

    #[test]
    fn no_argument_or_help_shows_the_overview() {
        assert_eq!(parse(&[]).unwrap(), "overview");
        assert_eq!(parse(&["--help"]).unwrap(), "overview");
    }

    #[test]
    fn a_command_runs_with_the_options_it_knows() {
        assert_eq!(parse(&["bake", "--hot"]).unwrap(), r#"run bake ["--hot"]"#);
        let timed = parse(&["bake", "--for", "1h", "--hot"]).unwrap();
        assert_eq!(timed, r#"run bake ["--for", "1h", "--hot"]"#);
        assert_eq!(parse(&["bake", "--hot", "-h"]).unwrap(), "help bake");
    }

    #[test]
    fn a_command_that_takes_words_still_refuses_options_it_does_not_know() {
        let words = Command {
            options: &[("--hot", "with more heat"), ("CAKE..", "which ones")],
            ..COMMAND
        };
        let given = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(
            words
                .check_options(&given(&["plum", "--hot", "apple"]))
                .is_ok()
        );
        assert!(words.check_options(&given(&["plum", "--cold"])).is_err());
    }

    #[test]
    fn unknown_commands_and_options_are_refused() {
        assert!(parse(&["boil"]).is_err());
        assert!(parse(&["bake", "--cold"]).is_err());
        assert!(parse(&["bake", "1h"]).is_err());
        assert!(parse(&["bake", "--for"]).is_err());
    }

    #[test]
    fn the_page_names_every_option() {
        let page = COMMAND.page();
        assert!(
            page.starts_with("Bakes.\n\nUsage: cargo xtask bake [--hot] [--for TIME]\n"),
            "{page}"
        );
        assert!(
            page.ends_with("  --hot            with more heat\n\n  --for TIME       how long\n"),
            "{page}"
        );
    }
}
