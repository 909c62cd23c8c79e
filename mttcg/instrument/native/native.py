"""Operations that translated code calls: counts and probes.

Each is `void f(data, a, b, c, d, e)` (see `plan.Operation`), made by numba. Loaded in the vCPU
host process only.
"""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

from mttcg.instrument.api.changes import Where
from mttcg.instrument.errors import ProbeError
from mttcg.instrument.events import WRITE
from mttcg.instrument.native.probe_errors import check_arguments, probe_error
from mttcg.instrument.native.probe_key import content_of
from mttcg.instrument.native.probe_stores import check_stores
from mttcg.native import host

U64 = np.uint64
SIGNATURE = types.void(*[types.uint64] * 6)
CONDITION = types.uint64(*[types.uint64] * 6)

PROBE_ARGUMENTS = {
    Where.BLOCK: "cpu, pc, instructions",
    Where.INSTRUCTION: "cpu, pc",
    Where.ACCESS: "cpu, pc, address, size, value, write",
}


_compiled: dict[tuple[Hashable, Where, bool], Any] = {}
"""Every probe that was compiled, by content: numba can't let go of one."""


@intrinsic
def _as_pointer(_context: Any, address: Any) -> Any:
    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.uint64), build


@cfunc(types.uint64())
def read_clock():
    """The clock of timed records, now."""
    return host.clock_after()


@cfunc(SIGNATURE)
def count_one(data, _a, _b, _c, _d, _e):
    """Add one to the word at `data`, which this vCPU alone writes."""
    host.store64(data, host.load64(data) + U64(1))


@cfunc(SIGNATURE)
def count_in_table(data, _pc, _instructions, slot, half, _e):
    """Add one to a block's word in the table at `data`, which this vCPU alone writes."""
    place = data + ((slot << U64(11)) + half) * U64(8)
    host.store64(place, host.load64(place) + U64(1))


@njit(cache=True)
def _words(data):
    """The declared words that a probe's data (cpu, address, count) points to."""
    place = _as_pointer(host.read64(data + U64(8)))
    return carray(place, (host.read64(data + U64(16)),), np.uint64)


def compile_probe(function: Callable[..., Any], where: Where, answers: bool = False) -> Any:
    """Compile a probe for where it is attached; the result has the `address` to call.

    With `answers` it is a condition, `uint64 f(data, a, b, c, d, e)`. Its data is three words: the
    vCPU's index, the address and number of its words. One of equal content is compiled once.
    Raises ProbeError for a function outside of numba's subset, and for one that stores a
    floating-point number among its words.
    """
    checked = check_arguments(function, f"{PROBE_ARGUMENTS[where]}, words")
    key = content_of(checked), where, answers
    try:
        if key not in _compiled:
            inner = njit(error_model="numpy")(checked)
            compiled = (_compile_condition if answers else _compile)(inner, where)
            check_stores(inner, checked)
            _compiled[key] = compiled
        return _compiled[key]
    except ProbeError:
        raise
    except Exception as error:  # numba's errors have no root of their own
        raise probe_error(checked, error) from error


def _compile(inner, where):
    """A C function around a compiled probe, which takes what operations are given."""
    if where is Where.BLOCK:

        @cfunc(SIGNATURE)
        def operation(data, a, b, _c, _d, _e):
            inner(host.read64(data), a, b, _words(data))

    elif where is Where.INSTRUCTION:

        @cfunc(SIGNATURE)
        def operation(data, a, _b, _c, _d, _e):
            inner(host.read64(data), a, _words(data))

    else:

        @cfunc(SIGNATURE)
        def operation(data, a, b, c, d, e):
            inner(host.read64(data), a, b, c, d, e & U64(WRITE), _words(data))

    return operation


def _compile_condition(inner, where):
    """As `_compile`, for a probe whose answer counts."""
    if where is Where.BLOCK:

        @cfunc(CONDITION)
        def condition(data, a, b, _c, _d, _e):
            return U64(inner(host.read64(data), a, b, _words(data)))

    elif where is Where.INSTRUCTION:

        @cfunc(CONDITION)
        def condition(data, a, _b, _c, _d, _e):
            return U64(inner(host.read64(data), a, _words(data)))

    else:

        @cfunc(CONDITION)
        def condition(data, a, b, c, d, e):
            return U64(inner(host.read64(data), a, b, c, d, e & U64(WRITE), _words(data)))

    return condition
