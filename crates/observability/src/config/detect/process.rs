//! The program that runs, and how it was started.
//!
//! Invariants: of a command line no value is shown that its name or its place in a URL tells to be a
//! secret; at most [`MAX_ARGUMENTS`] arguments are kept.
//!
//! Source: OpenTelemetry semantic conventions, "Process".

use super::{Detected, MAX_CHARS, found};
use crate::{
    config::redaction::{REDACTED, is_denied_key},
    span::{Value, truncated, url::redact_urls},
};
use std::borrow::Cow;

/// Arguments of the command line that are kept.
const MAX_ARGUMENTS: usize = 64;
/// What stands between a name and its value.
const SEPARATORS: [char; 2] = ['=', ':'];

/// Known where the program is one of Rust alone.
pub(in crate::config) const RUNTIME: &str = "process.runtime.name";
/// Where the command line stands, which is scrubbed by the rules of the process when it is encoded.
pub(in crate::config) const COMMAND_ARGS: &str = "process.command_args";

pub(super) fn detect() -> Detected {
    let executable = std::env::current_exe().ok();
    let name = executable.as_ref().and_then(|path| path.file_name());
    let mut detected = found([
        (
            "process.executable.name",
            name.map(|name| name.to_string_lossy().into_owned()),
        ),
        (
            "process.executable.path",
            executable
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
        ),
        (RUNTIME, Some("rustc".to_owned())),
    ]);
    let arguments = std::env::args_os().take(MAX_ARGUMENTS);
    let arguments: Vec<_> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    detected.push((COMMAND_ARGS, arguments.into()));
    detected
}

/// A command line without its secrets; any other value as it is.
pub(in crate::config) fn without_secrets<'a>(arguments: &'a Value<'_>) -> Value<'a> {
    let Value::Array(arguments) = arguments else {
        return arguments.clone();
    };
    let mut names_secret = false;
    let shown = arguments.iter().map(|argument| {
        let Value::Str(text) = argument else {
            return argument.clone();
        };
        let is_secret = names_secret && !text.starts_with("--");
        names_secret = !is_secret && is_option(text) && is_denied_key(text);
        if is_secret {
            return REDACTED.into();
        }
        Value::from(shown(text).into_owned())
    });
    Value::Array(shown.collect())
}

/// Whether the value of an argument is the next one.
fn is_option(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains(SEPARATORS)
}

/// `--api-key=…`, `PASSWORD=…`, `Authorization: …` and URLs without what is secret in them.
fn shown(argument: &str) -> Cow<'_, str> {
    let cut = truncated(argument, MAX_CHARS);
    match secret_value(cut) {
        Some(at) => format!("{}{REDACTED}", &cut[..at]).into(),
        None => redact_urls(cut),
    }
}

/// Where the value of a name begins that is one of a secret, and stands before any URL.
fn secret_value(text: &str) -> Option<usize> {
    let end = text.find("://").unwrap_or(text.len());
    let mut start = 0;
    for (at, _) in text[..end].match_indices(SEPARATORS) {
        if is_denied_key(&text[start..at]) {
            return Some(at + 1);
        }
        start = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(line: &str) -> String {
        let arguments: Vec<_> = line.split(' ').collect();
        let arguments = Value::from(arguments);
        let Value::Array(shown) = without_secrets(&arguments) else {
            panic!("no list");
        };
        let text = |value: &Value<'_>| match value {
            Value::Str(text) => text.clone().into_owned(),
            other => format!("{other:?}"),
        };
        shown.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn secrets_of_a_command_line_are_not_shown() {
        let rows = [
            ("app serve --port 80", "app serve --port 80"),
            ("app --api-key=abc", "app --api-key=[redacted]"),
            ("app --api-key abc run", "app --api-key [redacted] run"),
            ("app --password --verbose", "app --password --verbose"),
            ("app --password -x9 run", "app --password [redacted] run"),
            ("app --password -token run", "app --password [redacted] run"),
            ("app --password:x9 run", "app --password:[redacted] run"),
            ("app DB_PASSWORD=a=b", "app DB_PASSWORD=[redacted]"),
            (
                "app --db postgres://joe:pw@db/x --max-tokens 5",
                "app --db postgres://REDACTED:REDACTED@db/x --max-tokens 5",
            ),
            (
                "app --url=https://a.example/?token=abc",
                "app --url=https://a.example/?token=REDACTED",
            ),
        ];
        for (line, expected) in rows {
            assert_eq!(scrubbed(line), expected, "{line}");
        }
    }

    #[test]
    fn secrets_of_headers_are_not_shown() {
        let rows = [
            ("Authorization: Bearer abc", "Authorization:[redacted]"),
            (
                "Authorization: Basic dXNlcjpwYXNz==",
                "Authorization:[redacted]",
            ),
            ("--header=X-Api-Key: abc", "--header=X-Api-Key:[redacted]"),
            ("TOKEN=https://a.example/x", "TOKEN=[redacted]"),
            ("Accept: text/html", "Accept: text/html"),
            ("localhost:8080", "localhost:8080"),
        ];
        for (argument, expected) in rows {
            assert_eq!(shown(argument), expected, "{argument}");
        }
    }

    #[test]
    fn this_process_is_found_with_few_arguments() {
        let found = detect();
        let keys: Vec<_> = found.iter().map(|(key, _)| *key).collect();
        let expected = [
            "process.executable.name",
            "process.executable.path",
            "process.runtime.name",
            "process.command_args",
        ];
        assert_eq!(keys, expected);
        let own = std::env::current_exe().unwrap();
        assert_eq!(found[1].1, own.to_string_lossy().into_owned().into());
    }
}
