"""Samplers for `init_telemetry(sampler=...)`.

Those of `opentelemetry.sdk.trace.sampling` are accepted as they are; where that package is not
installed, this module stands in for it, so that the guide's import works.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import math
import sys
import types
from collections.abc import Sequence
from enum import Enum
from typing import Any

from opentelemetry import trace

from continuum.observability import _native

__all__ = [
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "DEFAULT_OFF",
    "DEFAULT_ON",
    "AdaptiveSampler",
    "Decision",
    "ErrorAlwaysSampler",
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
            attributes: What the span gets besides its own.
            trace_state: That of the span, in place of its parent's.
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
            parent_context: The context that the span starts in, with its parent if it has one.
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


ALWAYS_ON = StaticSampler(Decision.RECORD_AND_SAMPLE)
ALWAYS_OFF = StaticSampler(Decision.DROP)


class TraceIdRatioBased(Sampler):
    """A share of traces, the same ones in every process; in Rust."""

    def __init__(self, rate: float) -> None:
        """Chooses the share.

        Args:
            rate: From 0.0 to 1.0.

        Raises:
            ValueError: The rate is outside of this range.
        """
        self.rate = _ratio(rate)

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_args: Any, **_kwargs: Any
    ) -> SamplingResult:
        """Decides by the trace's id, for a sampler of somebody else's.

        Args:
            parent_context: The context that the span starts in, with its parent if it has one.
            trace_id: The id of the trace.
            name: The name of the span.

        Returns:
            The decision.
        """
        return _result((trace_id & _RANDOM_PART) >= (1.0 - self.rate) * (_RANDOM_PART + 1))

    def get_description(self) -> str:
        """Names the sampler as the specification does.

        Returns:
            `TraceIdRatioBased{…}`.
        """
        return f"TraceIdRatioBased{{{self.rate}}}"


class ParentBased(Sampler):
    """As the parent was decided; for roots, as another sampler says; in Rust.

    It runs in Python where other samplers than the usual ones decide below a parent.
    """

    def __init__(
        self,
        root: Any,
        remote_parent_sampled: Any = ALWAYS_ON,
        remote_parent_not_sampled: Any = ALWAYS_OFF,
        local_parent_sampled: Any = ALWAYS_ON,
        local_parent_not_sampled: Any = ALWAYS_OFF,
    ) -> None:
        """Chooses the samplers.

        Args:
            root: Decides where there is no parent.
            remote_parent_sampled: Decides below a sampled span of another process.
            remote_parent_not_sampled: Decides below one that is not sampled.
            local_parent_sampled: Decides below a sampled span of this process.
            local_parent_not_sampled: Decides below one that is not sampled.
        """
        self._root = root
        self._below = {
            "remoteParentSampled": remote_parent_sampled,
            "remoteParentNotSampled": remote_parent_not_sampled,
            "localParentSampled": local_parent_sampled,
            "localParentNotSampled": local_parent_not_sampled,
        }

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *args: Any, **kwargs: Any
    ) -> SamplingResult:
        """Asks the sampler for that kind of parent.

        Args:
            parent_context: The context that the span starts in, with its parent if it has one.
            trace_id: The id of the trace.
            name: The name of the span.
            args: What else is known of the span.
            kwargs: The same by name.

        Returns:
            Its decision.
        """
        asked = self._root
        if parent := _parent(parent_context):
            place = "remote" if parent.is_remote else "local"
            sampled = "Sampled" if parent.trace_flags.sampled else "NotSampled"
            asked = self._below[f"{place}Parent{sampled}"]
        result: SamplingResult = asked.should_sample(
            parent_context, trace_id, name, *args, **kwargs
        )
        return result

    def get_description(self) -> str:
        """Names the sampler as the specification does.

        Returns:
            `ParentBased{root:…}`.
        """
        below = [f"{name}:{each.get_description()}" for name, each in self._below.items()]
        return f"ParentBased{{root:{','.join([self._root.get_description(), *below])}}}"


class _CountingSampler(Sampler):
    """Decides about traces that begin here, by a sampler of the recorder; children follow."""

    def __init__(self, recorders: _native.Sampler) -> None:
        self._recorders = recorders

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_args: Any, **_kwargs: Any
    ) -> SamplingResult:
        """Asks the recorder's sampler, for a sampler of somebody else's.

        Args:
            parent_context: The context that the span starts in, with its parent if it has one.
            trace_id: The id of the trace.
            name: The name of the span.

        Returns:
            The decision.
        """
        if parent := _parent(parent_context):
            return _result(parent.trace_flags.sampled)
        return _result(self._recorders.keeps(trace_id))


class RateLimitedSampler(_CountingSampler):
    """At most so many new traces a second; children follow their parents."""

    def __init__(self, max_traces_per_second: float = 100) -> None:
        """Chooses the limit.

        Args:
            max_traces_per_second: How many traces start in a second at most; a part of one is one.

        Raises:
            ValueError: The limit is below zero.
        """
        super().__init__(_native.Sampler.rate_limited(_count(max_traces_per_second)))


class AdaptiveSampler(_CountingSampler):
    """A share of traces that follows the load, so that about as many are kept every minute."""

    def __init__(
        self,
        min_rate: float = 0.01,
        max_rate: float = 1.0,
        target_traces_per_minute: float = 1000,
    ) -> None:
        """Chooses the target.

        Args:
            min_rate: The share that is kept at least.
            max_rate: The share that is kept at most.
            target_traces_per_minute: How many traces are to be kept in a minute.

        Raises:
            ValueError: A share is outside of 0.0 to 1.0, the least is above the most, or the target
                below zero.
        """
        target, least, most = _count(target_traces_per_minute), _ratio(min_rate), _ratio(max_rate)
        if least > most:
            raise ValueError(f"min_rate: expected at most {most}, the max_rate, not {least}")
        super().__init__(_native.Sampler.adaptive(target, least, most))


class ErrorAlwaysSampler(_CountingSampler):
    """Every trace in which something fails, and a share of the others.

    That is known when a trace has ended: until then its spans wait in memory. A sampler of somebody
    else's that asks this one is told to keep everything.
    """

    def __init__(self, success_rate: float = 0.1) -> None:
        """Chooses the share.

        Args:
            success_rate: Which share of the traces without a failure is kept, 0.0 to 1.0.

        Raises:
            ValueError: The share is outside of this range.
        """
        super().__init__(_native.Sampler.error_always(_ratio(success_rate)))


# The part of a trace's id by which it is kept, in every process the same.
_RANDOM_PART = (1 << 56) - 1


def _result(keep: bool) -> SamplingResult:
    return SamplingResult(Decision.RECORD_AND_SAMPLE if keep else Decision.DROP)


def _ratio(rate: object) -> float:
    number = _number(rate)
    if not 0.0 <= number <= 1.0:
        raise ValueError("Probability must be in range [0.0, 1.0].")
    return number


def _count(count: object) -> int:
    number = _number(count)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"expected a number from 0 to {(1 << 32) - 1}, not {count!r}")
    return math.ceil(number)


def _number(number: object) -> float:
    try:
        return float(number)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a number, not {number!r}") from None


def _parent(parent_context: Any) -> trace.SpanContext | None:
    if parent_context is None:
        return None
    parent = trace.get_current_span(parent_context).get_span_context()
    return parent if parent.is_valid else None


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
            vars(module).update({name: getattr(here, name) for name in __all__})


def stand_in_for_sdk() -> None:
    """Makes `opentelemetry.sdk.trace.sampling` importable where the SDK is not installed."""
    if importlib.util.find_spec(_SDK) is None:
        sys.meta_path.append(_StandIn())
