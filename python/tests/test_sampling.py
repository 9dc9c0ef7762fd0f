"""The package's samplers: run by the recorder, and asked by samplers of others."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision as SdkDecision
from opentelemetry.sdk.trace.sampling import ParentBased as SdkParentBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags
from receiver import Recorded

from continuum.observability import get_tracer, init_telemetry, sampling
from continuum.observability.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    AdaptiveSampler,
    Decision,
    ErrorAlwaysSampler,
    ParentBased,
    RateLimitedSampler,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

tracer = get_tracer(__name__)


def record(count: int) -> None:
    for _ in range(count):
        with tracer.start_as_current_span("root"), tracer.start_as_current_span("child"):
            pass


def fail() -> None:
    with tracer.start_as_current_span("failed") as span:
        span.set_status(Status(StatusCode.ERROR, "late"))


def parent(*, sampled: bool, remote: bool = True) -> Any:
    context = SpanContext(7, 8, is_remote=remote, trace_flags=TraceFlags(int(sampled)))
    return trace.set_span_in_context(NonRecordingSpan(context))


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sampler is asked in Python."""

    def should_sample(*_args: Any, **_kwargs: Any) -> SamplingResult:
        raise AssertionError

    for kind in (sampling._CountingSampler, ParentBased, SdkParentBased):
        monkeypatch.setattr(kind, "should_sample", should_sample)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("wrapped", [lambda sampler: sampler, ParentBased, SdkParentBased])
def test_errors_are_always_kept(
    start: Callable[..., Recorded], wrapped: Callable[[Any], Any]
) -> None:
    recorded = start(sampler=wrapped(ErrorAlwaysSampler(success_rate=0.0)))
    record(5)
    fail()
    assert recorded.tree() == "failed"
    init_telemetry(sampler=wrapped(ErrorAlwaysSampler(success_rate=1.0)))
    record(1)
    assert recorded.tree() == "failed\nroot\n  child"


@pytest.mark.usefixtures("unasked")
def test_errors_are_kept_from_a_later_call_on(start: Callable[..., Recorded]) -> None:
    recorded = start(sampler=ALWAYS_OFF)
    fail()
    init_telemetry(sampler=ErrorAlwaysSampler(success_rate=0.0))
    record(5)
    fail()
    assert recorded.tree() == "failed"


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("wrapped", [lambda sampler: sampler, ParentBased, SdkParentBased])
def test_so_many_traces_a_second_are_kept_as_a_whole(
    start: Callable[..., Recorded], wrapped: Callable[[Any], Any]
) -> None:
    recorded = start(sampler=wrapped(RateLimitedSampler(2)))
    record(1_000)
    names = [span.name for span in recorded.spans()]
    assert names.count("root") == names.count("child")
    assert 2 <= names.count("root") < 1_000


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(("rate", "kept"), [(0.0, 0), (1.0, 20)])
def test_the_share_stays_within_its_bounds(
    start: Callable[..., Recorded], rate: float, kept: int
) -> None:
    recorded = start(sampler=AdaptiveSampler(rate, rate, 10))
    record(20)
    tracer.start_span("elsewhere", context=parent(sampled=True)).end()
    names = [span.name for span in recorded.spans()]
    assert (names.count("root"), names.count("elsewhere")) == (kept, 1)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (RateLimitedSampler, -1),
        (RateLimitedSampler, float("inf")),
        (AdaptiveSampler, 1.5),
        (ErrorAlwaysSampler, -0.1),
        (TraceIdRatioBased, float("nan")),
        (TraceIdRatioBased, "half"),
        (RateLimitedSampler, None),
        (lambda least: AdaptiveSampler(least, 0.1), 0.9),
    ],
)
def test_a_sampler_of_nonsense_is_refused(make: Callable[[Any], Sampler], argument: object) -> None:
    with pytest.raises(ValueError, match=r"range|from 0|expected a"):
        make(argument)


