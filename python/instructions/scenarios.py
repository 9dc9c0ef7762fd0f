"""What is counted: run under Valgrind, which is told by `getppid` where a count begins and ends."""

import os
from collections.abc import Callable

from continuum import observability
from continuum.observability import context, sampling
from continuum.observability.cache_instrumentation import (
    record_cache_hit,
    trace_cache_operation,
)
from continuum.observability.database_instrumentation import trace_query
from continuum.observability.memory_instrumentation import trace_recall

# How often each scenario is run in a count.
RUNS = 1000
WARM_UP = 100

HEADERS = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "baggage": "tenant_id=user_123",
    "accept": "*/*",
    "host": "memory",
}

tracer = observability.get_tracer("instructions")


def span(runs: int) -> None:
    for run in range(runs):
        with tracer.start_as_current_span("recall") as current:
            set_attribute = current.set_attribute
            set_attribute("tenant.id", "user_123")
            set_attribute("memory.operation", "recall")
            set_attribute("memory.concepts_found", run)
            set_attribute("memory.query_time_ms", 0.5)


@observability.trace_function
def function() -> None:
    pass


def decorated(runs: int) -> None:
    for _ in range(runs):
        function()


def recall(runs: int) -> None:
    for _ in range(runs):
        with trace_recall("what did we decide?", tenant_id="user_123"):
            pass


def query(runs: int) -> None:
    for _ in range(runs):
        with trace_query("SELECT * FROM a WHERE b = 7", "SELECT", "a", "user_123"):
            pass


def cache_hit(runs: int) -> None:
    for _ in range(runs):
        with trace_cache_operation("GET", "search:rust", "user_123"):
            record_cache_hit("search:rust", "user_123")


def inject(runs: int) -> None:
    with tracer.start_as_current_span("caller"):
        context.set_baggage("tenant_id", "user_123")
        for _ in range(runs):
            context.inject_trace_context()


def extract(runs: int) -> None:
    for _ in range(runs):
        context.extract_trace_context(HEADERS)


def count(scenario: Callable[[int], None]) -> None:
    """Runs a scenario between two calls at which Valgrind writes down what it has counted."""
    scenario(WARM_UP)
    os.getppid()
    scenario(RUNS)
    os.getppid()


RECORDED = [span, decorated, recall, query, cache_hit, inject, extract]
NAMES = [*(scenario.__name__ for scenario in RECORDED), "sampled_out"]


def main() -> None:
    """Counts everything, in the order of `NAMES`."""
    observability.init_telemetry(exporter_type="none", sampling_rate=1.0)
    for scenario in RECORDED:
        count(scenario)
    observability.init_telemetry(sampler=sampling.ALWAYS_OFF)
    count(span)


if __name__ == "__main__":
    main()
