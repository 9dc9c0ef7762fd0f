//! `cargo xtask conformance`: what others have written to judge software like ours.
//!
//! Position: [`w3c`] for the headers, [`python`] for the Python package. None of it is ours to copy:
//! it is fetched from its packages, or a checkout is named on the command line.

mod python;
mod w3c;

use anyhow::bail;

use crate::command::Command;

pub(crate) const COMMAND: Command = Command {
    name: "conformance",
    summary: "Runs a public conformance harness against our service.",
    options: &[
        ("w3c", "W3C Trace Context, level 2, all rules strict"),
        ("--harness PATH", "a checkout of w3c/trace-context"),
        (
            "python",
            "the suites of opentelemetry-python-contrib on the Python package",
        ),
        (
            "--contrib PATH",
            "a checkout of opentelemetry-python-contrib; otherwise its source distributions",
        ),
    ],
    help: "w3c: builds examples/w3c_service.rs in release mode, starts it on a free port and lets the\n\
           harness's test/test.py drive it. The last line is the score. The harness runs in a\n\
           Python environment with aiohttp, made in the target folder where it is missing.\n\
           \n\
           python: runs the tests of nine instrumentations twice, with the SDK that they were written\n\
           for and with the Python package in its place, and prints a table of both. Takes minutes.",
    run: |workspace, options| {
        let is_asked_for = |name: &str| options.iter().any(|option| option == name);
        if is_asked_for("w3c") {
            w3c::execute(workspace, options)
        } else if is_asked_for("python") {
            python::execute(workspace, options)
        } else {
            bail!("which harness? There are `w3c` and `python`")
        }
    },
};

/// What follows an option.
fn value_of<'a>(options: &'a [String], name: &str) -> Option<&'a String> {
    options.iter().skip_while(|option| *option != name).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_an_option_is_what_follows_it() {
        let options = ["python", "--contrib", "folder"].map(str::to_owned);
        assert_eq!(value_of(&options, "--contrib").unwrap(), "folder");
        assert_eq!(value_of(&options, "--harness"), None);
        assert_eq!(value_of(&options[..2], "--contrib"), None);
    }
}
