"""Spans of the memory layer: recall, learn and their steps, and what they found.

Texts of users are recorded as lengths; only with `CONTINUUM_PREVIEWS=true`, the beginning of a
question as well.
"""

from opentelemetry import trace

from continuum.observability import provider
from continuum.observability._core import get_current_span
from continuum.observability._guard import harmless
from continuum.observability._native import (
    trace_concept_extraction,
    trace_embedding_generation,
    trace_graph_traversal,
    trace_learn,
    trace_recall,
)
from continuum.observability.metrics import Counter, Gauge, Histogram

__all__ = [
    "enrich_span_with_learn_results",
    "enrich_span_with_recall_results",
    "record_memory_operation",
    "trace_concept_extraction",
    "trace_embedding_generation",
    "trace_graph_traversal",
    "trace_learn",
    "trace_recall",
    "update_memory_stats",
]

_entities = Gauge("memory_entities_total")
_messages = Gauge("memory_messages_total")
_decisions = Gauge("memory_decisions_total")
_attention_links = Gauge("memory_attention_links_total")
_operations = Counter("memory_operations_total")
_operation_duration = Histogram("memory_operation_duration_seconds")


@harmless
def enrich_span_with_recall_results(
    concepts_found: int,
    relationships_found: int,
    query_time_ms: float,
    span: trace.Span | None = None,
) -> None:
    """Records what a recall found; each concept counts as a record.

    Args:
        concepts_found: Concepts in the answer.
        relationships_found: Relationships between them.
        query_time_ms: How long the look-up took, in milliseconds.
        span: The span to describe; the current one otherwise.
    """
    span = span or get_current_span()
    _record_count(span, concepts_found)
    span.set_attributes(
        {
            "memory.concepts_found": concepts_found,
            "memory.relationships_found": relationships_found,
            "memory.query_time_ms": _millis(query_time_ms),
        }
    )


@harmless
def enrich_span_with_learn_results(
    concepts_extracted: int,
    decisions_detected: int,
    links_created: int,
    compounds_found: int,
    span: trace.Span | None = None,
) -> None:
    """Records what a learn found and stored; each concept counts as a record.

    Args:
        concepts_extracted: Concepts found in the turn.
        decisions_detected: Decisions found in the turn.
        links_created: Links made between concepts.
        compounds_found: Compound concepts found in the turn.
        span: The span to describe; the current one otherwise.
    """
    span = span or get_current_span()
    _record_count(span, concepts_extracted)
    span.set_attributes(
        {
            "memory.concepts_extracted": concepts_extracted,
            "memory.decisions_detected": decisions_detected,
            "memory.links_created": links_created,
            "memory.compounds_found": compounds_found,
        }
    )


def _millis(time: float) -> float:
    try:
        return float(time)
    except (TypeError, ValueError, OverflowError):
        return time


def _record_count(span: trace.Span, count: int) -> None:
    if isinstance(span, provider.Span):
        span.set_conventional("gen_ai.memory.record.count", count)
    else:
        span.set_attribute("gen_ai.memory.record.count", count)


def update_memory_stats(
    total_entities: int,
    total_messages: int,
    total_decisions: int,
    attention_links: int,
    tenant_id: str | None = None,
) -> None:
    """Reports what a memory holds as metrics.

    Args:
        total_entities: Entities in the memory.
        total_messages: Messages in the memory.
        total_decisions: Decisions in the memory.
        attention_links: Links between concepts.
        tenant_id: Whose memory it is.
    """
    attributes = {} if tenant_id is None else {"tenant.id": tenant_id}
    _entities.set(total_entities, attributes)
    _messages.set(total_messages, attributes)
    _decisions.set(total_decisions, attributes)
    _attention_links.set(attention_links, attributes)


def record_memory_operation(
    operation: str, duration: float, success: bool, tenant_id: str | None = None
) -> None:
    """Reports an operation that was measured elsewhere as metrics.

    Args:
        operation: Its name.
        duration: How long it took, in seconds.
        success: Whether it did what it was to do.
        tenant_id: Whose memory it was.
    """
    attributes = {"operation": operation, "success": success}
    if tenant_id is not None:
        attributes["tenant.id"] = tenant_id
    _operations.add(attributes=attributes)
    _operation_duration.record(duration, attributes)
