"""Spans of the database layer: one per statement or transaction.

Literals in a statement are replaced by `?`; a statement that cannot be scrubbed for sure is left
out. A query of a second or more has the event `slow_query`.
"""

from opentelemetry import trace

from continuum.observability import _native, provider
from continuum.observability._core import get_current_span
from continuum.observability._guard import harmless
from continuum.observability._native import trace_query, trace_transaction
from continuum.observability.metrics import Gauge

__all__ = [
    "enrich_span_with_query_plan",
    "enrich_span_with_row_count",
    "trace_connection_pool",
    "trace_query",
    "trace_transaction",
]

_pool_size = Gauge("db_pool_size")
_pool_active = Gauge("db_pool_active")
_pool_idle = Gauge("db_pool_idle")


def trace_connection_pool(pool_size: int, active_connections: int, idle_connections: int) -> None:
    """Reports the state of a connection pool as metrics.

    Args:
        pool_size: Connections at most.
        active_connections: Connections in use.
        idle_connections: Connections that wait for use.
    """
    _pool_size.set(pool_size)
    _pool_active.set(active_connections)
    _pool_idle.set(idle_connections)


@harmless
def enrich_span_with_query_plan(plan: object, span: trace.Span | None = None) -> None:
    """Records how the database executes a query, with literals replaced.

    Args:
        plan: What EXPLAIN says.
        span: The span to describe; the current one otherwise.
    """
    span = span or get_current_span()
    if isinstance(span, provider.Span):
        span.record_query_plan(plan)
    elif (scrubbed := _native.scrub_query_plan(plan)) is not None:
        span.set_attribute("db.query_plan", scrubbed)


@harmless
def enrich_span_with_row_count(row_count: int, span: trace.Span | None = None) -> None:
    """Records how many rows a query returned or changed.

    Args:
        row_count: The number of rows.
        span: The span to describe; the current one otherwise.
    """
    span = span or get_current_span()
    if isinstance(span, provider.Span):
        span.set_conventional("db.response.returned_rows", row_count)
    else:
        span.set_attribute("db.response.returned_rows", row_count)
