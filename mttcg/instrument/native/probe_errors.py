"""Why a probe can't be compiled, in one line: numba's own messages take many."""

import inspect
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

from mttcg.instrument.errors import ProbeError

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What makes text bold or coloured on a terminal: ECMA-48, SGR."""
_PLACE = re.compile(r'File "([^"]*)", line (\d+):')
_NO_REASON = "Failed in nopython mode pipeline"


def check_arguments(function: Callable[..., Any], expected: str) -> FunctionType:
    """The probe's function; ProbeError unless it takes as many arguments as expected.

    Args:
        function: the probe's function.
        expected: names of the arguments, with commas.
    """
    if not isinstance(function, FunctionType):
        raise ProbeError(repr(function), "no file", "it is no Python function")
    taken = ", ".join(inspect.signature(function).parameters)
    if taken.count(",") != expected.count(",") or not taken:
        raise _error(function, f"it takes ({taken}); expected ({expected})", None)
    return function


def probe_error(function: FunctionType, error: Exception) -> ProbeError:
    """The error to raise for what numba raised while it compiled a probe."""
    text = _STYLE.sub("", str(error)).partition(". Raised from")[0]
    lines = [line.strip().removeprefix(">>> ") for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(_NO_REASON)]
    reason = said[0] if said else type(error).__name__
    if reason.endswith(":") and len(said) > 1:
        reason = f"{reason} {said[1]}"
    place = _PLACE.search(text)
    inside = place and place[1].endswith(function.__code__.co_filename.rpartition("/")[2])
    return _error(function, reason, int(place[2]) if place and inside else None)


def _error(function: FunctionType, reason: str, line: int | None) -> ProbeError:
    code = function.__code__
    place = f"{code.co_filename}:{line or code.co_firstlineno}"
    return ProbeError(function.__name__, place, reason)
