"""The helpers of the layers: names, kinds, attributes, events, outcomes, metrics."""

import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from opentelemetry import metrics as api_metrics
from opentelemetry.trace import Status, StatusCode
from receiver import Recorded

from continuum.observability import cache_instrumentation as cache
from continuum.observability import database_instrumentation as database
from continuum.observability import federation_instrumentation as federation
from continuum.observability import get_tracer, metrics
from continuum.observability import memory_instrumentation as memory

tracer = get_tracer(__name__)

KEY = "search:5d41402abc4b2a76b9719d911017c592"

# What is opened, the name of its span, its kind, its attributes besides `tenant.id`.
SPANS: list[tuple[Callable[[], Any], str, str, dict[str, Any]]] = [
    (
        lambda: memory.trace_recall("question?", tenant_id="t"),
        "memory.recall",
        "internal",
        {
            "memory.operation": "recall",
            "gen_ai.operation.name": "search_memory",
            "memory.query_length": 9,
            "memory.max_concepts": 10,
        },
    ),
    (
        lambda: memory.trace_recall("q", tenant_id="t", store_id="notes"),
        "memory.recall",
        "internal",
        {
            "memory.operation": "recall",
            "gen_ai.operation.name": "search_memory",
            "gen_ai.memory.store.id": "notes",
            "memory.query_length": 1,
            "memory.max_concepts": 10,
        },
    ),
    (
        lambda: memory.trace_learn(35, 120, "t", "notes"),
        "memory.learn",
        "internal",
        {
            "memory.operation": "learn",
            "gen_ai.operation.name": "update_memory",
            "gen_ai.memory.store.id": "notes",
            "memory.user_message_length": 35,
            "memory.ai_response_length": 120,
        },
    ),
    (
        lambda: memory.trace_concept_extraction("t"),
        "memory.concept_extraction",
        "internal",
        {"memory.operation": "concept_extraction"},
    ),
    (
        lambda: memory.trace_graph_traversal("rust", tenant_id="t"),
        "memory.graph_traversal",
        "internal",
        {
            "memory.operation": "graph_traversal",
            "graph.start_concept": "rust",
            "graph.max_depth": 3,
        },
    ),
    (
        lambda: memory.trace_embedding_generation(99, tenant_id="t"),
        "memory.embedding",
        "internal",
        {
            "memory.operation": "embedding",
            "embedding.text_length": 99,
            "embedding.model": "unknown",
        },
    ),
    (
        lambda: database.trace_query("SELECT * FROM a WHERE b = 'secret'", tenant_id="t"),
        "db.select",
        "client",
        {
            "db.operation.name": "SELECT",
            "db.operation": "SELECT",
            "db.query.text": "SELECT * FROM a WHERE b = ?",
            "db.statement": "SELECT * FROM a WHERE b = ?",
        },
    ),
    (
        lambda: database.trace_query("DELETE FROM a", "DELETE", "a", "t", capture_sql=False),
        "db.delete.a",
        "client",
        {
            "db.operation.name": "DELETE",
            "db.operation": "DELETE",
            "db.collection.name": "a",
            "db.sql.table": "a",
        },
    ),
    (
        lambda: cache.trace_cache_operation("SETEX", KEY, "t"),
        "cache.setex",
        "client",
        {
            "cache.operation": "SETEX",
            "db.operation": "SETEX",
            "cache.key": "search:<hash>",
            "db.redis.key": "search:<hash>",
            "cache.key_pattern": "search:*",
            "db.redis.key_pattern": "search:*",
        },
    ),
    (
        lambda: cache.trace_pipeline(3, "t"),
        "cache.pipeline",
        "client",
        {"cache.pipeline.command_count": 3, "db.redis.pipeline.command_count": 3},
    ),
]


@pytest.mark.parametrize(("open_span", "name", "kind", "attributes"), SPANS)
def test_a_helper_opens_its_span(
    recorded: Recorded,
    open_span: Callable[[], Any],
    name: str,
    kind: str,
    attributes: dict[str, Any],
) -> None:
    with open_span():
        pass
    span = recorded.named(name)
    assert span.attributes == {**attributes, "tenant.id": "t"}
    assert (span.kind, span.status, span.scope) == (kind, "OK", "continuum")


