"""Loops over records, for aggregators: Python that runs as native code."""

import dis
import hashlib
import sys
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from mttcg.instrument.loading.plugin_modules import beside_digest
from mttcg.instrument.native.kept_calls import KeptCalls
from mttcg.instrument.native.native_cache import use_native_cache
from mttcg.instrument.native.progress import tell_of_compiling

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; what was compiled once is found again later.

    It takes numpy arrays (batches of records as well) and numbers, and keeps to the subset of
    Python that numba compiles without Python objects. It may call others that are `compiled`, of
    its module or imported by name. Nothing heavy is loaded before the first call, so a plugin stays
    quick to import.

    Raises numba's TypingError, at the call, for what is outside of that subset.
    """

    @cache
    def native() -> Any:
        kept = use_native_cache()
        from numba import config, njit

        tell_of_compiling()
        plain = _among_natives(function)
        # numba sees that the function's file has changed, but not those beside it, nor others
        beside, others = beside_digest(function.__module__), _others_digest(function)
        config.CACHE_DIR = str(kept / f"{beside}{others}")
        try:
            return njit(cache=True, nogil=True)(plain)
        finally:
            config.CACHE_DIR = str(kept)

    calls = KeptCalls(function, native)

    @wraps(function)
    def call(*arguments: P.args, **keywords: P.kwargs) -> R:
        kept = None if keywords else calls.find(arguments)
        result: R = native()(*arguments, **keywords) if kept is None else kept()
        return result

    setattr(call, NATIVE, native)
    return call


NATIVE = "native"
"""Attribute of a compiled function: gives what numba made of it."""


def _neighbours(function: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """The compiled functions that a function calls, by the names that it has for them."""
    known = getattr(function, "__globals__", {})
    used = {i.argval for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL"}
    return {name: known[name] for name in sorted(used) if hasattr(known.get(name), NATIVE)}


def _others_digest(function: Callable[..., Any]) -> str:
    """The state of the files of other modules that a function's neighbours are in; "" without."""
    others = {call.__module__ for call in _neighbours(function).values()} - {function.__module__}
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(others):
        digest.update(Path(sys.modules[name].__file__ or "").read_bytes())
    return digest.hexdigest() if others else ""


def _among_natives(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its compiled neighbours as numba has them."""
    neighbours = {name: getattr(call, NATIVE)() for name, call in _neighbours(function).items()}
    if not neighbours or not isinstance(function, FunctionType):
        return function
    known = function.__globals__
    among = FunctionType(function.__code__, {**known, **neighbours}, function.__name__)
    among.__qualname__, among.__module__ = function.__qualname__, function.__module__
    return among
