"""What `pip install` puts where, and what a program prints that sets nothing."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from continuum import observability


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


def test_the_package_lies_over_another_part_of_continuum(tmp_path: Path) -> None:
    whole = tmp_path / "continuum"
    whole.mkdir()
    (whole / "__init__.py").write_text("NAME = 'whole'\n")
    (whole / "observability").symlink_to(Path(observability.__file__).parent)
    done = run(
        "import continuum\n"
        "from continuum.observability import get_tracer, init_telemetry\n"
        "init_telemetry(exporter_type='none')\n"
        "print(continuum.NAME, get_tracer('app').start_span('answer').is_recording())\n",
        PYTHONPATH=str(tmp_path),
    )
    assert (done.stdout, done.stderr) == ("whole True\n", "")


def test_a_configuration_that_disables_the_sdk_is_obeyed_at_the_first_call() -> None:
    done = run(
        "from continuum.observability import get_tracer, init_telemetry\n"
        "init_telemetry(config={'OTEL_SDK_DISABLED': True})\n"
        "print(get_tracer('app').start_span('answer').is_recording())\n"
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize(
    ("formats", "fields"),
    [
        ("b3", ["b3"]),
        ("b3multi", ["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"]),
        ("jaeger,baggage", ["baggage", "uber-trace-id"]),
        ("xray", ["x-amzn-trace-id"]),
        ("tracecontext,baggage", ["baggage", "traceparent", "tracestate"]),
    ],
)
@pytest.mark.parametrize("first", ["", "from opentelemetry import propagate\n"])
def test_formats_that_the_api_does_not_have_are_provided(
    formats: str, fields: list[str], first: str
) -> None:
    done = run(
        f"{first}from continuum.observability import get_tracer, init_telemetry\n"
        "from opentelemetry import propagate\n"
        "init_telemetry()\n"
        "headers = {}\n"
        "with get_tracer('app').start_as_current_span('answer'):\n"
        "    propagate.inject(headers)\n"
        "fields = propagate.get_global_textmap().fields\n"
        "print(*sorted(fields), headers.keys() <= fields, bool(headers))\n",
        OTEL_PROPAGATORS=formats,
        OTEL_TRACES_EXPORTER="none",
    )
    assert done.stdout.split() == [*fields, "True", "True"]
    assert done.stderr == ""


def test_a_propagator_that_somebody_has_chosen_stays() -> None:
    done = run(
        "from opentelemetry import propagate\n"
        "from opentelemetry.propagators.composite import CompositePropagator\n"
        "from continuum.observability import init_telemetry\n"
        "chosen = CompositePropagator([])\n"
        "propagate.set_global_textmap(chosen)\n"
        "init_telemetry()\n"
        "print(propagate.get_global_textmap() is chosen)\n",
        OTEL_PROPAGATORS="b3",
        OTEL_TRACES_EXPORTER="none",
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_provider_of_ones_own_can_be_made_the_global_one() -> None:
    done = run(
        "from opentelemetry import propagate, trace\n"
        "from continuum.observability import shutdown_telemetry\n"
        "from continuum.observability.provider import Propagator, TracerProvider\n"
        "provider = TracerProvider()\n"
        "trace.set_tracer_provider(provider)\n"
        "print(trace.get_tracer_provider() is provider)\n"
        "print(isinstance(propagate.get_global_textmap(), Propagator))\n"
        "shutdown_telemetry()\n"
        "print(TracerProvider().get_tracer('app').start_span('again').is_recording())\n",
        OTEL_TRACES_EXPORTER="none",
    )
    assert (done.stdout.split(), done.stderr) == (["True"] * 3, "")


def test_a_variable_of_none_is_not_set() -> None:
    done = run(
        "from continuum.observability import get_tracer, init_telemetry\n"
        "init_telemetry(config={'OTEL_TRACES_SAMPLER': None})\n"
        "print(get_tracer('app').start_span('answer').is_recording())\n",
        OTEL_TRACES_SAMPLER="always_off",
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
