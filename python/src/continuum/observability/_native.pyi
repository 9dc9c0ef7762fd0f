"""The native half of the package: what the recorder does for it."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, TypeVar, final

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.util.types import Attributes
from typing_extensions import Self, disjoint_base

_F = TypeVar("_F", bound=Callable[..., Any])

__all__ = [
    "Sampler",
    "Span",
    "SpanScope",
    "Tracer",
    "current_ids",
    "current_span",
    "describe_request",
    "extract",
    "force_flush",
    "force_sampling",
    "init",
    "inject",
    "install",
    "is_active",
    "measurements",
    "propagated_fields",
    "record_cache_outcome",
    "scrub_query_plan",
    "set_baggage",
    "set_measuring",
    "set_observer",
    "set_sampler",
    "set_sampling_rate",
    "shutdown",
    "stats",
    "trace_cache_operation",
    "trace_concept_extraction",
    "trace_consensus_operation",
    "trace_embedding_generation",
    "trace_graph_traversal",
    "trace_learn",
    "trace_peer_communication",
    "trace_pipeline",
    "trace_query",
    "trace_recall",
    "trace_sync_operation",
    "trace_transaction",
]

@disjoint_base
class Span:
    """One operation: its name, times, attributes, events, links and outcome."""

    def __new__(cls) -> Self: ...
    def set_attribute(self, key: str, value: Any) -> None:
        """Sets an attribute, in place of one with the same key.

        Args:
            key: Its name.
            value: A text, truth, number, or a list or mapping of these; anything else is recorded
                as its text, and `None` leaves the attribute as it is.
        """

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Sets several attributes.

        Args:
            attributes: Values by key, as for `set_attribute`.
        """

    def set_conventional(self, key: str, value: Any) -> None:
        """Sets an attribute under the names that `CONTINUUM_SEMCONV` asks for.

        Args:
            key: Its current name.
            value: As for `set_attribute`.
        """

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Adds an event.

        Args:
            name: What happened.
            attributes: Values by key, as for `set_attribute`.
            timestamp: When, in nanoseconds since 1970; now otherwise.
        """

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Links the span to one that is not its parent.

        Args:
            context: The identity of the other span.
            attributes: Values by key, as for `set_attribute`.
        """

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Sets the outcome; OK is final.

        Args:
            status: The outcome, or its code alone.
            description: What went wrong, besides a code for an error.
        """

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Adds an `exception` event; the status stays as it is.

        Args:
            exception: What was raised.
            attributes: Values by key, besides those of the exception.
            timestamp: When, in nanoseconds since 1970; now otherwise.
            escaped: Without effect.
        """

    def record_query_plan(self, plan: object) -> None:
        """Records a query plan with its literals replaced.

        Args:
            plan: The plan, as the database writes it.
        """

    def update_name(self, name: str) -> None:
        """Gives the span another name.

        Args:
            name: The name from now on.
        """

    @property
    def kind(self) -> SpanKind:
        """The kind given at the start; internal for a span that is not recorded."""

    def snapshot(self) -> dict[str, Any] | None:
        """Gives what the span was told so far.

        Returns:
            Fields by name; `None` for a span that is not recorded or has ended.
        """

    def is_recording(self) -> bool:
        """Tells whether what is set on the span is kept.

        Returns:
            `False` for a span that is sampled out, or has ended.
        """

    def fail(self) -> None:
        """Sets the error status, unless somebody has set a status."""

    def is_server(self) -> bool:
        """Tells whether the span handles a request of another process.

        Returns:
            `True` for one of the kind `SERVER` that is recorded.
        """

    def get_span_context(self) -> SpanContext:
        """Gives the identity of the span.

        Returns:
            Trace id, span id, flags and `tracestate`, also after the end.
        """

    @property
    def context(self) -> SpanContext:
        """The identity of the span."""

    def end(self, end_time: int | None = None) -> None:
        """Ends the span; what is set later has no effect.

        Args:
            end_time: When, in nanoseconds since 1970; now otherwise.
        """

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

