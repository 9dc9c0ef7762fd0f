"""An OTLP receiver, and what arrived at it."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from continuum.observability import force_flush

_KINDS = ("", "internal", "server", "client", "producer", "consumer")
_STATUS = ("UNSET", "OK", "ERROR")


@dataclass
class Event:
    """An event as it arrived."""

    name: str
    attributes: dict[str, Any]
    time: int = 0


@dataclass
class Linked:
    """A link as it arrived."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any]


@dataclass
class Received:
    """A span as it arrived."""

    name: str
    kind: str
    scope: str
    trace_id: str
    span_id: str
    parent_span_id: str
    attributes: dict[str, Any]
    events: list[Event]
    links: list[Linked]
    status: str
    status_text: str
    resource: dict[str, Any] = field(repr=False)
    start: int = 0
    end: int = 0
    flags: int = 0
    trace_state: str = ""
    scope_version: str = ""
    schema_url: str = ""

    def event_names(self) -> list[str]:
        """The names of the events in order."""
        return [event.name for event in self.events]


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(member) for member in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _decode(body: bytes) -> Iterator[Received]:
    request = ExportTraceServiceRequest.FromString(body)
    for of_resource in request.resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Received(
                    name=span.name,
                    kind=_KINDS[span.kind],
                    scope=of_scope.scope.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_span_id=span.parent_span_id.hex(),
                    attributes=_attributes(span.attributes),
                    events=[
                        Event(e.name, _attributes(e.attributes), e.time_unix_nano)
                        for e in span.events
                    ],
                    links=[
                        Linked(e.trace_id.hex(), e.span_id.hex(), _attributes(e.attributes))
                        for e in span.links
                    ],
                    status=_STATUS[span.status.code],
                    status_text=span.status.message,
                    resource=resource,
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    flags=span.flags,
                    trace_state=span.trace_state,
                    scope_version=of_scope.scope.version,
                    schema_url=of_scope.schema_url,
                )


class Sink:
    """Receives OTLP over HTTP and remembers the spans."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._spans: list[Received] = []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                sink.paths.append(self.path)
                if self.path == "/v1/traces":
                    sink._spans.extend(_decode(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def spans(self) -> list[Received]:
        """Everything that was received, in the order of starting."""
        return sorted(self._spans, key=lambda span: span.start)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Recorded:
    """The spans that telemetry has sent."""

    sink: Sink

    def spans(self) -> list[Received]:
        """All spans so far, in the order of starting."""
        assert force_flush()
        return self.sink.spans()

    def named(self, name: str) -> Received:
        """The one span with a name."""
        found = [span for span in self.spans() if span.name == name]
        assert len(found) == 1, (name, [span.name for span in self.spans()])
        return found[0]

    def tree(self) -> str:
        """The names, children indented below their parents."""
        spans = self.spans()
        ids = {span.span_id for span in spans}

        def below(parent: str, depth: int) -> Iterator[str]:
            for span in spans:
                is_root = span.parent_span_id not in ids
                if span.parent_span_id == parent or (depth == 0 and is_root):
                    yield "  " * depth + span.name
                    yield from below(span.span_id, depth + 1)

        return "\n".join(below("-", 0))
