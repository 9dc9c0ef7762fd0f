"""Metrics: every one of them is produced by some call, and they can be turned off."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import metrics as api
from receiver import Recorded

from continuum.observability import (
    api_instrumentation,
    init_telemetry,
    metrics,
    shutdown_telemetry,
)
from continuum.observability import cache_instrumentation as cache
from continuum.observability import database_instrumentation as database
from continuum.observability import federation_instrumentation as federation
from continuum.observability import memory_instrumentation as memory

COUNTERS = """
requests_total errors_total api_errors_total
memory_recalls_total memory_learns_total memory_recall_errors_total memory_learn_errors_total
memory_operations_total
memory_entities_total memory_messages_total memory_decisions_total memory_attention_links_total
db_slow_queries_total db_errors_total db_transaction_errors_total
db_pool_size db_pool_active db_pool_idle
cache_operations_total cache_hits_total cache_misses_total cache_errors_total
cache_evictions cache_memory_bytes cache_hit_ratio
federation_sync_success_total federation_sync_errors_total
federation_messages_sent_total federation_message_errors_total
federation_conflicts_total
federation_peer_connections_total federation_peer_disconnections_total federation_active_peers
"""

DURATIONS = """
request_duration_seconds
memory_recall_duration_seconds memory_learn_duration_seconds
memory_concept_extraction_duration_seconds memory_graph_traversal_duration_seconds
memory_embedding_duration_seconds memory_operation_duration_seconds
db_query_duration_seconds db_transaction_duration_seconds
cache_operation_duration_seconds cache_pipeline_duration_seconds
federation_sync_duration_seconds federation_operation_duration_seconds
federation_consensus_duration_seconds federation_message_latency_seconds
"""


def fails(scope: Any) -> None:
    with pytest.raises(ValueError, match="no"), scope:
        raise ValueError("no")


def request() -> None:
    app = FastAPI()
    app.add_middleware(api_instrumentation.TracingMiddleware)

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError("no")

    async def send() -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://memory") as client:
            assert (await client.get("/broken")).status_code == 500

    asyncio.run(send())


def everything() -> None:
    """Calls whatever counts or measures something."""
    request()
    api_instrumentation.record_api_error(ValueError("no"), "GET", "/")
    scopes: list[Callable[[], Any]] = [
        lambda: memory.trace_recall("q"),
        lambda: memory.trace_learn(1, 2),
        lambda: database.trace_query("SELECT 1"),
        lambda: database.trace_transaction(),
        lambda: cache.trace_cache_operation("GET"),
        lambda: federation.trace_sync_operation("push"),
        lambda: federation.trace_peer_communication("peer", "ping"),
    ]
    for make in scopes:
        fails(make())
        with make():
            pass
    with database.trace_query("SELECT slow"):
        time.sleep(1.01)
    for scope in (
        memory.trace_concept_extraction(),
        memory.trace_graph_traversal("a"),
        memory.trace_embedding_generation(1),
        cache.trace_pipeline(2),
        federation.trace_consensus_operation("vote", 3),
    ):
        with scope:
            pass
    cache.record_cache_hit("k")
    cache.record_cache_miss("k")
    cache.record_cache_stats(9, 1, 2, 1024)
    memory.update_memory_stats(1, 2, 3, 4)
    memory.record_memory_operation("merge", 0.5, True)
    database.trace_connection_pool(3, 2, 1)
    federation.record_conflict_resolution("edit", "latest")
    federation.record_peer_connection("peer", True)
    federation.record_peer_connection("peer", False)
    federation.update_peer_count(2)


def test_every_metric_is_produced_by_some_call(recorded: Recorded) -> None:
    everything()
    found = metrics.snapshot()
    durations = {f"{name}_{part}" for name in DURATIONS.split() for part in ("sum", "count")}
    assert set(found) == {f"continuum_{name}" for name in durations.union(COUNTERS.split())}


@pytest.fixture
def configured() -> Iterator[Callable[..., None]]:
    def start(**variables: str) -> None:
        init_telemetry(exporter_type="none", config=variables)

    yield start
    shutdown_telemetry()
    init_telemetry(exporter_type="none")
    shutdown_telemetry()


def test_metrics_that_are_not_wanted_are_neither_counted_nor_shown(
    configured: Callable[..., None],
) -> None:
    configured()
    with memory.trace_recall("q"):
        pass
    before = metrics.snapshot()
    assert before["continuum_memory_recalls_total"] > 0
    shutdown_telemetry()
    configured(OTEL_METRICS_ENABLED="false")
    everything()
    assert metrics.snapshot() == {}
    gauge = metrics.Gauge("unseen")
    gauge.set(1)
    shutdown_telemetry()
    configured(OTEL_METRICS_ENABLED="maybe")
    assert "continuum_unseen" not in metrics.snapshot()
    assert metrics.snapshot() == before


def test_the_interval_of_metrics_is_that_of_the_sdks_readers() -> None:
    program = """
from continuum.observability import init_telemetry
init_telemetry(exporter_type="none", config={"OTEL_METRICS_EXPORT_INTERVAL": "1234"})
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
print(PeriodicExportingMetricReader(ConsoleMetricExporter())._export_interval_millis)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert float(done.stdout) == 1234


def test_metrics_may_be_counted_while_one_is_made(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal's handler does, or what the collector ends."""

    class Meter(api.NoOpMeter):
        def create_counter(self, name: str, *args: Any, **kwargs: Any) -> api.Counter:
            if name == "continuum_outer_total":
                metrics.Counter("inner_total").add()
            return super().create_counter(name, *args, **kwargs)

    monkeypatch.setattr(metrics, "_meter", Meter("tests"))
    counting = threading.Thread(target=metrics.Counter("outer_total").add, daemon=True)
    counting.start()
    counting.join(10)
    assert not counting.is_alive()
    assert metrics.snapshot()["continuum_inner_total"] == 1


def test_a_metrics_sdk_may_be_there_before() -> None:
    program = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
from continuum.observability import init_telemetry
from continuum.observability.memory_instrumentation import trace_recall
init_telemetry(exporter_type="none")
with trace_recall("q"):
    pass
data = reader.get_metrics_data()
print(*sorted(m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [
        "continuum_memory_recall_duration_seconds",
        "continuum_memory_recalls_total",
    ]
