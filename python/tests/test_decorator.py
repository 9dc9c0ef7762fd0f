"""`trace_function` on every kind of function: same kind, same results, one span a run."""

import asyncio
import contextvars
import functools
import gc
import inspect
import sys
import types
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import suppress
from typing import cast

import pytest
from opentelemetry import trace
from receiver import Recorded

from continuum.observability import get_tracer, trace_function, traced_operation

tracer = get_tracer(__name__)


@trace_function()
def plain(a: int, *, b: int = 2) -> int:
    """Adds."""
    return a + b


@trace_function()
async def coroutine(a: int) -> int:
    await asyncio.sleep(0)
    return a


@trace_function()
def generator(a: int) -> Iterator[int]:
    yield a


@trace_function()
async def async_generator(a: int) -> AsyncIterator[int]:
    yield a


class Store:
    @trace_function(name="store.recall")
    def recall(self, key: str) -> tuple[object, str]:
        return self, key

    @trace_function()
    @staticmethod
    def static(a: int) -> int:
        return a

    @classmethod
    @trace_function()
    def made(cls) -> "Store":
        return cls()

    @trace_function()
    @classmethod
    def made_too(cls) -> "Store":
        return cls()


def test_predicates_keep_their_answers() -> None:
    assert inspect.isfunction(plain)
    assert not inspect.iscoroutinefunction(plain)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)
    assert (plain.__name__, plain.__doc__) == ("plain", "Adds.")
    assert list(inspect.signature(plain).parameters) == ["a", "b"]


def test_results_are_untouched(recorded: Recorded) -> None:
    store = Store()
    assert plain(1, b=5) == 6
    assert asyncio.run(coroutine(3)) == 3
    assert list(generator(4)) == [4]
    assert store.recall("k") == (store, "k")
    assert Store.static(7) == store.static(7) == 7
    assert isinstance(Store.made(), Store)
    assert isinstance(Store.made_too(), Store)
    names = [span.name for span in recorded.spans()]
    assert names == [
        "plain",
        "coroutine",
        "generator",
        "store.recall",
        "Store.static",
        "Store.static",
        "Store.made",
        "Store.made_too",
    ]


def test_the_exception_is_the_same_object(recorded: Recorded) -> None:
    error = ValueError("no")

    @trace_function()
    def fails() -> None:
        raise error

    with pytest.raises(ValueError, match="no") as caught:
        fails()
    assert caught.value is error


def test_the_stack_trace_of_a_failure_leads_into_the_function(recorded: Recorded) -> None:
    @trace_function()
    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    (event,) = recorded.named("fails").events
    lines = event.attributes["exception.stacktrace"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-3].endswith("in fails")
    assert lines[-2:] == ['    raise ValueError("no")', "ValueError: no"]


def test_a_bare_decorator_and_other_callables_work(recorded: Recorded) -> None:
    @trace_function
    def bare() -> int:
        return 1

    class Callable:
        def __call__(self) -> int:
            return 2

    assert bare() == 1
    assert trace_function(name="partial")(functools.partial(plain, 1))() == 3
    assert trace_function(name="callable")(Callable())() == 2
    assert recorded.tree() == "bare\npartial\n  plain\ncallable"


def test_a_generator_is_driven_in_every_way(recorded: Recorded) -> None:
    @trace_function()
    def echo() -> Generator[object, object, str]:
        try:
            sent = yield "ready"
            caught: object = None
            try:
                yield sent
            except KeyError as error:
                caught = error.args[0]
            yield caught
        except GeneratorExit:
            tracer.start_span("closed").end()
            raise
        return "done"

    first = echo()
    assert next(first) == "ready"
    assert first.send("hello") == "hello"
    assert first.throw(KeyError("thrown")) == "thrown"
    with pytest.raises(StopIteration) as stop:
        next(first)
    assert stop.value.value == "done"
    second = echo()
    next(second)
    second.close()
    assert recorded.tree() == "echo\necho\n  closed"
    assert [span.status for span in recorded.spans()] == ["UNSET"] * 3


def test_a_generator_that_fails_ends_with_the_error(recorded: Recorded) -> None:
    @trace_function()
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        list(fails())
    span = recorded.named("fails")
    assert (span.status, span.status_text, span.event_names()) == ("ERROR", "late", ["exception"])


def test_an_async_generator_is_driven_in_every_way(recorded: Recorded) -> None:
    @trace_function()
    async def echo() -> AsyncGenerator[object, object]:
        sent = yield "ready"
        try:
            yield sent
        except KeyError as error:
            yield error.args[0]

    async def main() -> None:
        stream = echo()
        assert await stream.__anext__() == "ready"
        assert await stream.asend("hello") == "hello"
        assert await stream.athrow(KeyError("thrown")) == "thrown"
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()
        second = echo()
        await second.__anext__()
        await second.aclose()

    asyncio.run(main())
    assert [(span.name, span.status) for span in recorded.spans()] == [("echo", "UNSET")] * 2


