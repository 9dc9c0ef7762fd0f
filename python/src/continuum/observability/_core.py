"""Setting telemetry up and down, tracers, and what runs at the exit of the process.

Everything that decides is in Rust; here the API of OpenTelemetry is told who provides the tracers.
"""

import atexit
import logging
import multiprocessing
import multiprocessing.util
import os
import sys
from collections.abc import Mapping

from opentelemetry import metrics, propagate, trace
from opentelemetry.util import types

from continuum.observability import _native, _settings, provider
from continuum.observability import metrics as _metrics

DEFAULT_TRACER = "continuum"

# Has a span that does not fit wait for room when it ends.
_WAIT = "CONTINUUM_WAIT_WHEN_FULL"

# How long the exit of the process waits for the last spans.
EXIT_TIMEOUT_MILLIS = 5000

_logger = logging.getLogger("continuum.observability")
_provider: provider.TracerProvider | None = None

# The propagator that the API has made of the environment: any other one is somebody's choice. There
# is none yet where the API imports this package while it makes it.
_default_textmap = vars(propagate).get("_HTTP_TEXT_FORMAT")


def init_telemetry(
    service_name: str | None = None,
    exporter_type: str | None = None,
    sampling_rate: float | None = None,
    config: Mapping[str, object] | None = None,
    *,
    sampler: object | None = None,
) -> provider.TracerProvider:
    """Sets telemetry up, from the arguments over the environment over the defaults.

    Called again while telemetry runs, it changes the sampler or the rate, where one is given, and
    nothing else.

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
    _initialize(service_name, exporter_type, sampling_rate, config, sampler)
    return _provide()


def _initialize(
    service_name: str | None = None,
    exporter_type: str | None = None,
    sampling_rate: float | None = None,
    config: Mapping[str, object] | None = None,
    sampler: object | None = None,
) -> None:
    variables = _variables(config)
    if not isinstance(exporter_type, str | None):
        raise ValueError(f"exporter_type: expected a text, not {exporter_type!r}")
    waits = variables.get(_WAIT) or os.environ.get(_WAIT)
    rate = None if sampling_rate is None else _ratio(sampling_rate)
    resource: dict[str, object] = {
        "telemetry.sdk.language": "python",
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": sys.version.split()[0],
    }
    if service_name is not None:
        resource["service.name"] = service_name
    if _native.init(variables, resource, bool(waits), exporter_type or None, rate, sampler):
        _settings.keep(variables)
        _metrics.configure()
    else:
        if sampler is not None:
            _native.set_sampler(sampler)
        elif rate is not None:
            _native.set_sampling_rate(rate, _settings.is_on("OTEL_SAMPLE_ERRORS_ALWAYS"))
        if service_name is not None or exporter_type is not None or config:
            _logger.warning("telemetry is already set up: shut it down to set it up anew")


def _variables(config: object) -> dict[str, str]:
    """Gives what was set; `None` is as good as nothing."""
    if not isinstance(config, Mapping | None):
        raise ValueError(f"config: expected variables by name, not {config!r}")
    return {name: _text(value) for name, value in (config or {}).items() if value is not None}


def _ratio(number: object) -> float:
    try:
        return float(number)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"sampling_rate: expected a ratio from 0 to 1, not {number!r}") from None


def ensure_telemetry(made: provider.TracerProvider) -> None:
    """Sets telemetry up for a provider that was made directly, unless it is.

    Args:
        made: The provider, which is about to become the global one.
    """
    global _provider
    if _provider is None:
        _provider = made
    if not _native.is_active():
        _initialize()
        _use_propagator()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _provide() -> provider.TracerProvider:
    """Registers provider and propagator with the API, unless others were chosen."""
    global _provider
    if _provider is None:
        # Not by its constructor, which sets telemetry up from the environment.
        _provider = provider.TracerProvider.__new__(provider.TracerProvider)
    chosen = os.environ.get("OTEL_PYTHON_TRACER_PROVIDER")
    is_ours = chosen == "continuum"
    if chosen is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(_provider)
        is_ours = True
    if is_ours:
        _use_propagator()
    return _provider


def _use_propagator() -> None:
    """Makes the recorder's formats those of the API, unless somebody has chosen others."""
    current = propagate.get_global_textmap()
    if _default_textmap is None:
        made_by = getattr(current, "_propagators", ())
        is_default = any(isinstance(each, provider.Propagator) for each in made_by)
    else:
        is_default = current is _default_textmap
    if is_default:
        propagate.set_global_textmap(provider.Propagator())


def _finalize_in_child(_module: object) -> None:
    multiprocessing.util.Finalize(
        None, _native.force_flush, args=(EXIT_TIMEOUT_MILLIS,), exitpriority=0
    )


# At the import, so that what is registered after it and makes spans runs before.
atexit.register(_native.shutdown, EXIT_TIMEOUT_MILLIS)
# Children of multiprocessing leave by os._exit, after these finalizers.
multiprocessing.util.register_after_fork(_native, _finalize_in_child)
if multiprocessing.parent_process() is not None:
    _finalize_in_child(_native)


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
