"""Runs the suites of opentelemetry-python-contrib with the SDK and with this package.

`suites.py FOLDER [CHECKOUT]` takes the suites from a checkout of the repository, or else from the
source distributions of their packages, which it keeps in FOLDER. It prints a table and fails where
this package passes fewer tests than the SDK.
"""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

VERSION = "0.66b1"
SUITES = (
    "httpx",
    "asgi",
    "fastapi",
    "redis",
    "sqlalchemy",
    "dbapi",
    "sqlite3",
    "asyncio",
    "threading",
)
HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"


class Score(NamedTuple):
    """How many tests of a suite passed, of those that were not skipped."""

    passed: int
    total: int

    def __str__(self) -> str:
        return f"{self.passed} of {self.total}"


def package(name: str, folder: Path, checkout: Path | None) -> Path:
    """The folder of an instrumentation, with its tests."""
    if checkout is not None:
        return checkout / "instrumentation" / f"opentelemetry-instrumentation-{name}"
    found = folder / f"opentelemetry_instrumentation_{name}-{VERSION}"
    if not found.is_dir():
        project = f"opentelemetry-instrumentation-{name}=={VERSION}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--no-binary", ":all:", "--dest", folder, project], check=True)
        with tarfile.open(folder / f"{found.name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return found


def installed(name: str, folder: Path, checkout: Path | None) -> Path:
    """A folder in which an instrumentation is installed, and no other one that could be found."""
    site = folder / f"site-{name}"
    if not site.is_dir():
        # Two that others are built on.
        wanted = [package(each, folder, checkout) for each in {name, "asgi", "dbapi"}]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", site, *wanted], check=True)
    return site


def score(suite: Path, site: Path, plugins: list[str], names: set[str]) -> Score:
    """Runs a suite; adds the names of the tests that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", "tests"]
    path = os.pathsep.join(map(str, [site, HERE, TESTS]))
    environment = os.environ | {"PYTHONPATH": path}
    for plugin in plugins:
        command += ["-p", plugin]
    done = subprocess.run(
        command, cwd=suite, env=environment, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    counts = {what: int(count) for count, what in re.findall(r"(\d+) (\w+)", lines[-1])}
    failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    names.update(
        line.split(" - ")[0] for line in lines if re.match(r"(SUB)?FAILED|ERROR tests", line)
    )
    passed = counts.get("passed", 0)
    return Score(passed, passed + failed)


def main() -> int:
    """Prints the table."""
    folder = Path(sys.argv[1])
    checkout = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    folder.mkdir(parents=True, exist_ok=True)
    worse = 0
    print("| instrumentation | this package | opentelemetry-sdk |", "|---|---|---|", sep="\n")
    for name in SUITES:
        suite = package(name, folder, checkout)
        ours, theirs = set[str](), set[str]()
        site = installed(name, folder, checkout)
        mine = score(suite, site, ["on_this_recorder"], ours)
        stock = score(suite, site, [], theirs)
        print(f"| {name} | {mine} | {stock} |", flush=True)
        worse += mine.passed < stock.passed or mine.total == 0
        for test in sorted(ours - theirs):
            print(f"{name}: with this package alone: {test}", file=sys.stderr)
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main())
