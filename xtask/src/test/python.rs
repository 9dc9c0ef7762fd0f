//! The Python package: a wheel for each Python of the machine, its tests and its checks.
//!
//! Position: one of the sources of [`super::suite`]'s runners.
//!
//! Invariants: nothing outside of the target folder is changed; a Python that is not on the machine
//! is left out by name, and the default one is never left out.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::runner::Runner;
use crate::process;

/// The Pythons that the package is tested on where they are there, besides `python3`.
const OTHERS: [&str; 4] = ["python3.10", "python3.11", "python3.12", "python3.13"];

/// Programs in Python that are tested like the Rust ones, with the default Python alone.
const EXAMPLES: &str = "../examples/python";

const CONFIG: &str = "pyproject.toml";

/// Tells the tests where the tracing guide is, which they run block by block.
const GUIDE_VARIABLE: &str = "CONTINUUM_GUIDE";

/// Where it is otherwise: beside the repository, which does not hold it.
const GUIDE: &str = "../shared/guide/continuum-tracing-guide.md";

/// Tells the tests of the examples where the memory server is.
const PROGRAM_VARIABLE: &str = "CONTINUUM_TEST_BINARY";

const VERSION: &str = "import sys; print('%d.%d' % sys.version_info[:2])";

/// Whether the repository has the package.
pub(super) fn is_in(root: &Path) -> bool {
    root.join("python").is_dir()
}

/// What runs for each Python, in a virtual environment with the wheel, as a group: the tests, which make it
/// first, and for the default one the checks.
///
/// # Errors
///
/// There is no `python3`.
pub(super) fn runners(root: &Path, target_directory: &Path) -> Result<Vec<Vec<Runner>>> {
    let (package, target) = (root.join("python"), target_directory.join("python"));
    let default = version(root, "python3").context("no python3")?;
    let named = guide_of_environment();
    let guide = guide(named, root);
    let of = |python: &str, version: &str, more: &[&str]| {
        let environment = environment(&target, version);
        let preparation = preparation(&package, &environment, &target, (python, version), more);
        tests(version, &package, &environment, guide.clone()).after(preparation)
    };
    let examples = format!("{EXAMPLES}/requirements.txt");
    let mut main = vec![of("python3", &default, &["--requirement", &examples])];
    let environment = environment(&target, &default);
    main.extend(checks(&package, &environment));
    let program = target_directory.join("debug/continuum");
    main.push(example_tests(&package, &environment, &program));
    main.push(instructions(&package, &environment, &target));
    let mut groups = vec![main];
    if guide.is_none() {
        eprintln!(
            "skipped: the code of the tracing guide, which is not in the repository; {GUIDE_VARIABLE} says where it is"
        );
    }
    for name in OTHERS {
        match version(root, name) {
            Some(found) if found == default => {}
            Some(found) => groups.push(vec![of(name, &found, &[])]),
            None => eprintln!("skipped: tests of the Python package on {name}, which is not here"),
        }
    }
    Ok(groups)
}

fn version(root: &Path, python: &str) -> Option<String> {
    let output = process::output(interpreter(root, python).args(["-c", VERSION]));
    output.ok().map(|version| version.trim().to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer's own files, no setting of the product"
)]
fn guide_of_environment() -> Option<OsString> {
    env::var_os(GUIDE_VARIABLE).filter(|path| !path.is_empty())
}

/// The tracing guide, if it is there.
fn guide(named: Option<OsString>, root: &Path) -> Option<PathBuf> {
    let path = named.map_or_else(|| root.join(GUIDE), PathBuf::from);
    path.is_file().then_some(path)
}

/// A Python by its name. One that pyenv has is there only when it is asked for.
fn interpreter(folder: &Path, python: &str) -> Command {
    let mut command = process::program(python, folder);
    if let Some(version) = python
        .strip_prefix("python")
        .filter(|name| name.contains('.'))
    {
        command.env("PYENV_VERSION", version);
    }
    command
}

fn environment(target: &Path, version: &str) -> PathBuf {
    target.join(format!("venv-{version}"))
}

