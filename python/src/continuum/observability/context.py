"""Context across processes: headers and messages in and out, ids, baggage.

The current context is that of opentelemetry-api: what is set here is seen by every instrumentation
of this process, and the other way round.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from opentelemetry import baggage, trace
from opentelemetry import context as api
from opentelemetry.context import Context

from continuum.observability import _native

__all__ = [
    "clear_baggage",
    "create_carrier_from_span",
    "extract_context_from_dict",
    "extract_trace_context",
    "get_all_baggage",
    "get_baggage",
    "get_span_id",
    "get_trace_context",
    "get_trace_id",
    "get_traceparent",
    "get_tracestate",
    "inject_trace_context",
    "link_spans",
    "propagate_context_to_dict",
    "set_baggage",
    "with_trace_context",
]

# The member of a message that the context is written under, and the one that others use.
_KEY = "_trace_context"
_OTHER_KEY = "trace_context"

M = TypeVar("M", bound=MutableMapping[str, Any])


def extract_trace_context(carrier: Mapping[str, Any]) -> Context:
    """Reads the parent and the baggage that a carrier describes.

    Args:
        carrier: Headers; names in any case. Malformed ones give a context without a parent.

    Returns:
        A context for `start_as_current_span(..., context=...)`.
    """
    return _native.extract(carrier)


def inject_trace_context(carrier: MutableMapping[str, Any] | None = None) -> Any:
    """Writes the current span and baggage into a carrier.

    Args:
        carrier: Headers to add to, also when there are none yet; a new `dict` otherwise.

    Returns:
        The carrier.
    """
    if carrier is None:
        carrier = {}
    _native.inject(carrier)
    return carrier


def get_trace_id() -> str | None:
    """Tells the id of the current trace.

    Returns:
        32 hexadecimal digits; `None` without a current span.
    """
    ids = _native.current_ids()
    return ids[0] if ids else None


def get_span_id() -> str | None:
    """Tells the id of the current span.

    Returns:
        16 hexadecimal digits; `None` without a current span.
    """
    ids = _native.current_ids()
    return ids[1] if ids else None


def get_traceparent() -> str | None:
    """Gives the current span as the value of a `traceparent` header.

    Returns:
        The value; `None` without a current span.
    """
    ids = _native.current_ids()
    return ids[2] if ids else None


def get_tracestate() -> str | None:
    """Gives the `tracestate` of the current span.

    Returns:
        The value of the header; `None` where there is none.
    """
    ids = _native.current_ids()
    return (ids[3] or None) if ids else None


def get_trace_context() -> dict[str, str]:
    """Gives the current span as headers.

    Returns:
        `trace_id`, `span_id`, `traceparent` and, where there is one, `tracestate`; empty without a
        current span.
    """
    ids = _native.current_ids()
    if not ids:
        return {}
    found = dict(zip(("trace_id", "span_id", "traceparent", "tracestate"), ids, strict=True))
    return {name: value for name, value in found.items() if value}


def set_baggage(key: str, value: object) -> None:
    """Sets a baggage entry, which goes with all calls from here on to other services.

    It ends with the innermost scope that is open: a span, `with_trace_context`, a task of asyncio.

    Args:
        key: The name.
        value: Recorded as text, which everybody on the way can read; `None` removes the entry.
    """
    _native.set_baggage(key, value)


def get_baggage(key: str) -> str | None:
    """Gives the value of a baggage entry.

    Args:
        key: The name, in the case it was set in.

    Returns:
        The value; `None` where there is none.
    """
    return get_all_baggage().get(key) if isinstance(key, str) else None


def get_all_baggage() -> dict[str, str]:
    """Gives all baggage entries.

    Returns:
        Names and values.
    """
    # What others have set that has no text is left out.
    texts: dict[str, str] = {}
    for key, value in baggage.get_all().items():
        with suppress(Exception):
            texts[key] = str(value)
    return texts


def clear_baggage() -> None:
    """Removes all baggage entries, until the innermost scope that is open ends."""
    api.attach(baggage.clear())


@contextmanager
def with_trace_context(carrier: Mapping[str, Any]) -> Iterator[Context]:
    """Makes the context that a carrier describes the current one.

    Args:
        carrier: Headers as in `extract_trace_context`.

    Yields:
        The context.
    """
    context = _native.extract(carrier, api.get_current())
    token = api.attach(context)
    try:
        yield context
    finally:
        # Without a word where it is left in another Context, as of a generator: it has ended there.
        with suppress(Exception):
            api._RUNTIME_CONTEXT.detach(token)


def create_carrier_from_span(span: trace.Span) -> dict[str, str]:
    """Gives a span, with the current baggage, as headers to keep or to send.

    Args:
        span: Any span of the API.

    Returns:
        Headers for `extract_trace_context`.
    """
    carrier: dict[str, str] = {}
    _native.inject(carrier, trace.set_span_in_context(span))
    return carrier


def link_spans(parent_carrier: Mapping[str, Any]) -> trace.Link | None:
    """Makes a link to the span that a carrier describes, such as the producer of a message.

    Args:
        parent_carrier: Headers as `inject_trace_context` writes them.

    Returns:
        A link for `start_as_current_span(..., links=[...])`; `None` where no span is described.
    """
    span = trace.get_current_span(_native.extract(parent_carrier))
    context = span.get_span_context()
    return trace.Link(context) if context.is_valid else None


def propagate_context_to_dict(data: M) -> M:
    """Writes the current span and baggage into a message, under `_trace_context`.

    Args:
        data: The message, which is changed.

    Returns:
        The message.
    """
    carrier: dict[str, str] = {}
    _native.inject(carrier)
    if carrier:
        # What takes no members is left as it is.
        with suppress(Exception):
            data[_KEY] = carrier
    return data


def extract_context_from_dict(data: Mapping[str, Any]) -> Context:
    """Reads the context of a message, under `_trace_context` or else `trace_context`.

    Args:
        data: The message.

    Returns:
        A context, without a parent where the message describes none.
    """
    found: Mapping[str, Any] = {}
    # What cannot be looked into has no context.
    with suppress(Exception):
        members = (data.get(key) for key in (_KEY, _OTHER_KEY) if isinstance(data, Mapping))
        found = next((carrier for carrier in members if isinstance(carrier, Mapping)), {})
    return _native.extract(found)