def decided(sampler: Any, context: Any, trace_id: int = 1) -> Decision:
    result = sampler.should_sample(context, trace_id, "name")
    return Decision(result.decision.value)


def test_samplers_of_others_may_ask() -> None:
    keep, drop = Decision.RECORD_AND_SAMPLE, Decision.DROP
    least, most = 0, (1 << 56) - 1
    half = TraceIdRatioBased(0.5)
    assert [decided(half, None, number) for number in (least, most)] == [drop, keep]
    assert decided(TraceIdRatioBased(1.0), None, least) is keep
    assert decided(TraceIdRatioBased(0.0), None, most) is drop
    limited = RateLimitedSampler(0.5)
    assert [decided(limited, None) for _ in range(2)] == [keep, drop]
    assert [decided(limited, parent(sampled=sampled)) for sampled in (True, False)] == [keep, drop]
    assert decided(ErrorAlwaysSampler(0.0), None) is keep
    outer = SdkParentBased(ALWAYS_OFF, remote_parent_sampled=half)  # type: ignore[arg-type]
    assert outer.should_sample(parent(sampled=True), most, "name").decision.value == keep.value
    assert SdkDecision.DROP.value == drop.value


def test_each_kind_of_parent_may_have_a_sampler(start: Callable[..., Recorded]) -> None:
    sampler = ParentBased(
        ALWAYS_ON,
        remote_parent_sampled=ALWAYS_OFF,
        remote_parent_not_sampled=ALWAYS_ON,
        local_parent_sampled=ALWAYS_ON,
        local_parent_not_sampled=ALWAYS_OFF,
    )
    recorded = start(sampler=sampler)
    tracer.start_span("root").end()
    for sampled in (True, False):
        for remote in (True, False):
            name = f"{'remote' if remote else 'local'} {'kept' if sampled else 'left'}"
            tracer.start_span(name, context=parent(sampled=sampled, remote=remote)).end()
    assert recorded.tree() == "root\nlocal kept\nremote left"


class Chosen(Sampler):
    """Keeps one name, and what carries a certain baggage."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_args: Any, **_kwargs: Any
    ) -> SamplingResult:
        keep = name == "outer" or baggage.get_baggage("vip", parent_context) == "1"
        return SamplingResult(Decision.RECORD_AND_SAMPLE if keep else Decision.DROP)


def test_a_sampler_in_python_sees_the_context_that_the_span_starts_in(
    start: Callable[..., Recorded],
) -> None:
    recorded = start(sampler=SdkParentBased(Chosen()))  # type: ignore[arg-type]
    with tracer.start_as_current_span("outer"):
        tracer.start_span("inner").end()
        # A root, though there is a current span.
        tracer.start_span("root", context=Context()).end()
    tracer.start_span("vip", context=baggage.set_baggage("vip", "1", Context())).end()
    assert recorded.tree() == "outer\n  inner\nvip"


class Named(RateLimitedSampler):
    """Decides for itself."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_args: Any, **_kwargs: Any
    ) -> SamplingResult:
        return SamplingResult(Decision.DROP if name == "health" else Decision.RECORD_AND_SAMPLE)


class StaticSampler(Sampler):
    """Has the name of one of the SDK's."""

    _decision = Decision.DROP

    def should_sample(self, *_args: Any, **_kwargs: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_AND_SAMPLE)


@pytest.mark.parametrize(
    ("sampler", "kept"),
    [
        (Named(100), "recall"),
        (StaticSampler(), "health\nrecall"),
        (sampling.StaticSampler(Decision.RECORD_ONLY), ""),
        (sampling.StaticSampler(Decision.RECORD_AND_SAMPLE), "health\nrecall"),
    ],
)
def test_what_a_sampler_itself_decides_counts(
    start: Callable[..., Recorded], sampler: Sampler, kept: str
) -> None:
    recorded = start(sampler=sampler)
    for name in ("health", "recall"):
        tracer.start_span(name).end()
    assert recorded.tree() == kept
