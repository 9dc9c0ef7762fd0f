"""The table of the benchmark beside other tracers: ratios, goals, and whether they are met."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

REPORT = Path(__file__).parents[2] / "benchmarks/python-peers/report.py"


@pytest.fixture
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report", REPORT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_row_says_how_it_compares_and_whether_it_meets_its_goal(report: ModuleType) -> None:
    samples = {
        "span with 4 attributes": {
            "continuum": [1_000, 1_500, 3_000],
            "opentelemetry": [30_000] * 3,
            "ddtrace": [45_000] * 3,
        },
        "trace_recall": {"continuum": [3_001]},
        report.LOST: {"continuum": [0], "opentelemetry": [5_800]},
    }
    rows = report.rows(samples)
    assert [row["met"] for row in rows] == [True, False, True]
    assert rows[0]["ratios"] == {"opentelemetry": 20, "ddtrace": 30}
    absent = report.ABSENT
    _, _, span, recall, lost = report.table(rows)
    assert span.endswith(
        "| 1,000 / 1,500 ns | 30,000 ns | 45,000 ns | 20.0 | 30.0 | <= 2,000 ns | yes |"
    )
    assert recall.endswith(
        f"| 3,001 ns | {absent} | {absent} | {absent} | {absent} | <= 3,000 ns | no |"
    )
    assert lost.endswith(
        f"| 0 spans | 5,800 spans | {absent} | {absent} | {absent} | <= 0 spans | yes |"
    )


def test_a_single_span_that_is_lost_fails_the_goal(report: ModuleType) -> None:
    (row,) = report.rows({report.LOST: {"continuum": [1]}})
    assert not row["met"]
    assert "| 1 spans |" in list(report.table([row]))[-1]


def test_a_peer_that_measured_nothing_meets_no_goal(report: ModuleType) -> None:
    (row,) = report.rows({"decorator, sync": {"opentelemetry": [1.0]}})
    assert (row["met"], row["ratios"]) == (False, {})
