"""Setting telemetry up and down, tracers, and what runs at the exit of the process.

Everything that decides is in Rust; here the API of OpenTelemetry is told who provides the tracers.
"""

import atexit
import logging
import multiprocessing
import multiprocessing.util
import os
import sys
import threading
from collections.abc import Mapping

from opentelemetry import metrics, propagate, trace
from opentelemetry.util import types

from continuum.observability import _native, _settings, provider
from continuum.observability import metrics as _metrics

DEFAULT_TRACER = "continuum"

# How long the exit of the process waits for the last spans.
EXIT_TIMEOUT_MILLIS = 5000

_logger = logging.getLogger("continuum.observability")
_lock = threading.Lock()
_provider: provider.TracerProvider | None = None
_exit_registered = False


def init_telemetry(
    service_name: str | None = None,
    exporter_type: str | None = None,
    sampling_rate: float | None = None,
    config: Mapping[str, object] | None = None,
    *,
    sampler: object | None = None,
) -> provider.TracerProvider:
    """Sets telemetry up, from the arguments over the environment over the defaults.

    Called again while telemetry runs, it changes the sampler, where one is given, and nothing else.

    Args:
        service_name: `service.name`; `OTEL_SERVICE_NAME` otherwise.
        exporter_type: As `OTEL_TRACES_EXPORTER`: `console`, `otlp`, `file`, `none`, ...
        sampling_rate: Which share of traces is kept, 0.0 to 1.0; failed ones are kept besides.
        config: Any variables of the environment that telemetry reads, such as
            `{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}`; they win over the
            environment.
        sampler: A sampler of `opentelemetry.sdk.trace.sampling`, such as `ALWAYS_ON`.

    Returns:
        The provider of tracers, which is also that of `opentelemetry.trace`.

    Raises:
        ValueError: An argument cannot be used; or, with `CONTINUUM_STRICT_CONFIG=true`, a variable.
    """
    variables = {name: _text(value) for name, value in (config or {}).items()}
    if exporter_type is not None:
        variables["OTEL_TRACES_EXPORTER"] = exporter_type
    if sampling_rate is not None:
        variables["OTEL_SAMPLING_RATE"] = repr(float(sampling_rate))
    resource: dict[str, object] = {
        "telemetry.sdk.language": "python",
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": sys.version.split()[0],
    }
    if service_name is not None:
        resource["service.name"] = service_name
    if not _native.init(variables, resource, sampler):
        if sampler is not None or sampling_rate is not None:
            _native.set_sampler(sampler if sampler is not None else sampling_rate)
        if service_name is not None or exporter_type is not None or config:
            _logger.warning("telemetry is already set up: shut it down to set it up anew")
    _settings.keep(variables)
    _metrics.configure()
    return _provide()


def ensure_telemetry(made: provider.TracerProvider) -> None:
    """Sets telemetry up for a provider that was made directly, unless it is.

    Args:
        made: The provider, which is about to become the global one.
    """
    global _provider
    if _provider is None:
        _provider = made
        if not _native.is_active():
            init_telemetry()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _provide() -> provider.TracerProvider:
    """Registers provider and propagator with the API, and the exit of the process, once."""
    global _exit_registered
    made = _provider if _provider is not None else provider.TracerProvider()
    with _lock:
        if not _exit_registered:
            _exit_registered = True
            atexit.register(_native.shutdown, EXIT_TIMEOUT_MILLIS)
            # Children of multiprocessing leave by os._exit, after these finalizers.
            multiprocessing.util.register_after_fork(_native, _finalize_in_child)
            if multiprocessing.parent_process() is not None:
                _finalize_in_child(_native)
    if _is_unset():
        trace.set_tracer_provider(made)
        propagate.set_global_textmap(provider.Propagator())
    return made


def _is_unset() -> bool:
    """Whether nobody has chosen a provider, by a call or by the environment."""
    chosen = "OTEL_PYTHON_TRACER_PROVIDER" in os.environ
    return not chosen and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _finalize_in_child(_module: object) -> None:
    multiprocessing.util.Finalize(
        None, _native.force_flush, args=(EXIT_TIMEOUT_MILLIS,), exitpriority=0
    )


def shutdown_telemetry(timeout_millis: int = 30000) -> bool:
    """Delivers what was recorded and stops. Telemetry can be set up anew afterwards.

    Args:
        timeout_millis: How long to wait at most, in milliseconds.

    Returns:
        Whether everything was delivered.
    """
    return _native.shutdown(timeout_millis)


def force_flush(timeout_millis: int = 30000) -> bool:
    """Delivers what was recorded so far.

    Args:
        timeout_millis: How long to wait at most, in milliseconds.

    Returns:
        Whether everything was delivered.
    """
    return _native.force_flush(timeout_millis)


def force_sampling(seconds: float) -> None:
    """Records every span that starts within a time from now, whatever the sampler says.

    Args:
        seconds: How long.
    """
    _native.force_sampling(seconds)


def stats() -> dict[str, int]:
    """Tells where every span went.

    Returns:
        `started`, `sampled_out`, `exported`, `dropped`, `pending`; the first is the sum of
        the rest.
    """
    return _native.stats()


def get_tracer(name: str = DEFAULT_TRACER) -> provider.Tracer:
    """Gives the tracer of a module.

    Args:
        name: The name of the instrumentation scope, usually `__name__`.

    Returns:
        A tracer; spans are recorded once telemetry is set up.
    """
    return provider.Tracer(name)


def get_meter(name: str) -> metrics.Meter:
    """Gives the meter of a module, from the API of OpenTelemetry.

    Args:
        name: The name of the instrumentation scope, usually `__name__`.

    Returns:
        A meter; it measures where a metrics SDK is installed.
    """
    return metrics.get_meter(name)


def get_current_span() -> trace.Span:
    """Gives the span around the calling code.

    Returns:
        The span; one that records nothing where there is none.
    """
    span = _native.current_span()
    return span if span is not None else trace.INVALID_SPAN


def traced_operation(
    name: str,
    attributes: types.Attributes | None = None,
    tracer_name: str = DEFAULT_TRACER,
) -> _native.SpanScope:
    """Opens a span around a block.

    Args:
        name: The name of the span.
        attributes: Attributes from the start.
        tracer_name: The name of the instrumentation scope.

    Returns:
        A context manager that yields the span; also a decorator.
    """
    return get_tracer(tracer_name).start_as_current_span(name, attributes=attributes)
