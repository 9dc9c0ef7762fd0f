"""Samplers for `init_telemetry(sampler=...)`.

Those of `opentelemetry.sdk.trace.sampling` are accepted as they are; where that package is not
installed, this module stands in for it, so that the guide's import works.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
import time
import types
from collections.abc import Sequence
from enum import Enum
from typing import Any

__all__ = [
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "AdaptiveSampler",
    "Decision",
    "ParentBased",
    "RateLimitedSampler",
    "Sampler",
    "SamplingResult",
    "StaticSampler",
    "TraceIdRatioBased",
]


class Decision(Enum):
    """What happens to a span."""

    DROP = 0
    RECORD_ONLY = 1
    RECORD_AND_SAMPLE = 2


class SamplingResult:
    """What a sampler decides."""

    def __init__(self, decision: Decision, attributes: Any = None, trace_state: Any = None) -> None:
        """Decides.

        Args:
            decision: What happens to the span.
            attributes: Not recorded.
            trace_state: Not recorded.
        """
        self.decision = decision
        self.attributes = attributes
        self.trace_state = trace_state


class Sampler:
    """Decides about each span when it starts."""

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        """Decides about one span. Called on the traced thread: be quick.

        Args:
            parent_context: The context with the parent; `None` for a root.
            trace_id: The id of the trace.
            name: The name of the span.
            kind: Its kind.
            attributes: Its attributes at the start.
            links: Its links at the start.
            trace_state: That of the parent.

        Returns:
            The decision.
        """
        raise NotImplementedError

    def get_description(self) -> str:
        """Says what the sampler does.

        Returns:
            A text such as `AlwaysOnSampler`.
        """
        return type(self).__name__


class StaticSampler(Sampler):
    """Always the same decision; in Rust."""

    def __init__(self, decision: Decision) -> None:
        """Decides once and for all.

        Args:
            decision: What happens to every span.
        """
        self._decision = decision

    def should_sample(self, *_args: Any, **_kwargs: Any) -> SamplingResult:
        """Gives the decision.

        Returns:
            The decision.
        """
        return SamplingResult(self._decision)

    def get_description(self) -> str:
        """Names the decision as the specification does.

        Returns:
            `AlwaysOnSampler` or `AlwaysOffSampler`.
        """
        return "AlwaysOffSampler" if self._decision is Decision.DROP else "AlwaysOnSampler"


class TraceIdRatioBased(Sampler):
    """A share of traces, the same ones in every process; in Rust."""

    def __init__(self, rate: float) -> None:
        """Chooses the share.

        Args:
            rate: From 0.0 to 1.0.

        Raises:
            ValueError: The rate is outside of this range.
        """
        if not 0.0 <= rate <= 1.0:
            raise ValueError("Probability must be in range [0.0, 1.0].")
        self.rate = rate

    def get_description(self) -> str:
        """Names the sampler as the specification does.

        Returns:
            `TraceIdRatioBased{…}`.
        """
        return f"TraceIdRatioBased{{{self.rate}}}"


class ParentBased(Sampler):
    """As the parent was decided; for roots, as another sampler says; in Rust."""

    def __init__(self, root: Any) -> None:
        """Chooses the sampler for roots.

        Args:
            root: Decides where there is no parent.
        """
        self._root = root

    def get_description(self) -> str:
        """Names the sampler as the specification does.

        Returns:
            `ParentBased{root:…}`.
        """
        usual = (
            "remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,"
            "localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler"
        )
        return f"ParentBased{{root:{self._root.get_description()},{usual}}}"


class RateLimitedSampler(Sampler):
    """At most so many new traces a second; children follow their parents."""

    def __init__(self, max_traces_per_second: float = 100.0) -> None:
        """Chooses the limit.

        Args:
            max_traces_per_second: How many traces start in a second at most.
        """
        self._rate = max_traces_per_second
        self._tokens = max_traces_per_second
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_args: Any, **_kwargs: Any
    ) -> SamplingResult:
        """Takes a token for a root that is sampled.

        Args:
            parent_context: The context with the parent; `None` for a root.
            trace_id: The id of the trace.
            name: The name of the span.

        Returns:
            The decision.
        """
        followed = _parent_decision(parent_context)
        if followed is not None:
            return SamplingResult(followed)
        with self._lock:
            now = time.monotonic()
            self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._last) * self._rate)
            self._last = now
            keep = self._tokens >= 1.0
            self._tokens -= keep
        return SamplingResult(Decision.RECORD_AND_SAMPLE if keep else Decision.DROP)


class AdaptiveSampler(Sampler):
    """A share of traces that follows the load, so that about as many are kept every minute."""

    def __init__(
        self,
        min_rate: float = 0.01,
        max_rate: float = 1.0,
        target_traces_per_minute: float = 1000.0,
    ) -> None:
        """Chooses the target.

        Args:
            min_rate: The share that is kept at least.
            max_rate: The share that is kept at most.
            target_traces_per_minute: How many traces are to be kept in a minute.
        """
        self._bounds = (min_rate, max_rate)
        self._target = target_traces_per_minute
        self._rate = max_rate
        self._seen = 0
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_args: Any, **_kwargs: Any
    ) -> SamplingResult:
        """Keeps the share that was right for the last seconds.

        Args:
            parent_context: The context with the parent; `None` for a root.
            trace_id: The id of the trace.
            name: The name of the span.

        Returns:
            The decision.
        """
        followed = _parent_decision(parent_context)
        if followed is not None:
            return SamplingResult(followed)
        with self._lock:
            self._adapt(time.monotonic())
            rate = self._rate
        keep = (trace_id & ((1 << 56) - 1)) >= (1.0 - rate) * (1 << 56)
        return SamplingResult(Decision.RECORD_AND_SAMPLE if keep else Decision.DROP)

    def _adapt(self, now: float) -> None:
        self._seen += 1
        passed = now - self._since
        if passed >= 1.0:
            least, most = self._bounds
            per_minute = self._seen * 60.0 / passed
            self._rate = min(most, max(least, self._target / per_minute))
            self._seen, self._since = 0, now


def _parent_decision(parent_context: Any) -> Decision | None:
    if parent_context is None:
        return None
    from opentelemetry import trace

    parent = trace.get_current_span(parent_context).get_span_context()
    if not parent.is_valid:
        return None
    return Decision.RECORD_AND_SAMPLE if parent.trace_flags.sampled else Decision.DROP


ALWAYS_ON = StaticSampler(Decision.RECORD_AND_SAMPLE)
ALWAYS_OFF = StaticSampler(Decision.DROP)
DEFAULT_ON = ParentBased(ALWAYS_ON)
DEFAULT_OFF = ParentBased(ALWAYS_OFF)

_SDK = "opentelemetry.sdk"
_STAND_INS = (_SDK, f"{_SDK}.trace", f"{_SDK}.trace.sampling")


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the samplers' module of an SDK that is not installed; asked after everybody else."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _STAND_INS:
            return None
        package = name != _STAND_INS[-1]
        return importlib.machinery.ModuleSpec(name, self, is_package=package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == _STAND_INS[-1]:
            here = sys.modules[__name__]
            vars(module).update({name: getattr(here, name) for name in (*__all__, "DEFAULT_ON")})


def stand_in_for_sdk() -> None:
    """Makes `opentelemetry.sdk.trace.sampling` importable where the SDK is not installed."""
    if importlib.util.find_spec(_SDK) is None:
        sys.meta_path.append(_StandIn())
