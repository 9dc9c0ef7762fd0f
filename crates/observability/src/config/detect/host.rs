//! The machine and its operating system.
//!
//! Source: OpenTelemetry semantic conventions, "Host" and "Operating system"; os-release(5),
//! machine-id(5).

use super::{Detected, found, read};
use crate::config::env::Environment;
#[cfg(not(unix))]
use crate::config::env::{COMPUTER_NAME, HOST_NAME};

pub(super) fn detect(env: &Environment<'_>) -> Detected {
    let release = read("/etc/os-release")
        .or_else(|| read("/usr/lib/os-release"))
        .unwrap_or_default();
    found([
        ("host.name", host_name(env)),
        ("host.id", read("/etc/machine-id")),
        ("host.arch", Some(architecture(std::env::consts::ARCH))),
        ("os.type", Some(system(std::env::consts::OS))),
        ("os.name", field(&release, "NAME")),
        ("os.version", field(&release, "VERSION_ID")),
        ("os.description", field(&release, "PRETTY_NAME")),
    ])
}

#[cfg(unix)]
fn host_name(_: &Environment<'_>) -> Option<String> {
    crate::recorder::host_name()
}

#[cfg(not(unix))]
fn host_name(env: &Environment<'_>) -> Option<String> {
    env.first_text(&[COMPUTER_NAME, HOST_NAME])
        .map(|(_, name)| name)
}

/// The convention's word for an architecture.
fn architecture(rust: &str) -> String {
    let name = match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    };
    name.to_owned()
}

/// The convention's word for an operating system.
fn system(rust: &str) -> String {
    let name = match rust {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    };
    name.to_owned()
}

/// A field of an os-release file; values may stand in quotes.
fn field(release: &str, name: &str) -> Option<String> {
    let value = release.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then_some(value.trim())
    })?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::environment, *};

    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n\
                          NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
    const ALPINE: &str = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.1\n";

    #[test]
    fn a_release_is_read_with_and_without_quotes() {
        assert_eq!(field(DEBIAN, "NAME").as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(field(DEBIAN, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(field(ALPINE, "VERSION_ID").as_deref(), Some("3.20.1"));
        assert_eq!(field(ALPINE, "PRETTY_NAME"), None);
    }

    #[test]
    fn words_are_those_of_the_conventions() {
        let rows = [
            ("x86_64", "amd64"),
            ("aarch64", "arm64"),
            ("s390x", "s390x"),
        ];
        for (rust, expected) in rows {
            assert_eq!(architecture(rust), expected);
        }
        assert_eq!(
            (system("macos"), system("linux")),
            ("darwin".into(), "linux".into())
        );
    }

    #[cfg(unix)]
    #[test]
    fn this_machine_has_a_name() {
        let found = detect(&environment(&[]));
        let value = |key| {
            found
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, value)| value)
        };
        let asked = std::process::Command::new("uname")
            .arg("-n")
            .output()
            .unwrap();
        let asked = String::from_utf8(asked.stdout).unwrap();
        assert_eq!(value("host.name"), Some(&asked.trim().into()));
        assert_eq!(value("os.type"), Some(&system(std::env::consts::OS).into()));
    }
}
