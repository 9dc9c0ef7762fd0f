"""Spans of the cache layer: one per operation, with hit or miss as attribute, event and metric.

Parts of a key that look like hashes are recorded as `<hash>`.
"""

from continuum.observability import _native
from continuum.observability._guard import harmless
from continuum.observability._native import trace_cache_operation, trace_pipeline
from continuum.observability.metrics import Gauge

__all__ = [
    "record_cache_hit",
    "record_cache_miss",
    "record_cache_stats",
    "trace_cache_operation",
    "trace_pipeline",
]

_evictions = Gauge("cache_evictions")
_memory = Gauge("cache_memory_bytes")
_hit_ratio = Gauge("cache_hit_ratio")


def record_cache_hit(
    key: object, tenant_id: str | None = None, value_size: int | None = None
) -> None:
    """Records on the current span that the cache had the entry.

    Args:
        key: The key, which is scrubbed.
        tenant_id: Whose data it is.
        value_size: The length of the entry in bytes.
    """
    _native.record_cache_outcome(key, True, tenant_id, value_size)


def record_cache_miss(key: object, tenant_id: str | None = None) -> None:
    """Records on the current span that the cache did not have the entry.

    Args:
        key: The key, which is scrubbed.
        tenant_id: Whose data it is.
    """
    _native.record_cache_outcome(key, False, tenant_id)


@harmless
def record_cache_stats(
    hits: int, misses: int, evictions: int, used_memory: int, tenant_id: str | None = None
) -> None:
    """Reports the state of a cache as metrics.

    Args:
        hits: Look-ups that found their entry.
        misses: Look-ups that did not.
        evictions: Entries that made room for others.
        used_memory: Memory in use, in bytes.
        tenant_id: Whose cache it is.
    """
    attributes = {} if tenant_id is None else {"tenant.id": tenant_id}
    _evictions.set(evictions, attributes)
    _memory.set(used_memory, attributes)
    if hits + misses > 0:
        _hit_ratio.set(hits / (hits + misses), attributes)
