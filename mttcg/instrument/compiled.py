"""Loops over records, for aggregators: Python that runs as native code."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from mttcg.instrument.native_cache import use_native_cache

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; what was compiled once is found again later.

    It takes numpy arrays (batches of records as well) and numbers, and keeps to the subset of
    Python that numba compiles without Python objects. Nothing heavy is loaded before that call, so
    a plugin stays quick to import.

    Raises numba's TypingError, at the call, for what is outside of that subset.
    """

    @cache
    def native() -> Any:
        use_native_cache()
        from numba import njit

        return njit(cache=True, nogil=True)(function)

    @wraps(function)
    def call(*arguments: P.args, **keywords: P.kwargs) -> R:
        result: R = native()(*arguments, **keywords)
        return result

    return call
