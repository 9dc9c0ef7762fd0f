"""What `pip install` puts where, and what a program prints that sets nothing."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an environment without settings of telemetry."""
    kept = {name: text for name, text in os.environ.items() if name in ("PATH", "PYTHONPATH")}
    command = [sys.executable, "-c", program]
    environment = kept | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def test_without_settings_traces_are_printed_to_stdout() -> None:
    done = run(
        "from continuum.observability import get_tracer, init_telemetry\n"
        "init_telemetry()\n"
        "with get_tracer('app').start_as_current_span('answer'): pass\n"
    )
    assert done.stdout.startswith("answer ")
    assert done.stderr == ""


def test_the_package_lies_beside_other_parts_of_continuum(tmp_path: Path) -> None:
    files = [str(file) for file in importlib.metadata.files("continuum-observability") or []]
    assert "continuum/__init__.py" not in files
    assert "continuum/observability/py.typed" in files
    (tmp_path / "continuum").mkdir()
    (tmp_path / "continuum/memory.py").write_text("NAME = 'memory'\n")
    done = run(
        "import continuum.memory, continuum.observability\nprint(continuum.memory.NAME)",
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )
    assert done.stdout == "memory\n"