def test_federation_opens_its_spans(recorded: Recorded) -> None:
    with federation.trace_sync_operation("PUSH", "peer-1", "t"):
        federation.enrich_span_with_sync_stats(5, 1, 2048)
    with federation.trace_peer_communication("peer-1", "VOTE", "t"):
        pass
    with federation.trace_consensus_operation("VOTE", 3, "t"):
        federation.record_conflict_resolution("edit", "latest", "t")
        federation.record_peer_connection("peer-1", True)
    sync, message, consensus = recorded.spans()
    assert [(span.name, span.kind) for span in (sync, message, consensus)] == [
        ("federation.sync.push", "client"),
        ("federation.message.vote", "producer"),
        ("federation.consensus.vote", "internal"),
    ]
    assert sync.attributes["federation.peer.instance_id"] == "peer-1"
    counts = ("entities_count", "conflicts_count", "bytes_transferred")
    assert [sync.attributes[f"sync.{name}"] for name in counts] == [5, 1, 2048]
    assert sync.attributes["federation.operation"] == "PUSH"
    assert message.attributes["messaging.system"] == "continuum"
    assert consensus.attributes["consensus.operation"] == "VOTE"
    assert message.attributes["messaging.message_type"] == "VOTE"
    assert consensus.attributes["consensus.participant_count"] == 3
    assert [(event.name, event.attributes) for event in consensus.events] == [
        ("conflict_resolved", {"conflict_type": "edit", "resolution_strategy": "latest"}),
        ("peer_connection_changed", {"peer_id": "peer-1", "connected": True}),
    ]


def test_a_failure_is_recorded_and_passed_on(recorded: Recorded) -> None:
    def fails() -> None:
        with database.trace_transaction():
            raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        fails()
    span = recorded.named("db.transaction")
    assert (span.status, span.status_text, span.event_names()) == ("ERROR", "gone", ["exception"])


def test_a_transaction_says_whether_it_was_committed(recorded: Recorded) -> None:
    with database.trace_transaction(system="sqlite"):
        pass
    with pytest.raises(LookupError), database.trace_transaction():
        raise LookupError("gone")
    with database.trace_transaction() as span:
        span.set_status(Status(StatusCode.ERROR, "rolled back"))
    committed, failed, refused = recorded.spans()
    expected = {"db.system.name": "sqlite", "db.system": "sqlite"}
    assert committed.attributes == expected | {"db.transaction.committed": True}
    assert failed.attributes == refused.attributes == {"db.transaction.committed": False}


def test_the_system_decides_how_a_statement_is_read(recorded: Recorded) -> None:
    query = 'SELECT "name" FROM a'
    with database.trace_query(query, system="postgresql"):
        pass
    with database.trace_query(query):
        pass
    known, unknown = recorded.spans()
    assert known.attributes["db.system"] == known.attributes["db.system.name"] == "postgresql"
    assert known.attributes["db.query.text"] == query
    assert unknown.attributes["db.query.text"] == "SELECT ? FROM a"


def test_a_slow_query_has_an_event(recorded: Recorded) -> None:
    with database.trace_query("SELECT slow"):
        time.sleep(1.01)
    (event,) = recorded.named("db.select").events
    assert (event.name, event.attributes["threshold_seconds"]) == ("slow_query", 1.0)
    assert event.attributes["duration_seconds"] >= 1.0


def test_a_status_that_was_set_stays(recorded: Recorded) -> None:
    with memory.trace_recall("q") as span:
        span.set_status(Status(StatusCode.ERROR, "partial"))
    assert recorded.named("memory.recall").status_text == "partial"


def test_results_enrich_the_current_span_or_the_one_given(recorded: Recorded) -> None:
    with memory.trace_recall("q") as recall, database.trace_query("SELECT 1"):
        memory.enrich_span_with_recall_results(7, 15, 12, span=recall)
        database.enrich_span_with_row_count(3)
        database.enrich_span_with_query_plan("SCAN a WHERE b = 'secret'")
    with memory.trace_learn(1, 2):
        memory.enrich_span_with_learn_results(4, 1, 6, 0)
    found = recorded.named("memory.recall").attributes
    assert found["memory.concepts_found"] == found["gen_ai.memory.record.count"] == 7
    assert (found["memory.relationships_found"], found["memory.query_time_ms"]) == (15, 12.0)
    query = recorded.named("db.select").attributes
    assert query["db.response.returned_rows"] == query["db.row_count"] == 3
    assert query["db.query_plan"] == "SCAN a WHERE b = ?"
    learned = recorded.named("memory.learn").attributes
    assert learned["memory.concepts_extracted"] == learned["gen_ai.memory.record.count"] == 4
    counts = ("decisions_detected", "links_created", "compounds_found")
    assert [learned[f"memory.{name}"] for name in counts] == [1, 6, 0]


