"""Operations that translated code calls: inline counts, inline event records, probes.

Each is `void f(data, a, b, c, d, e)` (see `plan.Operation`), made by numba. Loaded in the vCPU
host process only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

from mttcg.instrument.changes import Where
from mttcg.instrument.probe_errors import check_arguments, probe_error
from mttcg.isa import native as host
from mttcg_bus import ring

U64 = np.uint64
SIGNATURE = types.void(*[types.uint64] * 6)

PROBE_ARGUMENTS = {
    Where.BLOCK: "cpu, pc, instructions",
    Where.INSTRUCTION: "cpu, pc",
    Where.ACCESS: "cpu, pc, address, size, value, write",
}

HEAD, TAIL = ring.HEAD_AT, ring.TAIL_AT
DROPPED = ring.DROPPED_AT

# words of an emitter, private to its vCPU process
RING, RECORDS, MASK, BATCH_MASK, CPU, SLOW, SLOW_DATA, KNOWN_TAIL = range(8)
EMITTER_WORDS = 8
DOORBELL, FULL = 0, 1
"""What a ring's slow function is asked: to wake the publisher, or to wait for space."""


@intrinsic
def _as_pointer(_context: Any, address: Any) -> Any:
    def build(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.uint64), build


@cfunc(SIGNATURE, cache=True)
def count_one(data, _a, _b, _c, _d, _e):
    """Add one to the word at `data`, which this vCPU alone writes."""
    host.store64(data, host.load64(data) + U64(1))


@cfunc(SIGNATURE, cache=True)
def count_in_table(data, _pc, _instructions, slot, half, _e):
    """Add one to a block's word in the table at `data`, which this vCPU alone writes."""
    place = data + ((slot << U64(11)) + half) * U64(8)
    host.store64(place, host.load64(place) + U64(1))


@njit(cache=True)
def word(emitter, index):
    """A word of an emitter."""
    return host.load64(emitter + U64(8 * index))


@njit(cache=True)
def reserve(emitter):
    """The ring's head if there is room for a record, waiting for it; all ones if there is none."""
    head = host.load64(word(emitter, RING) + U64(HEAD))
    if head - word(emitter, KNOWN_TAIL) > word(emitter, MASK):
        tail = host.load64(word(emitter, RING) + U64(TAIL))
        if head - tail > word(emitter, MASK):
            zero = U64(0)
            slow, data = word(emitter, SLOW), word(emitter, SLOW_DATA)
            host.call_operation(slow, data, U64(FULL), zero, zero, zero, zero)
            tail = host.load64(word(emitter, RING) + U64(TAIL))
        host.store64(emitter + U64(8 * KNOWN_TAIL), tail)
        if head - tail > word(emitter, MASK):
            dropped = word(emitter, RING) + U64(DROPPED)
            host.store64(dropped, host.load64(dropped) + U64(1))
            return ~U64(0)
    return head


@njit(cache=True)
def publish(emitter, head):
    """Make the record at `head` visible; the producer alone stores head, after the record."""
    host.store64(word(emitter, RING) + U64(HEAD), head + U64(1))
    if (head + U64(1)) & word(emitter, BATCH_MASK) == U64(0):
        zero = U64(0)
        slow, data = word(emitter, SLOW), word(emitter, SLOW_DATA)
        host.call_operation(slow, data, U64(DOORBELL), zero, zero, zero, zero)


@cfunc(SIGNATURE, cache=True)
def emit_access(data, pc, address, size, value, write):
    """Write an `events.ACCESS` record."""
    head = reserve(data)
    if head == ~U64(0):
        return
    place = word(data, RECORDS) + (head & word(data, MASK)) * U64(32)
    host.store64(place, pc)
    host.store64(place + U64(8), address)
    host.store64(place + U64(16), value)
    host.store64(place + U64(24), word(data, CPU) | (size << U64(16)) | (write << U64(24)))
    publish(data, head)


@cfunc(SIGNATURE, cache=True)
def emit_block(data, pc, instructions, _c, _d, _e):
    """Write an `events.BLOCK` record."""
    head = reserve(data)
    if head == ~U64(0):
        return
    place = word(data, RECORDS) + (head & word(data, MASK)) * U64(16)
    host.store64(place, pc)
    host.store64(place + U64(8), instructions | (word(data, CPU) << U64(32)))
    publish(data, head)


@cfunc(SIGNATURE, cache=True)
def emit_instruction(data, pc, _b, _c, _d, _e):
    """Write an `events.INSTRUCTION` record."""
    head = reserve(data)
    if head == ~U64(0):
        return
    place = word(data, RECORDS) + (head & word(data, MASK)) * U64(16)
    host.store64(place, pc)
    host.store64(place + U64(8), word(data, CPU))
    publish(data, head)


EMITTERS = {
    Where.ACCESS: emit_access,
    Where.BLOCK: emit_block,
    Where.INSTRUCTION: emit_instruction,
}


@njit(cache=True)
def _words(data):
    """The board words that a probe's data (cpu, address, count) points to."""
    place = _as_pointer(host.load64(data + U64(8)))
    return carray(place, (host.load64(data + U64(16)),), np.uint64)


def compile_probe(function: Callable[..., None], where: Where) -> Any:
    """Compile a probe for where it is attached; the result has the `address` to call.

    Its data is three words: the vCPU's index, the address and number of its board words. Raises
    ProbeError for a function outside of numba's subset.
    """
    checked = check_arguments(function, f"{PROBE_ARGUMENTS[where]}, words")
    try:
        return _compile(njit(error_model="numpy")(checked), where)
    except Exception as error:  # numba's errors have no root of their own
        raise probe_error(checked, error) from error


def _compile(inner, where):
    """A C function around a compiled probe, which takes what operations are given."""
    if where is Where.BLOCK:

        @cfunc(SIGNATURE)
        def operation(data, a, b, _c, _d, _e):
            inner(host.load64(data), a, b, _words(data))

    elif where is Where.INSTRUCTION:

        @cfunc(SIGNATURE)
        def operation(data, a, _b, _c, _d, _e):
            inner(host.load64(data), a, _words(data))

    else:

        @cfunc(SIGNATURE)
        def operation(data, a, b, c, d, e):
            inner(host.load64(data), a, b, c, d, e, _words(data))

    return operation