/// What makes a virtual environment in which the package is installed, and what its tests need, with
/// `more` for pip.
fn preparation(
    package: &Path,
    environment: &Path,
    target: &Path,
    (python, version): (&str, &str),
    more: &[&str],
) -> Vec<Command> {
    let run = |program: &str| process::program(environment.join("bin").join(program), package);
    let mut commands = Vec::new();
    if !environment.join("bin/python").exists() {
        let mut venv = interpreter(package, python);
        venv.args(["-m", "venv"]).arg(environment);
        commands.push(venv);
    }
    let mut requirements = pip(package, environment);
    requirements
        .args(["--requirement", "tests/requirements.txt"])
        .args(more);
    commands.push(requirements);
    let wheels = target.join(format!("wheels-{version}"));
    let mut maturin = run("maturin");
    maturin
        .args(["build", "--quiet", "--profile", "dev", "--interpreter"])
        .arg(environment.join("bin/python"))
        .arg("--out")
        .arg(&wheels)
        .arg("--target-dir")
        .arg(target.join("target"));
    let mut install = pip(package, environment);
    install.args(["--no-deps", "--force-reinstall", "--no-index"]);
    install.arg("--find-links").arg(&wheels);
    install.arg("continuum-observability");
    commands.extend([maturin, install]);
    commands
}

/// `pip install` into a virtual environment.
fn pip(package: &Path, environment: &Path) -> Command {
    let mut pip = process::program(environment.join("bin/python"), package);
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.arg("--disable-pip-version-check");
    pip
}

fn tests(version: &str, package: &Path, environment: &Path, guide: Option<PathBuf>) -> Runner {
    let mut pytest = process::program(environment.join("bin/python"), package);
    pytest.args(["-m", "pytest", "--quiet", "--color=no"]);
    if let Some(guide) = guide {
        pytest.env(GUIDE_VARIABLE, guide);
    }
    Runner::new(format!("python {version}"), pytest)
}

/// The examples' tests, which start the memory server as the tests of the crates have built it.
fn example_tests(package: &Path, environment: &Path, program: &Path) -> Runner {
    let mut pytest = process::program(environment.join("bin/python"), package);
    pytest
        .args(["-m", "pytest", "--quiet", "--color=no", EXAMPLES])
        .args(["--config-file", CONFIG, "--rootdir", ".."])
        .env("PYTHONPATH", "tests")
        .env(PROGRAM_VARIABLE, program);
    Runner::new("python examples", pytest)
}

/// What a span costs in instructions: with the wheel as users build it, in a folder that goes before
/// the environment's own.
fn instructions(package: &Path, environment: &Path, target: &Path) -> Runner {
    let folder = target.join("instructions");
    let wheels = folder.join("wheels");
    let mut maturin = process::program(environment.join("bin/maturin"), package);
    maturin
        .args(["build", "--quiet", "--profile", "wheel"])
        .arg("--interpreter")
        .arg(environment.join("bin/python"))
        .arg("--out")
        .arg(&wheels)
        .arg("--target-dir")
        .arg(target.join("target"));
    let site = folder.join("site");
    let mut install = pip(package, environment);
    install.args(["--no-deps", "--upgrade", "--no-index", "--target"]);
    install.arg(&site).arg("--find-links").arg(&wheels);
    install.arg("continuum-observability");
    let mut pytest = process::program(environment.join("bin/python"), package);
    pytest
        .args([
            "-m",
            "pytest",
            "--quiet",
            "--color=no",
            "-s",
            "instructions",
        ])
        .env("PYTHONPATH", site);
    Runner::new("python instructions", pytest).after(vec![maturin, install])
}

/// Format, style, types, and that the stubs say what the native half has.
fn checks(package: &Path, environment: &Path) -> Vec<Runner> {
    let commands: [&[&str]; 4] = [
        &[
            "ruff", "format", "--config", CONFIG, "--check", ".", EXAMPLES,
        ],
        &["ruff", "check", "--config", CONFIG, ".", EXAMPLES],
        &["mypy", "src", "tests", "instructions", EXAMPLES],
        &[
            "stubtest",
            "continuum.observability",
            "--allowlist",
            "stubtest-allowlist.txt",
        ],
    ];
    let runner = |words: &[&str]| {
        let (program, arguments) = words.split_first().unwrap_or((&"", &[]));
        let mut command = process::program(environment.join("bin").join(program), package);
        command.args(arguments);
        Runner::new("python checks", command).or_empty()
    };
    commands.into_iter().map(runner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_built_while_runners_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let groups = runners(folder.path(), folder.path()).unwrap();
        assert!(groups[0][0].name.starts_with("python 3."));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_guide_is_looked_for_beside_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        std::fs::create_dir_all(&root).unwrap();
        assert_eq!(guide(None, &root), None);
        let path = root.join(GUIDE);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(guide(None, &root), Some(path.clone()));
        assert_eq!(guide(Some(path.clone().into()), Path::new("/")), Some(path));
    }

    #[test]
    fn a_python_that_is_not_there_has_no_version() {
        assert_eq!(version(Path::new("."), "no-such-python"), None);
    }
}
