"""Spans of the memory layer: recall, learn and their steps, and what they found.

Texts of users are recorded as lengths; only with `CONTINUUM_PREVIEWS=true`, the beginning of a
question as well.
"""

from opentelemetry import trace

from continuum.observability._core import get_current_span
from continuum.observability._native import (
    trace_concept_extraction,
    trace_embedding_generation,
    trace_graph_traversal,
    trace_learn,
    trace_recall,
)

__all__ = [
    "enrich_span_with_learn_results",
    "enrich_span_with_recall_results",
    "trace_concept_extraction",
    "trace_embedding_generation",
    "trace_graph_traversal",
    "trace_learn",
    "trace_recall",
]


def enrich_span_with_recall_results(
    concepts_found: int,
    relationships_found: int,
    query_time_ms: float,
    span: trace.Span | None = None,
) -> None:
    """Records what a recall found.

    Args:
        concepts_found: Concepts in the answer.
        relationships_found: Relationships between them.
        query_time_ms: How long the look-up took, in milliseconds.
        span: The span to describe; the current one otherwise.
    """
    (span or get_current_span()).set_attributes(
        {
            "memory.concepts_found": concepts_found,
            "memory.relationships_found": relationships_found,
            "memory.query_time_ms": float(query_time_ms),
        }
    )


def enrich_span_with_learn_results(
    concepts_extracted: int,
    decisions_detected: int,
    links_created: int,
    compounds_found: int,
    span: trace.Span | None = None,
) -> None:
    """Records what a learn found and stored.

    Args:
        concepts_extracted: Concepts found in the turn.
        decisions_detected: Decisions found in the turn.
        links_created: Links made between concepts.
        compounds_found: Compound concepts found in the turn.
        span: The span to describe; the current one otherwise.
    """
    (span or get_current_span()).set_attributes(
        {
            "memory.concepts_extracted": concepts_extracted,
            "memory.decisions_detected": decisions_detected,
            "memory.links_created": links_created,
            "memory.compounds_found": compounds_found,
        }
    )
