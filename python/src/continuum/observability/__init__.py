"""Distributed tracing for AI-memory systems, on a recorder written in Rust.

The names of the tracing guide are here and in the submodules of the layers:

    >>> from continuum.observability import get_tracer, init_telemetry
    >>> _ = init_telemetry(exporter_type="none")
    >>> tracer = get_tracer("assistant")
    >>> with tracer.start_as_current_span("answer") as span:
    ...     span.set_attribute("question.length", 42)
"""

from continuum.observability._core import (
    force_flush,
    force_sampling,
    get_current_span,
    get_meter,
    get_tracer,
    init_telemetry,
    shutdown_telemetry,
    stats,
    traced_operation,
)
from continuum.observability._decorator import trace_function
from continuum.observability.sampling import stand_in_for_sdk

__all__ = [
    "force_flush",
    "force_sampling",
    "get_current_span",
    "get_meter",
    "get_tracer",
    "init_telemetry",
    "shutdown_telemetry",
    "stats",
    "trace_function",
    "traced_operation",
]

stand_in_for_sdk()
