"""Decorators: a span for each call of a function, and for each run of a coroutine or generator.

`trace_function` and every scope used as a decorator end up here. The wrapper is of the same kind as
the function, so that `inspect` answers the same.
"""

import functools
import inspect
import sys
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from typing import Any, TypeVar, cast, overload

from opentelemetry.util.types import Attributes

from continuum.observability import _native, provider

F = TypeVar("F", bound=Callable[..., Any])


@overload
def trace_function(name: F) -> F: ...


@overload
def trace_function(
    name: str | None = None,
    attributes: Attributes | None = None,
    record_exception: bool = True,
) -> Callable[[F], F]: ...


def trace_function(
    name: str | F | None = None,
    attributes: Attributes | None = None,
    record_exception: bool = True,
) -> F | Callable[[F], F]:
    """Traces a function, coroutine, generator or method: one span for each run of its body.

    An exception is recorded as one event and passes on unchanged; arguments are never recorded.

    Args:
        name: The name of the span; the function's own otherwise.
        attributes: Attributes of every span, besides `function.name` and `function.module`.
        record_exception: Whether an exception becomes an event; the status is an error in any case.

    Returns:
        The decorator.

    Example:
        >>> @trace_function(name="calculate_embedding", attributes={"component": "memory"})
        ... def calculate_embedding(text):
        ...     return [0.0] * len(text)
    """
    if name is not None and not isinstance(name, str):
        return trace_function()(name)

    def decorator(function: F) -> F:
        inner = inspect.unwrap(getattr(function, "__func__", function))
        inner = inner.func if isinstance(inner, functools.partial) else inner
        qualified = getattr(inner, "__qualname__", type(inner).__qualname__)
        short = qualified.rpartition("<locals>.")[2]
        module = getattr(inner, "__module__", None) or ""
        tracer = provider.Tracer(module)
        scope = tracer.start_as_current_span(
            name or short,
            attributes={
                "function.name": short,
                "function.module": module,
                **(attributes if isinstance(attributes, Mapping) else {}),
            },
            record_exception=record_exception,
        )
        return cast("F", decorate(scope, function))

    return decorator


def decorate(scope: _native.SpanScope, function: Any) -> Any:
    """Wraps a function so that each run of its body is inside of a scope like the given one.

    Args:
        scope: Says which span.
        function: A function of any kind, a method wrapped by `staticmethod` or `classmethod`, or
            another callable.

    Returns:
        A wrapper of the same kind.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(decorate(scope, function.__func__))
    again = scope.again

    def is_a(predicate: Callable[[Any], bool]) -> bool:
        """Asks of a function, or of what a callable object runs."""
        return predicate(function) or predicate(type(function).__call__)

    if is_a(inspect.isasyncgenfunction):
        return _async_generator(again, function)
    if is_a(inspect.iscoroutinefunction):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with again():
                return await function(*args, **kwargs)

        return coroutine
    if is_a(inspect.isgeneratorfunction):
        generator = _generator(again, function)
        code = getattr(function, "__code__", None)
        is_awaitable = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
        return types.coroutine(generator) if is_awaitable else generator

    run = scope.run

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        return run(function, args, kwargs)

    return plain


def _generator(
    again: Callable[[], _native.SpanScope], function: Callable[..., Generator[Any, Any, Any]]
) -> Callable[..., Generator[Any, Any, Any]]:
    """Keeps the span current while the body runs, and not between its steps."""

    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        scope = again()
        with scope:
            body = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, body)
            while True:
                try:
                    item = step()
                except StopIteration as stop:
                    return stop.value
                # It would keep an exception that was thrown in.
                del step
                scope.suspend()
                try:
                    sent = yield item
                except BaseException as error:
                    scope.resume()
                    step = functools.partial(body.throw, error)
                else:
                    scope.resume()
                    step = functools.partial(body.send, sent)

    return generator


def _async_generator(
    again: Callable[[], _native.SpanScope], function: Callable[..., AsyncGenerator[Any, Any]]
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Keeps the span current while the body runs, and not between its steps."""

    @functools.wraps(function)
    async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        scope = again()
        with scope:
            body = function(*args, **kwargs)
            step: Awaitable[Any] = _first_step(body)
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    return
                # It would keep an exception that was thrown in.
                del step
                scope.suspend()
                try:
                    sent = yield item
                except BaseException as error:
                    scope.resume()
                    step = body.athrow(error)
                else:
                    scope.resume()
                    step = body.asend(sent)

    return generator


def _first_step(body: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
    """Begins a body that the event loop does not see, which would close it beside its wrapper."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return body.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)