@disjoint_base
class Tracer:
    """Starts spans on behalf of a library or module."""

    def __new__(
        cls,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        names_type: bool = False,
    ) -> Self: ...
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> ApiSpan:
        """Starts a span that is not the current one.

        Args:
            name: The name of the span.
            context: Where the parent is in; the current context otherwise.
            kind: Its kind; internal otherwise.
            attributes: Values by key, from the start.
            links: Links to spans that are not the parent.
            start_time: When it started, in nanoseconds since 1970; now otherwise.
            record_exception: Whether an exception that leaves the block becomes an event.
            set_status_on_exception: Whether it makes the status an error.

        Returns:
            The span; it ends by `end()`, or as a context manager.
        """

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: list[Link] | tuple[Link, ...] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> SpanScope:
        """Opens a span that is current inside of a block or a decorated function.

        Args:
            name: The name of the span.
            context: Where the parent is in; the current context otherwise.
            kind: Its kind; internal otherwise.
            attributes: Values by key, from the start.
            links: Links to spans that are not the parent.
            start_time: When it started, in nanoseconds since 1970; now otherwise.
            record_exception: Whether an exception that leaves the block becomes an event.
            set_status_on_exception: Whether it makes the status an error.
            end_on_exit: Whether the span ends with the block.

        Returns:
            A context manager that yields the span; also a decorator.
        """

@final
class Sampler:
    """A sampler of the recorder, for those of the package that count."""

    @staticmethod
    def rate_limited(per_second: int) -> Sampler:
        """So many a second."""

    @staticmethod
    def adaptive(target_per_minute: int, least: float, most: float) -> Sampler:
        """About so many a minute, by a share within bounds."""

    @staticmethod
    def error_always(ratio: float) -> Sampler:
        """This share, and what failed."""

    def keeps(self, trace_id: int) -> bool:
        """Whether a trace that begins is kept as far as that is known at its start."""

