"""Helpers that only tell telemetry something never raise into the program that tells it."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")

_logger = logging.getLogger("continuum.observability")


def harmless(function: Callable[P, None]) -> Callable[P, None]:
    """Has a helper give up where it would raise, which is said at level DEBUG.

    Args:
        function: The helper.

    Returns:
        The helper with the same name and signature.
    """

    @functools.wraps(function)
    def helper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception:
            _logger.debug("%s has recorded nothing", function.__qualname__, exc_info=True)

    return helper
