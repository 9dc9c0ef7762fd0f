"""The peers, each with the same few operations; and what is measured with them.

`peers.py PEER` prints one line for each scenario: name and nanoseconds of the thread's CPU per run.
`peers.py PEER ADDRESS SECONDS` records 10,000 spans a second there, with the peer's default settings,
and prints how many, and the microseconds of the process's CPU that each took.
"""

import asyncio
import os
import sys
import time

RUNS = 5_000
SAMPLES = 9
SPANS_PER_SECOND = 10_000
HEADERS = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "baggage": "tenant_id=user_123",
    "accept": "*/*",
    "host": "memory",
}


class Continuum:
    """This package."""

    def __init__(self, address, sampled=True):
        from continuum import observability
        from continuum.observability import context

        self.package, self.context = observability, context
        config = {"OTEL_EXPORTER_OTLP_ENDPOINT": address} if address else {}
        observability.init_telemetry(
            exporter_type="otlp" if address else "none",
            config=config | {"OTEL_TRACES_SAMPLER": "always_on" if sampled else "always_off"},
        )
        self.tracer = observability.get_tracer("bench")
        self.span = self.tracer.start_as_current_span
        self.inject, self.extract = context.inject_trace_context, context.extract_trace_context
        self.shutdown = observability.shutdown_telemetry

    def decorate(self, function):
        return self.package.trace_function()(function)

    def set_baggage(self):
        self.context.set_baggage("tenant_id", "user_123")

    def layers(self):
        """What the peers do not have."""
        from continuum.observability import cache_instrumentation as cache
        from continuum.observability.database_instrumentation import trace_query
        from continuum.observability.memory_instrumentation import trace_recall

        def recall(runs):
            for _ in range(runs):
                with trace_recall("what did we decide?", tenant_id="user_123"):
                    pass

        def query(runs):
            for _ in range(runs):
                with trace_query("SELECT * FROM a WHERE b = 7", "SELECT", "a", "user_123"):
                    pass

        def hit(runs):
            for _ in range(runs):
                with cache.trace_cache_operation("GET", "search:rust", "user_123"):
                    cache.record_cache_hit("search:rust", "user_123")

        return {"trace_recall": recall, "trace_query": query, "cache operation with hit": hit}


class OpenTelemetry:
    """opentelemetry-sdk with the batch processor."""

    def __init__(self, address, sampled=True):
        from opentelemetry import baggage, context, propagate
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

        class Nowhere(SpanExporter):
            def export(self, spans):
                return SpanExportResult.SUCCESS

        if address:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(f"{address}/v1/traces")
        else:
            exporter = Nowhere()
        provider = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        self.span = provider.get_tracer("bench").start_as_current_span
        self.extract = propagate.extract
        self.shutdown = provider.shutdown
        self._propagate, self._baggage, self._context = propagate, baggage, context

    def inject(self):
        headers = {}
        self._propagate.inject(headers)
        return headers

    def set_baggage(self):
        self._context.attach(self._baggage.set_baggage("tenant_id", "user_123"))

    def decorate(self, function):
        return self.span(function.__name__)(function)

    def layers(self):
        return {}


class Datadog:
    """ddtrace; it sends to an agent in a format of its own."""

    def __init__(self, address, sampled=True):
        os.environ |= {"DD_TRACE_ENABLED": "true", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
        os.environ |= {"DD_REMOTE_CONFIGURATION_ENABLED": "false"}
        if address:
            os.environ["DD_TRACE_AGENT_URL"] = address
        if not sampled:
            os.environ["DD_TRACE_SAMPLE_RATE"] = "0"
        import logging

        logging.disable()
        from ddtrace.propagation.http import HTTPPropagator
        from ddtrace.trace import tracer

        self.tracer, self._propagator = tracer, HTTPPropagator
        self.span = tracer.trace
        self.extract = HTTPPropagator.extract
        self.shutdown = tracer.shutdown

    def inject(self):
        headers = {}
        self._propagator.inject(self.tracer.current_span().context, headers)
        return headers

    def set_baggage(self):
        self.tracer.current_span().context.set_baggage_item("tenant_id", "user_123")

    def decorate(self, function):
        return self.tracer.wrap(function.__name__)(function)

    def layers(self):
        return {}


PEERS = {"continuum": Continuum, "opentelemetry": OpenTelemetry, "ddtrace": Datadog}


def scenarios(peer):
    span = peer.span
    attribute = "set_tag" if isinstance(peer, Datadog) else "set_attribute"

    def spans(runs):
        for run in range(runs):
            with span("recall") as current:
                set_attribute = getattr(current, attribute)
                set_attribute("tenant.id", "user_123")
                set_attribute("memory.operation", "recall")
                set_attribute("memory.concepts_found", run)
                set_attribute("memory.query_time_ms", 0.5)

    @peer.decorate
    def function():
        pass

    @peer.decorate
    async def coroutine():
        pass

    def calls(runs):
        for _ in range(runs):
            function()

    def awaits(runs):
        async def main():
            for _ in range(runs):
                await coroutine()

        asyncio.run(main())

    def inject(runs):
        with span("caller"):
            peer.set_baggage()
            for _ in range(runs):
                peer.inject()

    def extract(runs):
        for _ in range(runs):
            peer.extract(HEADERS)

    return {
        "span with 4 attributes": spans,
        "decorator, sync": calls,
        "decorator, async": awaits,
        "inject with baggage": inject,
        "extract with baggage": extract,
        **peer.layers(),
    }


def measure(name, scenario):
    scenario(RUNS // 10)
    for _ in range(SAMPLES):
        before = time.thread_time_ns()
        scenario(RUNS)
        print(name, (time.thread_time_ns() - before) / RUNS, sep="\t")


def deliver(peer, seconds):
    """Bursts every 10 ms, so that the pace does not depend on the peer's speed."""
    scenario = scenarios(peer)["span with 4 attributes"]
    burst = SPANS_PER_SECOND // 100
    idle = time.process_time_ns()
    next_burst = time.perf_counter()
    for _ in range(seconds * 100):
        scenario(burst)
        next_burst += 0.01
        time.sleep(max(0.0, next_burst - time.perf_counter()))
    peer.shutdown()
    print(seconds * 100 * burst, (time.process_time_ns() - idle) / 1_000, sep="\t")


def main(name, address=None, seconds=None):
    if seconds is not None:
        deliver(PEERS[name](address), int(seconds))
    elif address == "unsampled":
        peer = PEERS[name](None, sampled=False)
        measure("sampled out, 4 attributes", scenarios(peer)["span with 4 attributes"])
    else:
        for title, scenario in scenarios(PEERS[name](None)).items():
            measure(title, scenario)


main(*sys.argv[1:])
