"""Logs that know their trace: ids in every record, and warnings as events of the span.

Built on the standard library's logging; nothing changes until `setup_logging` is called.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from continuum.observability import _native, _settings
from continuum.observability._core import get_current_span
from continuum.observability._guard import harmless

__all__ = ["create_logger", "get_logger", "log_exception", "log_with_context", "setup_logging"]

_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(trace_id)s %(span_id)s] %(message)s"
_UNCORRELATED = "%(asctime)s %(levelname)s %(name)s %(message)s"

# What every record has, and what therefore is no field of the caller's.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


_IDS = ("trace_id", "span_id")


def _is_correlated() -> bool:
    return _settings.is_on("OTEL_LOG_CORRELATION")


class _Correlation(logging.Filter):
    """Adds the ids of the current span to each record that does not say its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        ids = _native.current_ids() or ("", "")
        for name, value in zip(_IDS, ids, strict=False):
            vars(record).setdefault(name, value)
        return True


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(
            (name, value)
            for name, value in vars(record).items()
            if name not in _STANDARD and (value or name not in _IDS)
        )
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _json(line)


def _json(line: dict[str, Any]) -> str:
    """Writes a line, with a field as text that JSON has no form for."""
    try:
        return json.dumps(line, default=str, allow_nan=False)
    except Exception:
        return json.dumps({name: _field(value) for name, value in line.items()})


def _field(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
        return value
    except Exception:
        try:
            return str(value)
        except Exception:
            return f"<{type(value).__name__}>"


class _SpanEvents(logging.Handler):
    """Adds an event `log.<level>` to the current span, from WARNING on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            attributes = {"log.message": record.getMessage(), "log.logger": record.name}
            get_current_span().add_event(f"log.{record.levelname.lower()}", attributes)
        except Exception:
            self.handleError(record)


def setup_logging(
    level: str | int = "INFO", json_output: bool = False, add_span_events: bool = True
) -> None:
    """Sets the root logger up: format, ids of the current span, warnings as events of the span.

    Called again, it replaces what it set up before; handlers of others stay. The ids are left out
    with `OTEL_LOG_CORRELATION=false`.

    Args:
        level: The least level that is logged.
        json_output: Whether to print one JSON object a line.
        add_span_events: Whether records from WARNING on become events of the current span.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if getattr(handler, "continuum", False)]:
        root.removeHandler(handler)
    output = logging.StreamHandler()
    correlated = _is_correlated()
    text = logging.Formatter(_FORMAT if correlated else _UNCORRELATED)
    output.setFormatter(_JsonFormatter() if json_output else text)
    if correlated:
        output.addFilter(_Correlation())
    handlers: list[logging.Handler] = [output]
    if add_span_events:
        handlers.append(_SpanEvents())
    for handler in handlers:
        vars(handler)["continuum"] = True
        root.addHandler(handler)
    root.setLevel(level.upper() if isinstance(level, str) else level)


def get_logger(name: str) -> logging.Logger:
    """Gives a logger of the standard library.

    Args:
        name: Its name, usually `__name__`.

    Returns:
        The logger.
    """
    return logging.getLogger(name)


def create_logger(name: str) -> logging.Logger:
    """Gives a logger of the standard library whose records know their trace.

    Args:
        name: Its name, usually `__name__`.

    Returns:
        The logger; its records have `trace_id` and `span_id`, whatever handler prints them, unless
        `OTEL_LOG_CORRELATION=false` says otherwise.
    """
    logger = logging.getLogger(name)
    if _is_correlated() and not any(isinstance(known, _Correlation) for known in logger.filters):
        logger.addFilter(_Correlation())
    return logger


@harmless
def log_with_context(logger: logging.Logger, level: str | int, message: str, **fields: Any) -> None:
    """Logs a message with fields, and with the ids of the current span.

    Args:
        logger: Where to.
        level: As a name or a number.
        message: The text; values belong into the fields.
        fields: What the record has besides; `field_` goes before a name that every record has.
    """
    number = logging.getLevelName(level.upper()) if isinstance(level, str) else level
    ids = _native.current_ids() if _is_correlated() else None
    extra = dict(zip(_IDS, ids or (), strict=False)) | _beside_standard(fields)
    logger.log(number if isinstance(number, int) else logging.INFO, message, extra=extra)


def _beside_standard(fields: dict[str, Any]) -> dict[str, Any]:
    """Renames fields that a record would refuse."""
    return {f"field_{key}" if key in _STANDARD else key: fields[key] for key in fields}


@harmless
def log_exception(
    logger: logging.Logger, message: str, exception: BaseException | None = None, **fields: Any
) -> None:
    """Logs an exception as an error, and records it on the current span.

    Args:
        logger: Where to.
        message: The text.
        exception: The one being handled otherwise.
        fields: As of `log_with_context`.
    """
    if exception is None:
        exception = sys.exc_info()[1]
    logger.error(message, exc_info=exception, extra=_beside_standard(fields))
    if exception is not None:
        get_current_span().record_exception(exception)
