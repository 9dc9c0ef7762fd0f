"""Spans of the federation layer: synchronisation, messages between peers, consensus."""

from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context

from continuum.observability import _native
from continuum.observability._core import get_current_span
from continuum.observability._guard import harmless
from continuum.observability._native import (
    trace_consensus_operation,
    trace_peer_communication,
    trace_sync_operation,
)
from continuum.observability.context import extract_context_from_dict
from continuum.observability.metrics import Counter, Gauge

__all__ = [
    "enrich_span_with_sync_stats",
    "extract_trace_context_from_message",
    "inject_trace_context_into_message",
    "record_conflict_resolution",
    "record_peer_connection",
    "trace_consensus_operation",
    "trace_peer_communication",
    "trace_sync_operation",
    "update_peer_count",
]

_KEY = "trace_context"

_conflicts = Counter("federation_conflicts_total")
_connections = Counter("federation_peer_connections_total")
_disconnections = Counter("federation_peer_disconnections_total")
_active_peers = Gauge("federation_active_peers")

M = TypeVar("M", bound=MutableMapping[str, Any])


def inject_trace_context_into_message(message: M) -> M:
    """Writes the current span and baggage into a message, under `trace_context`.

    Args:
        message: The message, which is changed.

    Returns:
        The message.
    """
    carrier: dict[str, str] = {}
    _native.inject(carrier)
    if carrier:
        # What takes no members is left as it is.
        with suppress(Exception):
            message[_KEY] = carrier
    return message


def extract_trace_context_from_message(message: Mapping[str, Any]) -> Context:
    """Reads the context of a message.

    Args:
        message: The message of a peer.

    Returns:
        A context, without a parent where the message describes none.
    """
    return extract_context_from_dict(message)


@harmless
def record_conflict_resolution(
    conflict_type: str, resolution_strategy: str, tenant_id: str | None = None
) -> None:
    """Records on the current span that a conflict was resolved.

    Args:
        conflict_type: What was in conflict.
        resolution_strategy: What decided.
        tenant_id: Whose data it is.
    """
    attributes = {"conflict_type": conflict_type, "resolution_strategy": resolution_strategy}
    get_current_span().add_event("conflict_resolved", attributes)
    _conflicts.add(attributes=_with_tenant(attributes, tenant_id))


@harmless
def record_peer_connection(peer_id: str, connected: bool, tenant_id: str | None = None) -> None:
    """Records on the current span that a peer came or went.

    Args:
        peer_id: The peer.
        connected: Whether it came.
        tenant_id: Whose federation it is.
    """
    attributes: dict[str, Any] = {"peer_id": peer_id, "connected": connected}
    get_current_span().add_event("peer_connection_changed", attributes)
    (_connections if connected else _disconnections).add(attributes=_with_tenant({}, tenant_id))


def update_peer_count(count: int, tenant_id: str | None = None) -> None:
    """Reports how many peers are connected.

    Args:
        count: The number of peers.
        tenant_id: Whose federation it is.
    """
    _active_peers.set(count, _with_tenant({}, tenant_id))


@harmless
def enrich_span_with_sync_stats(
    entities_synced: int,
    conflicts_resolved: int,
    bytes_transferred: int,
    span: trace.Span | None = None,
) -> None:
    """Records what a synchronisation did.

    Args:
        entities_synced: Entities that were synchronised.
        conflicts_resolved: Conflicts that were resolved.
        bytes_transferred: Bytes that were transferred.
        span: The span to describe; the current one otherwise.
    """
    (span or get_current_span()).set_attributes(
        {
            "sync.entities_count": entities_synced,
            "sync.conflicts_count": conflicts_resolved,
            "sync.bytes_transferred": bytes_transferred,
        }
    )


def _with_tenant(attributes: Mapping[str, Any], tenant_id: str | None) -> dict[str, Any]:
    return dict(attributes) if tenant_id is None else {**attributes, "tenant.id": tenant_id}
