"""What the tests have in common: an OTLP receiver, and telemetry that sends to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from receiver import Recorded, Sink

from continuum.observability import init_telemetry, shutdown_telemetry


@pytest.fixture
def sink() -> Iterator[Sink]:
    """An OTLP receiver."""
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture
def start(sink: Sink) -> Iterator[Callable[..., Recorded]]:
    """Sets telemetry up, sending to the sink."""

    def start(**arguments: Any) -> Recorded:
        config = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, **arguments.pop("config", {})}
        init_telemetry(exporter_type="otlp", config=config, **arguments)
        return Recorded(sink)

    yield start
    shutdown_telemetry()


@pytest.fixture
def recorded(start: Callable[..., Recorded]) -> Recorded:
    """Telemetry that is set up and sends to a sink."""
    return start(service_name="tests")
