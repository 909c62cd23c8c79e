"""Calls of compiled functions as an earlier run, or a wheel, has them: without numba.

Such a function is kept for the types that it was called with, beside the rest (`native_functions`),
if it needs nothing from outside: it neither allocates nor raises. All others are numba's affair, as
are functions of a user's own file, and arguments of which not everything is known here.
"""

import ctypes
import hashlib
import json
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mttcg.instrument.loading.plugin_modules import is_of_plugin
from mttcg.instrument.native.native_cache import digest_of, sources_digest, use_native_cache
from mttcg.instrument.native.native_functions import kept_or_made, linked_code
from mttcg.instrument.native.native_host import made_for
from mttcg.memory.host import address_of_array
from mttcg.native.loaded_code import map_code

NOT_KEPT = b"\n"
"""In the place of code that can't be kept, so that no later run tries again."""
MASK = (1 << 64) - 1
WORDS = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
TO_PYTHON: dict[str, Callable[[int], Any]] = {
    "int64": lambda word: word - (word >> 63 << 64),
    "uint64": int,
    "boolean": bool,
}


class Given(NamedTuple):
    """Arguments: what tells their types from others, and their values as words."""

    types: str
    words: list[int]


def given_of(value: Any) -> Given | None:
    """An argument; None if it is of a kind that is left to numba.

    An array is an address and its sizes, a tuple what is in it.
    """
    kind = type(value)
    if kind is bool:
        return Given("bool", [value])
    if kind is int:
        return Given("int", [value & MASK]) if -(1 << 63) <= value < 1 << 63 else None
    if kind is np.ndarray:
        flags = value.flags
        if not (flags.c_contiguous and flags.aligned and value.ndim) or value.dtype.hasobject:
            return None
        types = f"{layout_of(value.dtype)}[{value.ndim}]{'w' if flags.writeable else 'r'}"
        return Given(types, [address_of_array(value), *value.shape])
    if isinstance(value, np.generic):
        known = value.dtype.kind in "iu" and value.dtype.isnative
        return Given(value.dtype.str, [int(value) & MASK]) if known else None
    return given_tuple(value) if kind is tuple else None


def given_tuple(values: tuple[Any, ...]) -> Given | None:
    """As `given_of`, of all that a tuple has."""
    types, words = [], list[int]()
    for value in values:
        one = given_of(value)
        if one is None:
            return None
        types.append(one.types)
        words += one.words
    return Given(f"({','.join(types)})", words)


@lru_cache(maxsize=256)
def layout_of(dtype: "np.dtype[Any]") -> str:
    """All that code depends on of an array's type."""
    if dtype.subdtype is not None:
        return f"{layout_of(dtype.subdtype[0])}{dtype.subdtype[1]}"
    if dtype.fields is None:
        return dtype.str
    fields = [f"{name}:{layout_of(of[0])}@{of[1]}" for name, of in dtype.fields.items()]
    return f"{{{';'.join(fields)}}}{dtype.itemsize}{'a' if dtype.isalignedstruct else ''}"


class KeptCalls:
    """The kept code of one function, by the types of its arguments.

    Args:
        function: the user's.
        native: gives what numba makes of it; loads numba.
    """

    def __init__(self, function: Callable[..., Any], native: Callable[[], Any]) -> None:
        self.function, self.native = function, native
        self.known: dict[str, Callable[[list[int]], Any] | None] = {}
        self.package = package_of(function.__module__)

    def find(self, arguments: tuple[Any, ...]) -> Callable[[], Any] | None:
        """The call with these arguments, which have to live until it was made; None: numba's."""
        given = given_tuple(arguments) if self.package is not None else None
        if given is None:
            return None
        if given.types not in self.known:
            self.known[given.types] = self._load(given.types, arguments)
        run = self.known[given.types]
        return None if run is None else lambda: run(given.words)

    def _load(self, types: str, arguments: tuple[Any, ...]) -> Callable[[list[int]], Any] | None:
        from_here = kept_or_made(self._file(types), lambda: self._make(arguments))
        if from_here is None or from_here == NOT_KEPT:
            return None
        header, _, code = from_here.partition(b"\n")
        writable_at, places = json.loads(header)
        ((returned, at),) = places.items()
        return caller(WORDS(map_code(code, writable_at) + at), returned.split())

    def _file(self, types: str) -> Path:
        """Where the code is kept, for this state of all that it may be made from."""
        assert self.package is not None
        name = f"{self.function.__module__}.{self.function.__qualname__}"
        made = f"{types} {digest_of(*sorted(self.package.rglob('*.py')))} {sources_digest()}"
        digest = hashlib.blake2b(made.encode(), digest_size=8).hexdigest()
        return use_native_cache() / f"{name}-{digest}-{made_for()}.call"

    def _make(self, arguments: tuple[Any, ...]) -> bytes:
        from mttcg.instrument.native.linked_call import call_with_words

        made = call_with_words(self.native(), arguments)
        return (linked_code(made) if made else None) or NOT_KEPT


def package_of(module: str) -> Path | None:
    """The folder of the package that a module is of; None if it is of a user's own file."""
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None)
    if is_of_plugin(module) or file is None or Path(file).name != "__init__.py":
        return None
    return Path(file).parent


def caller(function: Any, returned: list[str]) -> Callable[[list[int]], Any]:
    """What calls a function with words, and gives what it returned, of these types."""
    tuple_of = returned[0] == "tuple"
    back = [TO_PYTHON[name] for name in returned[1:]]

    def run(words: list[int]) -> Any:
        out = (ctypes.c_uint64 * max(len(back), 1))()
        function((ctypes.c_uint64 * len(words))(*words), out)
        values = tuple(make(word) for make, word in zip(back, out, strict=False))
        return values if tuple_of else values[0] if values else None

    return run
