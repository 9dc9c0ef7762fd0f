"""The classes of opentelemetry-api on the recorder: provider, tracer, span, propagator.

Instrumentations by others use them through `opentelemetry.trace`. The native half comes first in
the order of methods, so that a call never passes through Python.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.util import types

from continuum.observability import _native

__all__ = ["Event", "Propagator", "Span", "Tracer", "TracerProvider"]


T = TypeVar("T")


class Event(NamedTuple):
    """Something that happened during a span."""

    name: str
    attributes: Mapping[str, types.AttributeValue]
    timestamp: int


class Span(_native.Span, trace.Span):
    """One operation: its name, times, attributes, events, links and outcome.

    No method raises, and after the end of the span none has an effect. The properties tell what it
    was told so far, as the SDK's spans do; they are empty for a span that is not recorded or has
    ended.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name."""
        return self._said("name", "")

    @property
    def attributes(self) -> Mapping[str, types.AttributeValue]:
        """A copy of the attributes."""
        return self._said("attributes", {})

    @property
    def events(self) -> Sequence[Event]:
        """The events in order."""
        events: list[tuple[Any, ...]] = self._said("events", [])
        return [Event(*event) for event in events]

    @property
    def links(self) -> Sequence[trace.Link]:
        """The links in order."""
        links: list[tuple[Any, ...]] = self._said("links", [])
        return [trace.Link(*link) for link in links]

    @property
    def status(self) -> trace.Status:
        """The outcome; unset until somebody knows."""
        code, text = self._said("status", (0, ""))
        return trace.Status(trace.StatusCode(code), text or None)

    @property
    def parent(self) -> trace.SpanContext | None:
        """The identity of the parent, where there is one."""
        return self._said("parent", None)

    @property
    def start_time(self) -> int | None:
        """When it started, in nanoseconds since 1970."""
        return self._said("start_time", None)

    def _said(self, field: str, otherwise: T) -> T:
        so_far = self.snapshot()
        return otherwise if so_far is None else cast("T", so_far[field])


class Tracer(_native.Tracer, trace.Tracer):  # type: ignore[misc]
    """Starts spans on behalf of a library or module."""

    __slots__ = ()


class TracerProvider(trace.TracerProvider):
    """Gives tracers of the recorder.

    Made without arguments, as `OTEL_PYTHON_TRACER_PROVIDER=continuum` does, it sets telemetry up
    from the environment unless it is, and leaves it to the caller to make it the global one.
    """

    def __init__(self) -> None:
        from continuum.observability import _core

        _core.ensure_telemetry(self)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: types.Attributes | None = None,
    ) -> trace.Tracer:
        """Gives the tracer of a library or module.

        Args:
            instrumenting_module_name: The name of the scope.
            instrumenting_library_version: Its version.
            schema_url: Where the names of its attributes are defined.
            attributes: Not recorded.

        Returns:
            A tracer; also before telemetry is set up.
        """
        return Tracer(
            instrumenting_module_name, instrumenting_library_version, schema_url, names_type=True
        )

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Delivers what was recorded so far.

        Args:
            timeout_millis: How long to wait, in milliseconds.

        Returns:
            Whether all of it was delivered.
        """
        return _native.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Delivers what was recorded and stops."""
        _native.shutdown(30000)


class Propagator(TextMapPropagator):
    """The formats of `OTEL_PROPAGATORS`, by the recorder's parsers."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Reads parent and baggage from a carrier.

        Args:
            carrier: What `getter` reads.
            context: What the result adds to.
            getter: Reads names and values.

        Returns:
            A context, without a parent where the carrier describes none.
        """
        if getter is default_getter:
            found = _native.extract(carrier, context)
        else:
            headers: dict[str, Any] = {}
            for key in getter.keys(carrier):
                headers[key] = getter.get(carrier, key) or []
            for key in self.fields - headers.keys():
                if values := getter.get(carrier, key):
                    headers[key] = values
            found = _native.extract(headers, context)
        return found

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Writes the span and the baggage of a context into a carrier.

        Args:
            carrier: What `setter` writes to.
            context: The current context otherwise.
            setter: Sets a name and a value.
        """
        if setter is default_setter:
            _native.inject(carrier, context)
            return
        headers: dict[str, str] = {}
        _native.inject(headers, context)
        for key, value in headers.items():
            setter.set(carrier, key, value)

    @property
    def fields(self) -> set[str]:
        """The headers that may be written."""
        return set(_native.propagated_fields())


_native.install(Span)
