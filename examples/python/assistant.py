r"""An assistant on FastAPI that asks the memory server: one trace through Python and Rust.

SQLAlchemy, redis and httpx are traced by the instrumentations that exist for OpenTelemetry. This
package is their provider of tracers, so that their spans, those of the application and those of
the memory server are one trace.

    continuum serve &
    redis-server &
    MEMORY_KEY=$(continuum key create --tenant acme) uvicorn assistant:app --workers 2
    curl -d '{"question": "where do we store turns?"}' -H 'content-type: application/json' \
        http://127.0.0.1:8000/ask

What to look at: the call of the memory server is a child of the request, whichever of the two
workers answers it; and the second answer to the same question comes from the cache.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy import create_engine, text

from continuum.observability import (
    get_current_span,
    init_telemetry,
    shutdown_telemetry,
    trace_function,
)
from continuum.observability.context import get_trace_id

init_telemetry(service_name="assistant")

database = create_engine("sqlite:///assistant.db")
cache = Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True)
memory = httpx.AsyncClient(
    base_url=os.environ.get("MEMORY_URL", "http://127.0.0.1:8787"),
    headers={"x-api-key": os.environ.get("MEMORY_KEY", "")},
)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Makes the table at the start; closes the connections at the end."""
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS asked (question TEXT, answer TEXT)"))
    yield
    await memory.aclose()
    await cache.aclose()
    shutdown_telemetry()  # uvicorn ends its workers by a signal, which no exit handler sees


app = FastAPI(lifespan=lifespan)
FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
HTTPXClientInstrumentor().instrument()
RedisInstrumentor().instrument()
SQLAlchemyInstrumentor().instrument(engine=database)


class Ask(BaseModel):
    """What the assistant is asked."""

    question: str


class Answer(BaseModel):
    """What it knows, and where to see how it came to that."""

    answer: str
    trace_id: str | None
    worker: int


@app.post("/ask")
async def ask(request: Ask) -> Answer:
    """Answers from the cache, or else from the memory."""
    key = f"answer:{request.question}"
    known = await cache.get(key)
    get_current_span().set_attribute("cache.hit", known is not None)
    answer = str(known) if known is not None else await remember(request.question)
    if known is None:
        await cache.set(key, answer, ex=60)
    with database.begin() as connection:
        connection.execute(
            text("INSERT INTO asked VALUES (:question, :answer)"),
            {"question": request.question, "answer": answer},
        )
    return Answer(answer=answer, trace_id=get_trace_id(), worker=os.getpid())


@trace_function(attributes={"memory.component": "recall"})
async def remember(question: str) -> str:
    """Asks the memory server for what was said about a question."""
    response = await memory.post("/v1/recall", json={"query": question, "k": 1})
    turns = response.raise_for_status().json()["turns"]
    return turns[0]["text"] if turns else "I do not know."
