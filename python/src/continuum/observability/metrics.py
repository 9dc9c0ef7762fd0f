"""Metrics: through the API of OpenTelemetry where an SDK is installed, else counted and readable.

The operations of the layers are counted by the recorder; what the `record_…` functions report is
counted here. `snapshot()` reads both.
"""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import Meter, MeterProvider

from continuum.observability import _native, _settings
from continuum.observability._guard import harmless

__all__ = ["Counter", "Gauge", "Histogram", "snapshot"]

Attributes = Mapping[str, Any]

_PREFIX = "continuum_"
_METER = "continuum"

_FEDERATION = "federation_operation_duration_seconds"

# Durations, runs, errors of each operation, in the order of the recorder's `Operation`.
_OPERATIONS: tuple[tuple[tuple[str, ...], str | None, str | None], ...] = (
    (("memory_recall_duration_seconds",), "memory_recalls_total", "memory_recall_errors_total"),
    (("memory_learn_duration_seconds",), "memory_learns_total", "memory_learn_errors_total"),
    (("memory_concept_extraction_duration_seconds",), None, None),
    (("memory_graph_traversal_duration_seconds",), None, None),
    (("memory_embedding_duration_seconds",), None, None),
    (("db_query_duration_seconds",), None, "db_errors_total"),
    (("db_transaction_duration_seconds",), None, "db_transaction_errors_total"),
    (("cache_operation_duration_seconds",), "cache_operations_total", "cache_errors_total"),
    (("cache_pipeline_duration_seconds",), None, "cache_errors_total"),
    (
        ("federation_sync_duration_seconds", _FEDERATION),
        "federation_sync_success_total",
        "federation_sync_errors_total",
    ),
    (
        ("federation_message_latency_seconds", _FEDERATION),
        "federation_messages_sent_total",
        "federation_message_errors_total",
    ),
    (("federation_consensus_duration_seconds", _FEDERATION), None, None),
    ((), "cache_hits_total", None),
    ((), "cache_misses_total", None),
    ((), "db_slow_queries_total", None),
)

# Of these, only runs that did not fail are counted.
_SUCCESSES = frozenset({"federation_sync_success_total"})

# Entered again by what runs on its thread meanwhile: the handler of a signal, or the end of a
# generator that the collector has found.
_lock = threading.RLock()
_values: dict[str, float] = {}
_instruments: dict[str, Any] = {}
_meter: Meter | None = None
_enabled = True


