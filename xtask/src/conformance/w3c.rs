//! The public W3C Trace Context harness against our service.
//!
//! Position: starts `examples/w3c_service.rs` and lets `test/test.py` of the w3c/trace-context
//! repository drive it. The harness is not ours to copy, so its checkout is an argument.
//!
//! Invariant: the service is stopped on every way out.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::value_of;
use crate::process;
use crate::workspace::Workspace;

/// The specification's level, and how strictly its optional rules are judged.
const LEVELS: [(&str, &str); 2] = [("SPEC_LEVEL", "2"), ("STRICT_LEVEL", "2")];
/// The harness has so many tests at these levels; fewer are not the whole of it.
const CASES: u32 = 41;
const SERVICE: [&str; 4] = ["--release", "--quiet", "--example", "w3c_service"];

/// Runs the harness of `options` and prints the score.
pub(super) fn execute(workspace: &Workspace, options: &[String]) -> Result<ExitCode> {
    let harness = harness_of(options)?;
    let score = run(workspace, &harness)?;
    println!("w3c: {} of {CASES}", score.passed);
    score.judge()?;
    Ok(ExitCode::SUCCESS)
}

/// The folder with `test.py`.
fn harness_of(options: &[String]) -> Result<PathBuf> {
    let path = value_of(options, "--harness")
        .context("`--harness PATH` says where w3c/trace-context is checked out")?;
    let folder = Path::new(path).join("test");
    ensure!(
        folder.join("test.py").is_file(),
        "there is no test/test.py in {path}"
    );
    Ok(folder.canonicalize()?)
}

fn run(workspace: &Workspace, harness: &Path) -> Result<Score> {
    let python = python_with_aiohttp(workspace)?;
    process::run(process::cargo(workspace.root()).arg("build").args(SERVICE))?;
    let service = Service::start(workspace.root())?;
    let mut tests = process::program(python, harness);
    tests
        .arg("test.py")
        .arg(&service.address)
        .envs(LEVELS)
        .env("HARNESS_PORT", free_port()?.to_string());
    eprintln!("$ {}", process::line(&tests));
    let output = tests.output().context("cannot start the harness")?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    Score::read(&said).context("the harness did not say how many tests it ran")
}

/// An interpreter that has what the harness imports.
fn python_with_aiohttp(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.root();
    let target = workspace.members()?.target_directory;
    let folder = target.join("conformance-python");
    let programs = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = folder.join(programs).join("python");
    let imports = ["-c", "import aiohttp"];
    if !process::succeeds(process::program(&python, root).args(imports)) {
        let mut make = process::program("python3", root);
        process::run(make.args(["-m", "venv"]).arg(&folder))?;
        let mut install = process::program(&python, root);
        process::run(install.args(["-m", "pip", "install", "--quiet", "aiohttp"]))?;
    }
    Ok(python)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The running example.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(root: &Path) -> Result<Self> {
        let mut cargo = process::cargo(root);
        cargo.arg("run").args(SERVICE).args(["--", "0"]);
        let mut child = cargo
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the service")?;
        let stdout = child.stdout.take();
        let mut service = Self {
            child,
            address: String::new(),
        };
        let stdout = stdout.context("the service has no standard output")?;
        BufReader::new(stdout).read_line(&mut service.address)?;
        service.address.truncate(service.address.trim_end().len());
        if service.address.is_empty() {
            bail!("the service ended without saying where it listens");
        }
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A service that is gone already needs no end.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// How many of the harness's tests passed.
#[derive(Debug, PartialEq, Eq)]
struct Score {
    passed: u32,
    run: u32,
}

impl Score {
    /// Reads the last lines of Python's `unittest`: `Ran 41 tests in 0.6s`, then `OK` or
    /// `FAILED (failures=1, errors=2, skipped=3)`.
    fn read(said: &str) -> Option<Self> {
        let (_, end) = said.rsplit_once("\nRan ")?;
        let run = end.split(' ').next()?.parse().ok()?;
        let counts = end.split_once('(').map_or("", |(_, counts)| counts);
        let lost = counts
            .split([',', ')', '\n'])
            .filter_map(|count| count.trim().split_once('=')?.1.parse::<u32>().ok());
        Some(Self {
            passed: u32::checked_sub(run, lost.sum())?,
            run,
        })
    }

    /// Fails unless every case was run and passed.
    fn judge(&self) -> Result<()> {
        let Self { passed, run } = *self;
        ensure!(
            run >= CASES,
            "the harness ran {run} tests, not {CASES}: some were left out"
        );
        ensure!(passed == run, "{} of {run} tests failed", run - passed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_counts_what_failed_or_did_not_run() {
        let read = |end: &str| Score::read(&format!("ok\n-----\nRan 41 tests in 0.6s\n\n{end}\n"));
        let score = |passed| Some(Score { passed, run: 41 });
        assert_eq!(read("OK"), score(41));
        assert_eq!(read("FAILED (failures=1)"), score(40));
        assert_eq!(read("FAILED (failures=1, errors=12)"), score(28));
        assert_eq!(read("OK (skipped=3)"), score(38));
        assert_eq!(Score::read("Traceback"), None);
    }

    #[test]
    fn a_part_of_the_harness_is_not_enough() {
        let judged = |passed, run| Score { passed, run }.judge().map_err(|e| e.to_string());
        assert_eq!(judged(41, 41), Ok(()));
        let error = judged(7, 7).unwrap_err();
        assert_eq!(error, "the harness ran 7 tests, not 41: some were left out");
        let error = judged(40, 41).unwrap_err();
        assert_eq!(error, "1 of 41 tests failed");
        assert!(judged(0, 0).is_err());
    }

    #[test]
    fn the_harness_has_to_be_there() {
        let harness = |options: &[&str]| {
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            harness_of(&options)
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert!(harness(&["w3c"]).is_err());
        assert!(harness(&["w3c", "--harness", path]).is_err());
        std::fs::create_dir(folder.path().join("test")).unwrap();
        std::fs::write(folder.path().join("test/test.py"), "").unwrap();
        let found = harness(&["w3c", "--harness", path]).unwrap();
        assert!(found.ends_with("test"), "{}", found.display());
    }
}
