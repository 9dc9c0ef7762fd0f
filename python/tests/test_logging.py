"""Logs with the ids of the current span, and warnings as events of it."""

import json
import logging as standard
from collections.abc import Iterator

import pytest
from receiver import Recorded

from continuum.observability import get_tracer, logging
from continuum.observability.context import get_span_id, get_trace_id

tracer = get_tracer(__name__)


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = standard.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def test_every_line_has_the_ids_of_its_span(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.setup_logging("info")
    logger = logging.get_logger("app")
    logger.info("outside")
    logger.debug("not shown")
    with tracer.start_as_current_span("work"):
        logger.info("inside %s", 1)
        ids = f"[{get_trace_id()} {get_span_id()}] inside 1"
    outside, inside = capsys.readouterr().err.splitlines()
    assert outside.endswith("INFO app [ ] outside")
    assert inside.endswith(ids)


def test_json_lines_have_fields(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    logging.setup_logging("INFO", json_output=True)
    logger = logging.create_logger("app")
    with tracer.start_as_current_span("work"):
        logging.log_with_context(logger, "INFO", "learned", concepts=3, path=object)
        trace_id = get_trace_id()
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["concepts"], line["trace_id"]) == ("learned", 3, trace_id)


def test_fields_that_say_nothing_or_no_are_fields_too(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.setup_logging("INFO", json_output=True)
    logger = logging.create_logger("app")
    logging.log_with_context(logger, "INFO", "looked", concepts=0, hit=False, name="x")
    logger.info("foreign", extra={"trace_id": "abc"})
    looked, foreign = map(json.loads, capsys.readouterr().err.splitlines())
    assert (looked["concepts"], looked["hit"], looked["field_name"]) == (0, False, "x")
    assert "trace_id" not in looked
    assert foreign["trace_id"] == "abc"


def test_the_exception_that_is_being_handled_is_recorded(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.setup_logging(add_span_events=False)
    logger = logging.get_logger("app")
    with tracer.start_as_current_span("work"):
        try:
            raise ValueError("no")
        except ValueError:
            logging.log_exception(logger, "failed")
        logging.log_exception(logger, "nothing")
    (event,) = recorded.named("work").events
    assert event.attributes["exception.message"] == "no"
    failed, nothing = capsys.readouterr().err.split("nothing")
    assert "ValueError: no" in failed
    assert nothing == "\n"


def test_warnings_become_events_of_the_span(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.setup_logging()
    logging.setup_logging()
    logger = logging.get_logger("app")
    with tracer.start_as_current_span("work"):
        logger.info("fine")
        logger.warning("slow")
        try:
            raise ValueError("no")
        except ValueError as error:
            logging.log_exception(logger, "failed", error)
    span = recorded.named("work")
    assert span.event_names() == ["log.warning", "log.error", "exception"]
    assert span.events[0].attributes == {"log.message": "slow", "log.logger": "app"}
    assert capsys.readouterr().err.count("slow") == 1


def test_the_ids_can_be_left_out(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_LOG_CORRELATION", "false")
    logging.setup_logging()
    with tracer.start_as_current_span("work"):
        logging.get_logger("app").info("inside")
    assert capsys.readouterr().err.endswith("INFO app inside\n")
    logging.setup_logging(json_output=True)
    with tracer.start_as_current_span("work"):
        logging.log_with_context(logging.get_logger("plain"), "INFO", "by the helper")
        logging.create_logger("uncorrelated").info("by the logger")
    assert "trace_id" not in capsys.readouterr().err


def test_a_line_is_json_whatever_its_fields_are(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError

    circle: list[object] = []
    circle.append(circle)
    logging.setup_logging(json_output=True)
    logger = logging.get_logger("app")
    logger.info("odd", extra={"circle": circle, "silent": Silent(), "hit": True})
    logger.info("none", extra={"ratio": float("nan")})
    odd, none = [
        json.loads(line, parse_constant=pytest.fail)
        for line in capsys.readouterr().err.splitlines()
    ]
    assert (odd["message"], odd["circle"], odd["hit"]) == ("odd", "[[...]]", True)
    assert odd["silent"] == "<Silent>"
    assert none["ratio"] == "nan"
