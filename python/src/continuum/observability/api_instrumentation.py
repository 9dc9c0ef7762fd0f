"""Spans of the API layer: an ASGI middleware for FastAPI, Starlette and any other ASGI server.

One SERVER span per request, named after the route, child of the caller's span. What a request says
of itself is described by the recorder's own HTTP layer: secrets in headers and URLs are redacted. A
status from 500 on is an error, one from 400 on is not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar
from urllib.parse import quote

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from continuum.observability import _native, provider
from continuum.observability._core import EXIT_TIMEOUT_MILLIS, get_current_span, get_tracer
from continuum.observability._decorator import decorate
from continuum.observability._guard import harmless
from continuum.observability.metrics import Counter, Histogram

__all__ = [
    "TracingMiddleware",
    "add_route_span",
    "enrich_span_with_request",
    "instrument_fastapi_app",
    "record_api_error",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
A = TypeVar("A")
F = TypeVar("F", bound=Callable[..., Any])

_TRACER = "continuum.api"
_TENANT_HEADER = b"x-tenant-id"
_TRACE_HEADER = b"trace_id"

# There where FastAPI traces by itself: its SERVER span is then the one to describe.
_FASTAPI_KEY = "fastapi.telemetry"

# What stands for itself in the path of a URL (RFC 3986, pchar).
_UNQUOTED = "/:@!$&'()*+,;=~"

# The trace's own headers.
_UNRECORDED = frozenset({b"traceparent", b"tracestate", b"baggage"})

_requests = Counter("requests_total")
_errors = Counter("errors_total")
_api_errors = Counter("api_errors_total")
_duration = Histogram("request_duration_seconds")


class TracingMiddleware:
    """Traces every HTTP request of an ASGI application.

    Example:
        >>> from fastapi import FastAPI
        >>> app = FastAPI()
        >>> app.add_middleware(TracingMiddleware)
    """

    def __init__(
        self,
        app: Any,
        tracer_name: str = _TRACER,
        capture_headers: bool = True,
        capture_body: bool = False,
    ) -> None:
        """Wraps an application.

        Args:
            app: The ASGI application.
            tracer_name: The name of the instrumentation scope.
            capture_headers: Whether to record headers, those with secrets redacted.
            capture_body: Whether to count the bytes of bodies whose length nobody announced; their
                content is never recorded.
        """
        self.app = app
        self._tracer = get_tracer(tracer_name)
        self._capture_headers = capture_headers
        self._capture_body = capture_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection.

        Args:
            scope: Of the connection.
            receive: Gives what the client sends.
            send: Takes what the client is sent.
        """
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _flushing(send))
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(self, scope, receive, send)
        current = get_current_span() if _FASTAPI_KEY in scope else None
        if isinstance(current, provider.Span) and current.is_server():
            await request.run(current)
            return
        parent = _native.extract(scope["headers"])
        opened = self._tracer.start_as_current_span(
            scope["method"], context=parent, kind=SpanKind.SERVER
        )
        with opened as span:
            await request.run(span)


def _flushing(send: Send) -> Send:
    """Delivers spans before the server hears that the application is done.

    Servers end their workers by a signal afterwards, which no exit handler sees.
    """

    async def forward(message: Message) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            try:
                await asyncio.to_thread(_native.force_flush, EXIT_TIMEOUT_MILLIS)
            except RuntimeError:
                # Not under asyncio; all requests have ended, so that there is nobody who waits.
                _native.force_flush(EXIT_TIMEOUT_MILLIS)
        await send(message)

    return forward