def _renew_lock() -> None:
    """Forgets in a forked child that a thread of its parent held the lock."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _instrument(name: str, make: Callable[[Meter, str], Any]) -> Any | None:
    if _meter is None:
        return None
    found = _instruments.get(name)
    if found is None:
        with _lock:
            found = _instruments.setdefault(name, make(_meter, name))
    return found


def _number(value: float) -> float:
    return value if isinstance(value, (int, float)) else float(value)


def _create_counter(meter: Meter, name: str) -> Any:
    return meter.create_counter(name)


def _create_gauge(meter: Meter, name: str) -> Any:
    return meter.create_gauge(name)


def _create_histogram(meter: Meter, name: str) -> Any:
    return meter.create_histogram(name, unit="s")


class Counter:
    """A number that only grows."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """Names the counter.

        Args:
            name: The name, without the prefix `continuum_`.
        """
        self.name = _PREFIX + name

    @harmless
    def add(self, amount: float = 1, attributes: Attributes | None = None) -> None:
        """Adds to the counter.

        Args:
            amount: How much, not negative.
            attributes: What the SDK counts by.
        """
        if not _enabled:
            return
        amount = _number(amount)
        with _lock:
            _values[self.name] = _values.get(self.name, 0) + amount
        if instrument := _instrument(self.name, _create_counter):
            instrument.add(amount, attributes)


class Gauge:
    """A number that is what it was set to last."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """Names the gauge.

        Args:
            name: The name, without the prefix `continuum_`.
        """
        self.name = _PREFIX + name

    @harmless
    def set(self, value: float, attributes: Attributes | None = None) -> None:
        """Sets the gauge.

        Args:
            value: The value from now on.
            attributes: What the SDK keeps apart.
        """
        if not _enabled:
            return
        value = _number(value)
        with _lock:
            _values[self.name] = value
        if instrument := _instrument(self.name, _create_gauge):
            instrument.set(value, attributes)


class Histogram:
    """A distribution; without an SDK, its sum and count."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """Names the histogram.

        Args:
            name: The name, without the prefix `continuum_`.
        """
        self.name = _PREFIX + name

    @harmless
    def record(self, value: float, attributes: Attributes | None = None) -> None:
        """Adds a value to the distribution.

        Args:
            value: The value.
            attributes: What the SDK keeps apart.
        """
        if not _enabled:
            return
        value = _number(value)
        with _lock:
            for suffix, more in (("_sum", value), ("_count", 1)):
                _values[self.name + suffix] = _values.get(self.name + suffix, 0) + more
        if instrument := _instrument(self.name, _create_histogram):
            instrument.record(value, attributes)


def snapshot() -> dict[str, float]:
    """Reads every metric that is not zero.

    Returns:
        Values by name; of histograms, `…_sum` and `…_count`. Empty where metrics are not wanted.
    """
    if not _enabled:
        return {}
    with _lock:
        values = dict(_values)
    for names, (count, errors, seconds) in zip(_OPERATIONS, _native.measurements(), strict=True):
        for name, value in _of_operation(names, count, errors, seconds):
            values[_PREFIX + name] = values.get(_PREFIX + name, 0) + value
    return {name: value for name, value in sorted(values.items()) if value}


def _of_operation(
    names: tuple[tuple[str, ...], str | None, str | None], count: int, errors: int, seconds: float
) -> list[tuple[str, float]]:
    durations, runs, failures = names
    found: list[tuple[str, float]] = []
    for duration in durations:
        found += [(f"{duration}_sum", seconds), (f"{duration}_count", count)]
    if runs is not None:
        found.append((runs, count - errors if runs in _SUCCESSES else count))
    if failures is not None:
        found.append((failures, errors))
    return found


def _observe(operation: int, seconds: float, failed: bool) -> None:
    """Tells the SDK of one operation."""
    durations, runs, failures = _OPERATIONS[operation]
    for duration in durations:
        if histogram := _instrument(_PREFIX + duration, _create_histogram):
            histogram.record(seconds)
    counts = [runs] if runs is not None and not (failed and runs in _SUCCESSES) else []
    if failed and failures is not None:
        counts.append(failures)
    for name in counts:
        if counter := _instrument(_PREFIX + name, _create_counter):
            counter.add(1)


def configure() -> None:
    """Obeys `OTEL_METRICS_ENABLED` and `OTEL_METRICS_EXPORT_INTERVAL`, as `init_telemetry` does."""
    global _enabled, _meter
    _enabled = _settings.is_on("OTEL_METRICS_ENABLED")
    _native.set_measuring(_enabled)
    if interval := _settings.get("OTEL_METRICS_EXPORT_INTERVAL"):
        # What readers of the SDK that are made from now on take their interval from.
        os.environ.setdefault("OTEL_METRIC_EXPORT_INTERVAL", interval)
    if _enabled and _meter is None:
        _meter = metrics.get_meter(_METER)
        _observe_once_installed(_meter)


def _observe_once_installed(meter: Meter) -> None:
    """Has operations reported from when there is a metrics SDK; before, it would be in vain."""
    if not type(meter).__module__.startswith("opentelemetry.metrics"):
        _native.set_observer(_observe)
        return
    # A meter of the API's, which is told of an SDK that is installed later.
    tell: Callable[[MeterProvider], None] | None = getattr(meter, "on_set_meter_provider", None)
    if tell is None:
        return

    def installed(provider: MeterProvider) -> None:
        tell(provider)
        _native.set_observer(_observe)

    vars(meter)["on_set_meter_provider"] = installed