@final
class SpanScope:
    """Opens a span for a `with` block, or for each call of the function that it decorates."""

    def __enter__(self) -> ApiSpan: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...
    def __call__(self, function: _F) -> _F: ...
    def run(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        """Calls a function inside of a span."""

    def again(self) -> SpanScope:
        """A scope like this one that was not entered."""

    def suspend(self) -> None:
        """Puts back what was current before, until `resume`."""

    def resume(self) -> None:
        """Makes the span current again, with what was changed inside before."""

def install(span: type[ApiSpan]) -> None:
    """Tells the recorder which class spans are of."""

def init(
    variables: Mapping[str, str],
    resource: Mapping[str, object],
    waits: bool,
    exporter_type: str | None = None,
    sampling_rate: float | None = None,
    sampler: object | None = None,
) -> bool:
    """Sets telemetry up; `False` when it was already."""

def is_active() -> bool:
    """Whether telemetry is set up."""

def set_sampler(sampler: object) -> None:
    """Replaces the sampler of running telemetry."""

def set_sampling_rate(rate: float, errors: bool) -> None:
    """Replaces it by a share of traces, with errors besides those in which something fails."""

def force_sampling(seconds: float) -> None:
    """Records everything for a time in seconds."""

def force_flush(timeout_millis: int) -> bool:
    """Delivers what was recorded so far; whether all of it arrived."""

def shutdown(timeout_millis: int) -> bool:
    """Delivers what was recorded and stops; whether all of it arrived."""

def stats() -> dict[str, int]:
    """Where every span went."""

def measurements() -> list[tuple[int, int, float]]:
    """Count, errors and seconds of each operation."""

def set_measuring(on: bool) -> None:
    """Has operations counted from now on, or not."""

def set_observer(observer: Callable[[int, float, bool], None]) -> None:
    """Has the observer called after each operation, once and for all."""

def inject(carrier: Any, context: Context | None = None) -> None:
    """Writes the span and baggage of a context, by default the current one, into a carrier."""

def extract(carrier: Any, context: Context | None = None) -> Context:
    """The context given, or else an empty one, with the parent and the baggage of a carrier."""

def propagated_fields() -> list[str]:
    """The names of the headers that the formats in use write."""

def current_ids() -> tuple[str, str, str, str] | None:
    """Trace id, span id, `traceparent` and `tracestate` of the current span."""

def current_span() -> ApiSpan | None:
    """The current span; `None` where there is none."""

def set_baggage(key: str, value: object) -> None:
    """Sets a baggage entry, or with `None` removes it, until the scope that is open ends."""

def describe_request(
    span: Span,
    method: str,
    scheme: str,
    target: str,
    version: str,
    headers: list[tuple[bytes, bytes]],
) -> None:
    """Records method, URL, headers and version of a request on a span."""

def scrub_query_plan(plan: object) -> str | None:
    """A query plan with its literals replaced; `None` where they are not known for certain."""

def record_cache_outcome(
    key: object, hit: bool, tenant_id: str | None = None, value_size: int | None = None
) -> None:
    """Records on the current span whether a cache had the entry, and counts it."""

def trace_recall(
    query: str,
    max_concepts: int = 10,
    tenant_id: str | None = None,
    store_id: str | None = None,
) -> SpanScope:
    """Opens a span around a look-up in a memory.

    Args:
        query: What is asked for; only its length is recorded, in characters.
        max_concepts: How many concepts the answer may have.
        tenant_id: Whose data it is.
        store_id: The store that is searched.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_learn(
    user_message_length: int,
    ai_response_length: int,
    tenant_id: str | None = None,
    store_id: str | None = None,
) -> SpanScope:
    """Opens a span around the storing of a turn.

    Args:
        user_message_length: Length of the user's message in characters.
        ai_response_length: Length of the answer in characters.
        tenant_id: Whose data it is.
        store_id: The store that is written to.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_concept_extraction(tenant_id: str | None = None) -> SpanScope:
    """Opens a span around the search for concepts in a text.

    Args:
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_graph_traversal(
    start_concept: str, max_depth: int = 3, tenant_id: str | None = None
) -> SpanScope:
    """Opens a span around a walk along the links between concepts.

    Args:
        start_concept: Where the walk begins.
        max_depth: How many links away it goes at most.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_embedding_generation(
    text_length: int, model: str = "unknown", tenant_id: str | None = None
) -> SpanScope:
    """Opens a span around the making of an embedding.

    Args:
        text_length: Length of the text in characters.
        model: The name of the model.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_query(
    query: str,
    operation: str = "SELECT",
    table: str | None = None,
    tenant_id: str | None = None,
    capture_sql: bool = True,
    system: str | None = None,
) -> SpanScope:
    """Opens a span around a statement to a database.

    Args:
        query: The statement; its literals are replaced by `?`.
        operation: What it does, such as `SELECT`.
        table: The table that it is about.
        tenant_id: Whose data it is.
        capture_sql: Whether the statement is recorded.
        system: The database, such as `sqlite`; also by which rules the statement is read.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_transaction(tenant_id: str | None = None, system: str | None = None) -> SpanScope:
    """Opens a span around a transaction, which was committed if nothing fails in it.

    Args:
        tenant_id: Whose data it is.
        system: The database, such as `sqlite`.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_cache_operation(
    operation: str, key: str | None = None, tenant_id: str | None = None
) -> SpanScope:
    """Opens a span around an operation of a cache.

    Args:
        operation: What it does, such as `GET`.
        key: The key; parts that look like hashes are replaced.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_pipeline(command_count: int, tenant_id: str | None = None) -> SpanScope:
    """Opens a span around commands that are sent to a cache at once.

    Args:
        command_count: The number of commands.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_sync_operation(
    operation_type: str, peer_instance_id: str | None = None, tenant_id: str | None = None
) -> SpanScope:
    """Opens a span around a synchronisation with a peer.

    Args:
        operation_type: Its kind, such as `push`.
        peer_instance_id: The other instance.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_peer_communication(
    peer_id: str, message_type: str, tenant_id: str | None = None
) -> SpanScope:
    """Opens a span around a message to a peer.

    Args:
        peer_id: The peer.
        message_type: The kind of the message.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """

def trace_consensus_operation(
    operation: str, participant_count: int, tenant_id: str | None = None
) -> SpanScope:
    """Opens a span around a decision that several peers come to.

    Args:
        operation: What is decided, such as `vote`.
        participant_count: The number of peers.
        tenant_id: Whose data it is.

    Returns:
        A context manager that yields the span; also a decorator.
    """
