//! The SDK on other platforms: compiled as far as `cargo check` goes, run on none of them.
//!
//! Every feature for users is checked that a platform can have, but for large clients of others. The
//! exporters over the network hold C code, in their TLS library: they are checked where a C compiler for the
//! platform is on the machine.
//!
//! Invariant: what is skipped is named.

use anyhow::{Context as _, Result, bail};

use super::feature::{SDK, for_users, sdk};
use crate::metadata::Package;
use crate::process;
use crate::workspace::Workspace;

/// The feature that brings the TLS library.
const NETWORK: &str = "_network";

/// Features that bring a large client: minutes to check on each platform, of which our code knows none.
const CLIENTS: [&str; 4] = [
    "async_nats_0_51",
    "opentelemetry_sdk_0_33",
    "redis_1",
    "reqwest_0_13",
];

/// A platform.
struct Target {
    name: &'static str,
    /// The C compiler that build scripts ask for.
    c_compiler: Option<&'static str>,
    /// Features whose libraries the platform does not have.
    lacks: &'static [&'static str],
}

const TARGETS: [Target; 4] = [
    Target {
        name: "aarch64-unknown-linux-gnu",
        c_compiler: Some("aarch64-linux-gnu-gcc"),
        lacks: &[],
    },
    Target {
        name: "x86_64-apple-darwin",
        c_compiler: None,
        lacks: &[],
    },
    Target {
        name: "x86_64-pc-windows-msvc",
        c_compiler: None,
        lacks: &[],
    },
    Target {
        name: "wasm32-unknown-unknown",
        c_compiler: None,
        // Files.
        lacks: &["rusqlite_0_41"],
    },
];

/// Checks the SDK for every target that is installed or can be; names those that are skipped.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let members = workspace.members()?;
    let sdk = sdk(&members)?;
    let mut failed = Vec::new();
    for target in &TARGETS {
        if !is_available(workspace, target.name) {
            eprintln!(
                "skipped: {}, its standard library is not installed and cannot be fetched",
                target.name
            );
        } else if let Err(error) = check_one(workspace, sdk, target) {
            eprintln!("{error:#}");
            failed.push(target.name);
        }
    }
    if !failed.is_empty() {
        bail!("the SDK does not compile for {}", failed.join(", "));
    }
    Ok(())
}

fn is_available(workspace: &Workspace, target: &str) -> bool {
    let mut rustup = process::program("rustup", workspace.root());
    // One quick attempt: a machine without network must not wait here.
    rustup
        .env("RUSTUP_MAX_RETRIES", "0")
        .env("RUSTUP_DOWNLOAD_TIMEOUT", "20");
    process::succeeds(rustup.args(["target", "add", target]))
}

fn check_one(workspace: &Workspace, sdk: &Package, target: &Target) -> Result<()> {
    let compiles_c = target.c_compiler.is_some_and(|compiler| {
        process::succeeds(process::program(compiler, workspace.root()).arg("--version"))
    });
    let (checked, skipped) = features(sdk, target, compiles_c);
    if !skipped.is_empty() {
        eprintln!("skipped on {}: {}", target.name, skipped.join(", "));
    }
    let mut cargo = process::cargo(workspace.root());
    cargo.args(["check", "--package", SDK, "--target", target.name]);
    cargo.args(["--no-default-features", "--features", &checked.join(",")]);
    process::run(&mut cargo).with_context(|| target.name)
}

/// The features that are checked on a platform, and those that are not.
fn features<'a>(
    sdk: &'a Package,
    target: &Target,
    compiles_c: bool,
) -> (Vec<&'a str>, Vec<&'a str>) {
    for_users(sdk).partition(|feature| {
        let is_asked = !target.lacks.contains(feature) && !CLIENTS.contains(feature);
        is_asked && (compiles_c || !brings(sdk, feature, NETWORK))
    })
}

/// Whether a feature brings another one, by itself or by what it brings.
fn brings(package: &Package, feature: &str, other: &str) -> bool {
    let brought = package.features.get(feature);
    feature == other
        || brought.is_some_and(|more| more.iter().any(|more| brings(package, more, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SDK of this repository.
    fn with_sdk<T>(see: impl FnOnce(&Package) -> T) -> T {
        let members = Workspace::of_this_build().members().unwrap();
        see(sdk(&members).unwrap())
    }

    #[test]
    fn all_but_what_a_platform_cannot_have_is_checked() {
        let network = [
            "otlp-grpc",
            "otlp-http",
            "otlp-logs",
            "otlp-metrics",
            "zipkin",
        ];
        with_sdk(|sdk| {
            for target in &TARGETS {
                let mut expected: Vec<_> = network
                    .iter()
                    .chain(target.lacks)
                    .chain(&CLIENTS)
                    .copied()
                    .collect();
                expected.sort_unstable();
                let (checked, skipped) = features(sdk, target, false);
                assert_eq!(skipped, expected, "{}", target.name);
                assert_eq!(checked.len() + skipped.len(), for_users(sdk).count());
            }
        });
    }

    #[test]
    fn with_a_compiler_the_network_is_checked_too() {
        with_sdk(|sdk| {
            let (checked, skipped) = features(sdk, &TARGETS[0], true);
            assert_eq!(skipped, CLIENTS);
            assert!(checked.contains(&"otlp-http"));
        });
    }
}
