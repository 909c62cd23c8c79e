"""Loops over records, for aggregators: Python that runs as native code."""

import dis
from collections.abc import Callable
from functools import cache, wraps
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from mttcg.instrument.loading.plugin_modules import beside_digest
from mttcg.instrument.native.native_cache import use_native_cache

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; what was compiled once is found again later.

    It takes numpy arrays (batches of records as well) and numbers, and keeps to the subset of
    Python that numba compiles without Python objects. It may call others of its module that are
    `compiled`. Nothing heavy is loaded before the first call, so a plugin stays quick to import.

    Raises numba's TypingError, at the call, for what is outside of that subset.
    """

    @cache
    def native() -> Any:
        kept = use_native_cache()
        from numba import config, njit

        plain = _among_natives(function)
        # numba sees that the function's file has changed, but not those beside it
        config.CACHE_DIR = str(kept / beside_digest(function.__module__))
        try:
            return njit(cache=True, nogil=True)(plain)
        finally:
            config.CACHE_DIR = str(kept)

    @wraps(function)
    def call(*arguments: P.args, **keywords: P.kwargs) -> R:
        result: R = native()(*arguments, **keywords)
        return result

    setattr(call, NATIVE, native)
    return call


NATIVE = "native"
"""Attribute of a compiled function: gives what numba made of it."""


def _among_natives(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its compiled neighbours as numba has them."""
    if not isinstance(function, FunctionType):
        return function
    known = function.__globals__
    used = {i.argval for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL"}
    names = [name for name in sorted(used) if hasattr(known.get(name), NATIVE)]
    neighbours = {name: getattr(known[name], NATIVE)() for name in names}
    if not neighbours:
        return function
    among = FunctionType(function.__code__, {**known, **neighbours}, function.__name__)
    among.__qualname__, among.__module__ = function.__qualname__, function.__module__
    return among
