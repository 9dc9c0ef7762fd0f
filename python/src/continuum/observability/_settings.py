"""The variables that concern Python alone: those of logs and metrics.

All others are read by the recorder. What `init_telemetry(config=...)` says wins over the
environment.
"""

import logging
import os
from collections.abc import Mapping

_logger = logging.getLogger("continuum.observability")
_given: dict[str, str] = {}
_warned: set[tuple[str, str]] = set()


def keep(variables: Mapping[str, str]) -> None:
    """Remembers what was given besides the environment.

    Args:
        variables: Values by the name of the variable.
    """
    _given.clear()
    _given.update(variables)


def get(name: str) -> str:
    """Gives the value of a variable.

    Args:
        name: Its name.

    Returns:
        The value; empty where it is not set.
    """
    return _given.get(name) or os.environ.get(name, "")


def is_on(name: str) -> bool:
    """Tells whether a switch that is on by default was left on.

    Args:
        name: The name of the variable.

    Returns:
        `False` for `false` in any case; anything but `true` and `false` is warned of once.
    """
    value = get(name).strip().lower()
    if value not in ("", "true", "false") and (name, value) not in _warned:
        _warned.add((name, value))
        _logger.warning(
            "%s is %r, which is neither true nor false: it is taken as true", name, value
        )
    return value != "false"