def test_each_call_of_a_decorated_function_is_a_span(recorded: Recorded) -> None:
    @tracer.start_as_current_span("again")
    def sync() -> None:
        pass

    @traced_operation("async", attributes={"a": 1})
    async def asynchronous() -> None:
        tracer.start_span("inside").end()

    @tracer.start_as_current_span("recursive")
    def recursive(depth: int) -> None:
        if depth:
            recursive(depth - 1)

    sync()
    sync()
    asyncio.run(asynchronous())
    recursive(2)
    assert recorded.tree() == (
        "again\nagain\nasync\n  inside\nrecursive\n  recursive\n    recursive"
    )


def test_steps_in_other_contexts_do_not_nest(recorded: Recorded) -> None:
    @trace_function()
    def stream() -> Iterator[int]:
        for number in range(3):
            with tracer.start_as_current_span(f"chunk{number}"):
                yield number

    steps = stream()
    contexts = [contextvars.copy_context() for _ in range(4)]
    current = []
    for context in contexts:
        context.run(next, steps, None)
        current.append(context.run(trace.get_current_span).get_span_context().is_valid)
    assert recorded.tree() == "stream\n  chunk0\n  chunk1\n  chunk2"
    assert current == [False] * 4


def test_a_scope_that_is_left_in_a_copy_of_its_context_is_left_there(recorded: Recorded) -> None:
    with tracer.start_as_current_span("outer") as outer:
        scope = tracer.start_as_current_span("inner")
        scope.__enter__()
        copy = contextvars.copy_context()
        copy.run(scope.__exit__, None, None, None)
        assert copy.run(trace.get_current_span) is outer
    assert recorded.tree() == "outer\n  inner"


def test_a_generator_that_catches_its_end_ends_as_it_would(recorded: Recorded) -> None:
    def stubborn() -> Generator[str, None, str]:
        try:
            yield "first"
        except GeneratorExit:
            yield "caught"
        return "last"

    def obedient() -> Generator[str, None, str]:
        try:
            yield "first"
        except GeneratorExit:
            return "closed"
        return "last"

    def close(made: Generator[str, None, str]) -> object:
        next(made)
        return cast("object", made.close())

    def throw(made: Generator[str, None, str]) -> object:
        next(made)
        return made.throw(GeneratorExit)

    traced, traced_too = trace_function()(stubborn), trace_function()(obedient)
    assert throw(traced()) == throw(stubborn()) == "caught"
    assert close(traced_too()) == close(obedient())
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        close(traced())


def test_a_generator_that_waits_keeps_no_exception(recorded: Recorded) -> None:
    @trace_function()
    def waits() -> Iterator[int]:
        while True:
            with suppress(KeyError):
                yield 1

    class ThrownError(KeyError):
        pass

    steps = waits()
    next(steps)
    error = ThrownError()
    thrown = weakref.ref(error)
    cast("Generator[int]", steps).throw(error)
    del error
    gc.collect()
    assert thrown() is None


def test_other_kinds_of_coroutines_last_as_long_as_their_body(recorded: Recorded) -> None:
    class Asked:
        async def __call__(self) -> None:
            await asyncio.sleep(0)
            tracer.start_span("asked").end()

    @trace_function(name="older")
    @types.coroutine
    def older() -> Generator[None, None, None]:
        yield
        tracer.start_span("resumed").end()

    async def main() -> None:
        await trace_function(name="callable")(Asked())()
        await older()

    asyncio.run(main())
    assert recorded.tree() == "callable\n  asked\nolder\n  resumed"


def test_a_cancelled_async_generator_says_so(recorded: Recorded) -> None:
    @trace_function()
    async def endless() -> AsyncGenerator[int, None]:
        while True:
            yield 1
            await asyncio.sleep(3600)

    async def consume() -> None:
        async for _ in endless():
            pass

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = recorded.named("endless")
    assert (span.status_text, span.event_names()) == ("cancelled", ["cancelled"])


def test_an_async_generator_that_outlives_its_loop_is_closed_once(recorded: Recorded) -> None:
    @trace_function()
    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            for _ in range(3):
                await asyncio.sleep(0)
            tracer.start_span("closed").end()

    complaints: list[object] = []
    held = [stream() for _ in range(8)]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        for each in held:
            async for _ in each:
                break

    asyncio.run(main())
    assert complaints == []
    assert recorded.tree() == "\n".join(["stream\n  closed"] * len(held))
    assert {(span.status, *span.event_names()) for span in recorded.spans()} == {("UNSET",)}


def test_the_loop_still_sees_generators_that_begin_beside_a_decorated_one(
    recorded: Recorded,
) -> None:
    seen: list[object] = []

    async def other() -> AsyncGenerator[int, None]:
        yield 1

    made = other()

    @trace_function()
    async def stream() -> AsyncGenerator[int, None]:
        async for each in made:
            yield each

    async def main() -> None:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(seen.append, hooks.finalizer)
        outer = stream()
        async for _ in outer:
            pass
        assert seen == [outer, made]

    asyncio.run(main())
