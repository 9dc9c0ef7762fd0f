//! What tests need from outside of Cargo: Valgrind, which counts instructions; Redis, NATS and
//! `PostgreSQL`; Python, and in it a third-party collector.
//!
//! The collector is the Python package `rotel`, whose wheel carries the program `rotel-agent`. Tests find it
//! by [`ROTEL_VARIABLE`], the SDK of OpenTelemetry for Python by [`PYTHON_VARIABLE`], the programs of `PostgreSQL` by
//! [`POSTGRES_VARIABLE`].
//!
//! Invariant: nothing is changed on the machine unless it is Debian and we are root; the packages
//! go to `target/venv` and `target/venv-opentelemetry` in any case.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// Tells tests where the collector's program is.
const ROTEL_VARIABLE: &str = "CONTINUUM_TEST_ROTEL";

/// Tells tests where a Python is that has the packages of [`PYTHON_SDK`].
const PYTHON_VARIABLE: &str = "CONTINUUM_TEST_OPENTELEMETRY_PYTHON";

/// Tells tests which folder holds the programs of `PostgreSQL`.
const POSTGRES_VARIABLE: &str = "CONTINUUM_TEST_POSTGRES";

/// Prints the folder with the programs of `PostgreSQL`: on the path, where its own program says, or where Debian has them,
/// off the path and by release.
const FIND_POSTGRES: &str = "\
for folder in \"$(dirname \"$(command -v initdb)\")\" \"$(pg_config --bindir)\" /usr/lib/postgresql/*/bin; do
    if [ -x \"$folder/initdb\" ]; then echo \"$folder\"; exit; fi
done
exit 1
";

const PYTHON_SDK: [&str; 2] = [
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
];

/// Succeeds when all of the packages are there in these versions.
const FIND_PYTHON_SDK: &str = "\
import importlib.metadata, sys
for package in sys.argv[1:]:
    name, version = package.split('==')
    if importlib.metadata.version(name) != version:
        sys.exit('another version of ' + name)
";

const ROTEL_VERSION: &str = "0.0.1a15";

/// Prints the path of the collector; fails when the package is missing or of another version.
const FIND_ROTEL: &str = "\
import importlib.metadata, importlib.util, pathlib, sys
if importlib.metadata.version('rotel') != sys.argv[1]:
    sys.exit('another version of rotel')
print(pathlib.Path(importlib.util.find_spec('rotel').origin).with_name('rotel-agent'))
";

/// A program that must be on the machine.
struct Need {
    what: &'static str,
    /// The arguments of a call that succeeds when it is there.
    probe: &'static [&'static str],
    debian_packages: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need {
        what: "python3, 3.10 or later, with the modules venv and ensurepip",
        probe: &[
            "python3",
            "-c",
            "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
        ],
        debian_packages: &["python3", "python3-venv"],
    },
    // The Python examples and the one of many libraries keep answers in it, the latter orders in PostgreSQL.
    #[cfg(unix)]
    Need {
        what: "redis-server",
        probe: &["redis-server", "--version"],
        debian_packages: &["redis-server"],
    },
    #[cfg(unix)]
    Need {
        what: "nats-server",
        probe: &["nats-server", "--version"],
        debian_packages: &["nats-server"],
    },
    #[cfg(unix)]
    Need {
        what: "PostgreSQL, with `initdb` or `pg_config` on the path",
        probe: &["sh", "-c", FIND_POSTGRES],
        debian_packages: &["postgresql"],
    },
    // Instructions are compared on this kind of machine only.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Need {
        what: "valgrind",
        probe: &["valgrind", "--version"],
        debian_packages: &["valgrind"],
    },
];

/// Says what is left out, and what it would need.
pub(super) fn print_skipped(left_out: &[&str]) {
    eprintln!("skipped: {}; they need:", left_out.join(", "));
    for need in NEEDS {
        eprintln!("  {}", need.what);
    }
}

/// Brings everything that is missing and gives the variables to set for the tests.
///
/// # Errors
///
/// Something is missing and cannot be installed; the error lists all of it.
pub(super) fn prepare(
    workspace: &Workspace,
    target_directory: &Path,
) -> Result<Vec<(&'static str, OsString)>> {
    let root = workspace.root();
    let missing = missing(root, NEEDS);
    if !missing.is_empty() && is_root_on_debian(root) {
        install(root, &missing)?;
    }
    refuse(&self::missing(root, NEEDS))?;
    let in_python = both(
        rotel(root, &target_directory.join("venv")),
        python_sdk(root, &target_directory.join("venv-opentelemetry")),
    )?;
    let mut variables = vec![
        (ROTEL_VARIABLE, in_python.0.into_os_string()),
        (PYTHON_VARIABLE, in_python.1.into_os_string()),
    ];
    if cfg!(unix) {
        variables.push((POSTGRES_VARIABLE, postgres(root)?.into_os_string()));
    }
    Ok(variables)
}

/// Both values, or one error that tells of each failure.
fn both<A, B>(first: Result<A>, second: Result<B>) -> Result<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => bail!("{first:#}; {second:#}"),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

fn postgres(root: &Path) -> Result<PathBuf> {
    let folder = process::output(process::program("sh", root).args(["-c", FIND_POSTGRES]))?;
    Ok(PathBuf::from(folder.trim()))
}