def test_hits_and_misses_scrub_their_keys(recorded: Recorded) -> None:
    with cache.trace_cache_operation("GET", KEY):
        cache.record_cache_hit(KEY, "t", value_size=512)
    with cache.trace_cache_operation("GET"):
        cache.record_cache_miss(KEY)
    hit, miss = recorded.spans()
    assert (hit.attributes["cache.hit"], miss.attributes["cache.hit"]) == (True, False)
    assert (hit.attributes["cache.value_size"], hit.attributes["tenant.id"]) == (512, "t")
    assert hit.events[0].attributes == {"key": "search:<hash>"}


@pytest.mark.parametrize(
    ("conventions", "names"),
    [
        ("stable", {"db.operation.name", "db.query.text"}),
        ("legacy", {"db.operation", "db.statement"}),
    ],
)
def test_the_conventions_decide_about_names(
    start: Callable[..., Recorded], conventions: str, names: set[str]
) -> None:
    recorded = start(config={"CONTINUUM_SEMCONV": conventions})
    with database.trace_query("SELECT 1"):
        pass
    with memory.trace_learn(1, 2):
        memory.enrich_span_with_learn_results(4, 1, 6, 0)
    assert set(recorded.named("db.select").attributes) == names
    learned = recorded.named("memory.learn").attributes
    assert ("gen_ai.memory.record.count" in learned) == (conventions == "stable")


def test_questions_are_shown_only_where_previews_are_on(start: Callable[..., Recorded]) -> None:
    recorded = start(config={"CONTINUUM_PREVIEWS": True})
    with memory.trace_recall("what did we decide?"):
        pass
    attributes = recorded.named("memory.recall").attributes
    assert attributes["memory.query_preview"] == "what did we decide?"


def test_secrets_stay_home(recorded: Recorded) -> None:
    with tracer.start_as_current_span("login", attributes={"api_key": "hunter2"}) as span:
        span.set_attribute("user.password", "hunter2")
        span.add_event("tried", {"authorization": "hunter2"})
    assert "hunter2" not in repr(recorded.named("login"))


def test_operations_are_counted_without_a_metrics_sdk(recorded: Recorded) -> None:
    before = metrics.snapshot()
    with memory.trace_recall("q"):
        cache.record_cache_hit(KEY)
    with pytest.raises(ValueError, match="no"), memory.trace_recall("q"):
        raise ValueError("no")
    memory.update_memory_stats(10, 20, 3, 40)
    memory.record_memory_operation("merge", 0.5, True)
    cache.record_cache_stats(9, 1, 2, 1024)
    federation.update_peer_count(2)
    after = metrics.snapshot()
    grown = {
        name: after[name] - before.get(name, 0)
        for name in (
            "continuum_memory_recalls_total",
            "continuum_memory_recall_errors_total",
            "continuum_memory_recall_duration_seconds_count",
            "continuum_cache_hits_total",
            "continuum_memory_operations_total",
            "continuum_memory_operation_duration_seconds_sum",
        )
    }
    assert list(grown.values()) == [2, 1, 2, 1, 1, 0.5]
    assert after["continuum_memory_entities_total"] == 10
    assert after["continuum_cache_hit_ratio"] == 0.9
    assert after["continuum_federation_active_peers"] == 2


def test_an_operation_counts_as_failed_where_its_span_has(recorded: Recorded) -> None:
    def errors() -> float:
        return metrics.snapshot().get("continuum_memory_recall_errors_total", 0)

    def stream() -> Generator[int, None, None]:
        with memory.trace_recall("q"):
            yield 1

    before = errors()
    closed = stream()
    next(closed)
    closed.close()
    assert errors() == before
    with memory.trace_recall("q") as span:
        span.set_status(Status(StatusCode.ERROR, "partial"))
    assert errors() == before + 1


def test_operations_reach_a_metrics_sdk(recorded: Recorded) -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    # After telemetry was set up.
    reader = InMemoryMetricReader()
    api_metrics.set_meter_provider(MeterProvider([reader]))
    with memory.trace_recall("q"):
        pass
    metrics.Gauge("db_pool_idle").set(4)
    data = reader.get_metrics_data()
    assert data is not None
    found = data.resource_metrics[0].scope_metrics[0].metrics
    assert {metric.name for metric in found} >= {
        "continuum_memory_recall_duration_seconds",
        "continuum_memory_recalls_total",
        "continuum_db_pool_idle",
    }
