"""The ASGI middleware: one SERVER span a request, named after its route."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request, Response
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from receiver import Recorded

from continuum.observability import get_tracer
from continuum.observability.api_instrumentation import (
    TracingMiddleware,
    add_route_span,
    enrich_span_with_request,
    instrument_fastapi_app,
    record_api_error,
)
from continuum.observability.context import get_all_baggage, get_trace_id, set_baggage
from continuum.observability.database_instrumentation import enrich_span_with_query_plan

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def application(*, fastapi_traces: bool = False, **options: Any) -> FastAPI:
    app = FastAPI(telemetry={"tracing": fastapi_traces})

    @app.get("/users/{name}")
    @add_route_span
    async def user(name: str) -> dict[str, Any]:
        set_baggage("user", name)
        return {"trace_id": get_trace_id(), "name": name}

    @app.post("/upload")
    async def upload(request: Request) -> int:
        enrich_span_with_request(request)
        return len(await request.body())

    @app.get("/missing")
    async def missing() -> None:
        raise HTTPException(404)

    @app.get("/raising")
    async def raising() -> None:
        raise LookupError("gone")

    @app.get("/answering")
    async def answering() -> Response:
        return Response(status_code=503)

    @app.get("/broken")
    async def broken() -> None:
        try:
            raise ValueError("no")
        except ValueError as error:
            record_api_error(error, "GET", "/broken")
            raise

    app.add_middleware(TracingMiddleware, **options)
    return app


def request(app: FastAPI, method: str, url: str, **arguments: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://memory:8080") as client:
            response = await client.request(method, url, **arguments)
        assert get_all_baggage() == {}
        return response

    return asyncio.run(send())


def test_a_request_is_a_span_named_after_its_route(recorded: Recorded) -> None:
    headers = {"traceparent": PARENT, "x-tenant-id": "acme", "authorization": "Bearer hunter2"}
    response = request(application(), "GET", "/users/ada?token=hunter2", headers=headers)
    assert response.json() == {"trace_id": "0af7651916cd43dd8448eb211c80319c", "name": "ada"}
    assert response.headers["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    span = recorded.named("GET /users/{name}")
    assert recorded.tree() == "GET /users/{name}\n  route.user"
    assert (span.kind, span.status, span.parent_span_id) == ("server", "UNSET", "b7ad6b7169203331")
    expected = {
        "http.request.method": "GET",
        "http.method": "GET",
        "http.response.status_code": 200,
        "http.status_code": 200,
        "http.route": "/users/{name}",
        "url.path": "/users/ada",
        "url.query": "token=REDACTED",
        "http.target": "/users/ada?token=REDACTED",
        "url.scheme": "http",
        "http.scheme": "http",
        "server.address": "memory",
        "server.port": 8080,
        "http.host": "memory:8080",
        "tenant.id": "acme",
    }
    assert expected.items() <= span.attributes.items()
    assert span.attributes["http.response.header.content-type"] == ["application/json"]
    assert "hunter2" not in repr(span)


def test_a_span_that_fastapi_has_opened_is_described(recorded: Recorded) -> None:
    app = application(fastapi_traces=True)
    response = request(app, "GET", "/users/ada", headers={"traceparent": PARENT})
    assert response.headers["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert [span.kind for span in recorded.spans()].count("server") == 1
    span = recorded.named("GET /users/{name}")
    assert (span.scope, span.kind, span.parent_span_id) == ("fastapi", "server", "b7ad6b7169203331")
    assert span.attributes["http.method"] == "GET"


def test_only_a_fault_of_the_server_is_an_error(recorded: Recorded) -> None:
    app = application()
    assert request(app, "GET", "/missing").status_code == 404
    assert request(app, "GET", "/broken").status_code == 500
    missing, broken = recorded.named("GET /missing"), recorded.named("GET /broken")
    assert (missing.status, missing.events) == ("UNSET", [])
    assert (broken.status, broken.status_text) == ("ERROR", "no")
    assert broken.event_names() == ["exception"]
    assert broken.attributes["http.response.status_code"] == 500


def test_an_exception_that_nobody_has_recorded_is_recorded_by_the_request(
    recorded: Recorded,
) -> None:
    app = application()
    assert request(app, "GET", "/raising").status_code == 500
    assert request(app, "GET", "/answering").status_code == 503
    raising, answering = recorded.named("GET /raising"), recorded.named("GET /answering")
    assert (raising.status, raising.status_text) == ("ERROR", "gone")
    assert raising.event_names() == ["exception"]
    assert raising.attributes["http.response.status_code"] == 500
    assert (answering.status, answering.status_text, answering.events) == ("ERROR", "", [])


def test_a_cancelled_request_says_so(recorded: Recorded) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        unused: Callable[..., Any] = print
        task = asyncio.create_task(TracingMiddleware(app)(scope, unused, unused))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = recorded.named("GET")
    assert (span.status, span.status_text, span.event_names()) == (
        "ERROR",
        "cancelled",
        ["cancelled"],
    )
    assert "http.response.status_code" not in span.attributes


def test_a_header_that_is_none_costs_only_itself(recorded: Recorded) -> None:
    headers = [(b"bad name", b"x"), (b"host", b"memory"), (b"user-agent", b"test")]
    scope = {"type": "websocket", "path": "/ws", "headers": headers}
    with get_tracer("app").start_as_current_span("socket"):
        enrich_span_with_request(SimpleNamespace(scope=scope))
    attributes = recorded.named("socket").attributes
    expected = {"http.request.method": "GET", "url.path": "/ws", "server.address": "memory"}
    assert expected.items() <= attributes.items()
    assert attributes["user_agent.original"] == "test"


def test_a_span_of_another_provider_is_described_without_secrets(recorded: Recorded) -> None:
    scope = {"type": "http", "method": "PUT", "path": "/users", "query_string": b"token=hunter2"}
    span = SdkProvider().get_tracer("other").start_span("foreign")
    assert isinstance(span, SdkSpan)
    enrich_span_with_request(SimpleNamespace(scope=scope | {"headers": []}), span)
    enrich_span_with_query_plan("SCAN a WHERE b = 'secret'", span)
    assert span.attributes == {
        "http.request.method": "PUT",
        "url.scheme": "http",
        "url.path": "/users",
        "db.query_plan": "SCAN a WHERE b = ?",
    }


def test_a_path_without_a_route_is_not_in_the_name(recorded: Recorded) -> None:
    request(application(), "GET", "/no/such/path/7")
    assert recorded.tree() == "GET"


def test_headers_and_bodies_are_recorded_as_asked(recorded: Recorded) -> None:
    async def parts() -> Any:
        yield b"four"
        yield b"five5"

    app = application(capture_headers=False, capture_body=True)
    assert request(app, "POST", "/upload", content=parts()).json() == 9
    attributes = recorded.named("POST /upload").attributes
    assert attributes["http.request.body.size"] == 9
    assert not [name for name in attributes if ".header." in name]


def test_instrumenting_an_application_adds_the_middleware(recorded: Recorded) -> None:
    app = FastAPI(telemetry={"tracing": False})
    assert instrument_fastapi_app(app) is app
    request(app, "GET", "/")
    assert [span.scope for span in recorded.spans()] == ["continuum.api"]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_connections_pass_through(recorded: Recorded, kind: str) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        get_tracer("app").start_span("inside").end()

    unused: Callable[..., Any] = print
    asyncio.run(TracingMiddleware(app)({"type": kind}, unused, unused))
    assert (seen, recorded.tree()) == ([kind], "inside")


def test_the_end_of_the_application_delivers_its_spans(recorded: Recorded) -> None:
    tracer = get_tracer(__name__)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        tracer.start_span("last").end()

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(TracingMiddleware)
    received = iter(["lifespan.startup", "lifespan.shutdown"])
    arrived: list[list[str]] = []

    async def receive() -> dict[str, Any]:
        return {"type": next(received)}

    async def send(_message: Any) -> None:
        arrived.append([span.name for span in recorded.sink.spans()])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert arrived == [[], ["last"]]


def test_the_end_of_an_application_outside_of_asyncio_delivers_too(recorded: Recorded) -> None:
    sent = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        get_tracer("app").start_span("last").end()
        await send({"type": "lifespan.shutdown.complete"})

    async def send(message: Any) -> None:
        sent.append((message["type"], [span.name for span in recorded.sink.spans()]))

    running = TracingMiddleware(app)({"type": "lifespan"}, send, send)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        running.send(None)
    assert sent == [("lifespan.shutdown.complete", ["last"])]


def test_a_path_that_the_server_has_decoded_is_encoded_again(recorded: Recorded) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(_message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/café/a:b%", "headers": [[b"host", b"h"]]}
    asyncio.run(cast("Any", TracingMiddleware(app)(scope, send, send)))  # type: ignore[arg-type]
    assert recorded.named("GET").attributes["url.path"] == "/caf%C3%A9/a:b%25"