class _Request:
    """One request on its way through the application."""

    def __init__(
        self, middleware: TracingMiddleware, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._middleware = middleware
        self._scope = scope
        self._receive = receive
        self._send = send
        self._received_bytes = 0
        self._status: int | None = None

    async def run(self, span: trace.Span) -> None:
        began = time.perf_counter()
        self._describe(span)
        middleware = self._middleware
        receive = self._counting_receive if middleware._capture_body else self._receive
        try:
            await middleware.app(self._scope, receive, self._watching_send(span))
        except BaseException as error:
            self._settle(span, time.perf_counter() - began, error)
            raise
        self._settle(span, time.perf_counter() - began, None)

    @harmless
    def _describe(self, span: trace.Span) -> None:
        if not span.is_recording():
            return
        describe(span, self._scope)
        headers = self._scope["headers"]
        tenant = next((value for name, value in headers if name.lower() == _TENANT_HEADER), None)
        if tenant is not None:
            span.set_attribute("tenant.id", tenant.decode("latin-1"))
        self._record_headers(span, "request", headers)

    @harmless
    def _record_headers(self, span: trace.Span, of: str, headers: Any) -> None:
        if not self._middleware._capture_headers:
            return
        values: dict[str, list[str]] = {}
        for name, value in headers:
            if name.lower() not in _UNRECORDED:
                key = f"http.{of}.header.{name.decode('latin-1').lower()}"
                values.setdefault(key, []).append(value.decode("latin-1"))
        span.set_attributes(values)

    async def _counting_receive(self) -> Message:
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        return message

    def _watching_send(self, span: trace.Span) -> Send:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                headers = list(message.get("headers", ()))
                self._record_headers(span, "response", headers)
                context = span.get_span_context()
                if context.is_valid:
                    trace_id = trace.format_trace_id(context.trace_id).encode()
                    message["headers"] = [*headers, (_TRACE_HEADER, trace_id)]
            await self._send(message)

        return send

    @harmless
    def _settle(self, span: trace.Span, seconds: float, error: BaseException | None) -> None:
        status = self._status
        if status is None and (error is None or isinstance(error, Exception)):
            # What the server answers in place of the application; nothing if it is cancelled.
            status = 500
        method, route = self._scope["method"], _route(self._scope)
        if route is not None:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        is_fault = status is not None and status >= 500
        if isinstance(span, provider.Span) and status is not None:
            span.set_conventional("http.response.status_code", status)
            # An exception says more, and the scope that it leaves will record it.
            if is_fault and error is None:
                span.fail()
        if self._received_bytes:
            span.set_attribute("http.request.body.size", self._received_bytes)
        attributes = {"method": method, "route": route or ""}
        if status is not None:
            attributes["status"] = status
        _requests.add(attributes=attributes)
        _duration.record(seconds, attributes)
        if is_fault:
            _errors.add(attributes=attributes)


def _route(scope: Scope) -> str | None:
    """Gives the template of the route that matched, where the framework says it."""
    path = getattr(scope.get("route"), "path", None)
    return f"{scope.get('root_path', '')}{path}" if path is not None else None


def describe(span: trace.Span, scope: Scope) -> None:
    """Records what an ASGI request says of itself.

    Args:
        span: The span to describe.
        scope: Of the connection.
    """
    # A websocket is opened by a GET.
    method, scheme = scope.get("method", "GET"), scope.get("scheme", "http")
    if not isinstance(span, provider.Span):
        # The rest of the address needs the recorder, which takes the secrets out of it.
        known = {"http.request.method": method, "url.scheme": scheme, "url.path": scope["path"]}
        span.set_attributes(known)
        return
    path = scope.get("raw_path") or quote(scope["path"], safe=_UNQUOTED).encode()
    query = scope.get("query_string", b"")
    target = path.split(b"?")[0] + (b"?" + query if query else b"")
    _native.describe_request(
        span,
        method,
        scheme,
        target.decode("latin-1"),
        scope.get("http_version", "1.1"),
        [(bytes(name), bytes(value)) for name, value in scope["headers"]],
    )
    client = scope.get("client")
    if client:
        span.set_conventional("client.address", client[0])


def instrument_fastapi_app(app: A) -> A:
    """Adds the middleware to a FastAPI or Starlette application.

    Args:
        app: The application, before it serves.

    Returns:
        The application.
    """
    app.add_middleware(TracingMiddleware)  # type: ignore[attr-defined]
    return app


def add_route_span(func: F) -> F:
    """Traces a route's function as `route.<function>`.

    Args:
        func: The function.

    Returns:
        A function of the same kind.
    """
    name = getattr(func, "__name__", "route")
    scope = get_tracer(_TRACER).start_as_current_span(f"route.{name}")
    traced: F = decorate(scope, func)
    return traced


@harmless
def enrich_span_with_request(request: Any, span: trace.Span | None = None) -> None:
    """Records what a request says of itself.

    Args:
        request: A request of Starlette or FastAPI.
        span: The span to describe; the current one otherwise. One of another provider is told the
            method, scheme and path.
    """
    describe(span or get_current_span(), request.scope)


@harmless
def record_api_error(
    error: BaseException, method: str, route: str, tenant_id: str | None = None
) -> None:
    """Records an error of the API on the current span, and counts it.

    Args:
        error: The error.
        method: The method of the request.
        route: The template of its route.
        tenant_id: Whose request it was.
    """
    span = get_current_span()
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, _text(error)))
    attributes = {"method": method, "route": route, "error.type": type(error).__qualname__}
    if tenant_id is not None:
        attributes["tenant.id"] = tenant_id
    _api_errors.add(attributes=attributes)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return type(error).__qualname__