fn missing<'a>(root: &Path, needs: &'a [Need]) -> Vec<&'a Need> {
    needs.iter().filter(|need| !is_there(root, need)).collect()
}

fn is_there(root: &Path, need: &Need) -> bool {
    need.probe
        .split_first()
        .is_some_and(|(program, arguments)| {
            process::succeeds(process::program(program, root).args(arguments))
        })
}

fn refuse(missing: &[&Need]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = missing.iter().map(|need| need.what).collect();
    bail!(
        "missing: {}; install it or run `cargo xtask test --no-external`",
        list.join("; ")
    );
}

fn is_root_on_debian(root: &Path) -> bool {
    let user = process::output(process::program("id", root).arg("-u"));
    user.is_ok_and(|user| user.trim() == "0") && Path::new("/etc/debian_version").is_file()
}

fn install(root: &Path, missing: &[&Need]) -> Result<()> {
    let apt_get = || {
        let mut apt_get = process::program("apt-get", root);
        apt_get
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("--quiet");
        apt_get
    };
    process::run(apt_get().arg("update"))?;
    let packages = missing.iter().flat_map(|need| need.debian_packages);
    process::run(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

/// The path of the collector's program, installed if it is not there in this version.
fn rotel(root: &Path, venv: &Path) -> Result<PathBuf> {
    if let Ok(found) = find_rotel(root, venv) {
        return Ok(found);
    }
    install_in(root, venv, &[&format!("rotel=={ROTEL_VERSION}")])
        .context("no rotel; `cargo xtask test --no-external` leaves its tests out")?;
    find_rotel(root, venv)
}

/// A Python with the SDK of OpenTelemetry, installed if it is not there in these versions.
fn python_sdk(root: &Path, venv: &Path) -> Result<PathBuf> {
    let python = venv.join("bin/python");
    let mut find = process::program(&python, root);
    if !process::succeeds(find.args(["-c", FIND_PYTHON_SDK]).args(PYTHON_SDK)) {
        install_in(root, venv, &PYTHON_SDK)
            .context("no SDK of OpenTelemetry for Python; `cargo xtask test --no-external` leaves its tests out")?;
    }
    Ok(python)
}

/// Makes a virtual environment that has these packages alone.
fn install_in(root: &Path, venv: &Path, packages: &[&str]) -> Result<()> {
    process::run(
        process::program("python3", root)
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    )?;
    let mut pip = process::program(venv.join("bin/python"), root);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
    ]);
    process::run(pip.args(packages))
}

fn find_rotel(root: &Path, venv: &Path) -> Result<PathBuf> {
    let mut python = process::program(venv.join("bin/python"), root);
    let path = process::output(python.args(["-c", FIND_ROTEL, ROTEL_VERSION]))?;
    Ok(PathBuf::from(path.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const ABSENT: Need = Need {
        what: "a unicorn",
        probe: &["no-such-unicorn"],
        debian_packages: &["unicorn"],
    };
    const PRESENT: Need = Need {
        what: "a shell",
        probe: &["sh", "-c", "exit 0"],
        debian_packages: &[],
    };
    const BROKEN: Need = Need {
        what: "a good shell",
        probe: &["sh", "-c", "exit 1"],
        debian_packages: &[],
    };

    #[test]
    fn everything_missing_is_listed_at_once() {
        let needs = [ABSENT, PRESENT, BROKEN];
        let error = refuse(&missing(Path::new("."), &needs))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("missing: a unicorn; a good shell; "),
            "{error}"
        );
        assert!(error.contains("--no-external"), "{error}");
    }

    #[test]
    fn nothing_missing_is_no_error() {
        refuse(&missing(Path::new("."), &[PRESENT])).unwrap();
    }

    #[test]
    fn nothing_is_needed_twice() {
        let needed: Vec<_> = NEEDS.iter().map(|need| need.what).collect();
        let distinct: BTreeSet<_> = needed.iter().collect();
        assert_eq!(distinct.len(), needed.len(), "{needed:?}");
    }

    #[test]
    fn what_python_lacks_is_told_at_once() {
        let failed = |what: &str| Err::<(), _>(anyhow::anyhow!("no {what}"));
        let error = both(failed("rotel"), failed("SDK")).unwrap_err();
        assert_eq!(error.to_string(), "no rotel; no SDK");
        assert_eq!(
            both(Ok(1), failed("SDK")).unwrap_err().to_string(),
            "no SDK"
        );
    }

    #[cfg(unix)]
    #[test]
    fn postgres_is_found_on_the_path_and_by_what_its_own_program_says() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let script = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let find = || {
            let mut sh = process::program("/bin/sh", Path::new("/"));
            let path = format!("{}:/usr/bin:/bin", folder.path().join("path").display());
            process::output(sh.env("PATH", path).args(["-c", FIND_POSTGRES]))
        };
        let release = folder.path().join("release/bin").display().to_string();
        script("release/bin/initdb", "");
        script("path/pg_config", &format!("echo {release}"));
        assert_eq!(find().unwrap().trim(), release);
        script("path/initdb", "");
        let on_the_path = folder.path().join("path").display().to_string();
        assert_eq!(find().unwrap().trim(), on_the_path);
    }

    #[test]
    fn a_folder_without_the_collector_is_not_taken_for_one() {
        assert!(find_rotel(Path::new("."), Path::new("no-such-venv")).is_err());
    }
}
