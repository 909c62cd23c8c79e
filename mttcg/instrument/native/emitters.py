"""Native writers of event records: operations that put a record into a stream's ring.

An emitter is a frame of words, private to its vCPU process, with a *window*: records of the ring,
or of a scratch area, that are free to be written from `CURSOR` up to `LIMIT`. What was written
counts when the window is shown or closed: it is then added to the ring's head, or to what was
dropped.
Translated code may write into the window by itself, as long as it leaves `CURSOR` behind the last
record. The ring's records are mapped twice, one after the other, so a window never wraps.
"""

import numpy as np
from numba import cfunc, njit, types

from mttcg.instrument import events
from mttcg.instrument.native.frames import (
    BATCH_MASK,
    BRANCHES,
    CONTEXT,
    CPU,
    CURSOR,
    DOORBELL,
    HOW_BITS,
    HOW_MASK,
    ITEMSIZE,
    JUMPS,
    LIMIT,
    LOST,
    MASK,
    MOST_RECORDS,
    MOST_TICKS,
    ONE,
    RECORDS,
    REGISTER_MASK,
    RING,
    SCRATCH,
    SLOW,
    SLOW_DATA,
    START,
    TAKEN,
    WRITE,
)
from mttcg.instrument.native.record_words import (
    BLOCK_CPU_SHIFT,
    BLOCK_SIZE_SHIFT,
    BRANCH_CPU_SHIFT,
    BRANCH_TAKEN_SHIFT,
    CONTEXT_SHIFT,
    CPU_SHIFT,
    HOW_SHIFT,
    RETIRED_CPU_SHIFT,
    RETIRED_REGISTER_SHIFT,
    SIZE_SHIFT,
    TICKS_SHIFT,
    TIMED_CPU_SHIFT,
    TRANSFER_CPU_SHIFT,
)
from mttcg.isa.context import CONTEXT_MASK
from mttcg.native import host
from mttcg_bus.ring import ring

U64 = np.uint64
SIGNATURE = types.void(*[types.uint64] * 6)
(
    TIMED_ACCESS_BYTES,
    BLOCK_BYTES,
    INSTRUCTION_BYTES,
    TIMED_BYTES,
    RETIRED_BYTES,
    TRANSFER_BYTES,
    BRANCH_BYTES,
) = (
    layout.itemsize
    for layout in (
        events.TIMED_ACCESS,
        events.BLOCK,
        events.INSTRUCTION,
        events.TIMED,
        events.RETIRED,
        events.TRANSFER,
        events.BRANCH,
    )
)
"""Of records without a context behind them."""
HEAD, TAIL, DROPPED = 8 * ring.HEAD_WORD, 8 * ring.TAIL_WORD, 8 * ring.DROPPED_WORD


@njit(cache=True)
def word(emitter, index):
    """A word of an emitter."""
    return host.load64(emitter + U64(8 * index))


@njit(cache=True)
def set_word(emitter, index, value):
    """Write a word of an emitter."""
    host.store64(emitter + U64(8 * index), value)


@njit(cache=True)
def wait_for(emitter, count):
    """Wait until so many records fit, or nobody takes any more."""
    zero = U64(0)
    slow, data = word(emitter, SLOW), word(emitter, SLOW_DATA)
    host.call_operation(slow, data, count, zero, zero, zero, zero)


@njit(cache=True)
def ring_doorbell(emitter):
    """Wake the publisher."""
    function, descriptor = word(emitter, WRITE), word(emitter, DOORBELL)
    host.call_write(function, descriptor, word(emitter, ONE), U64(8))


@njit(cache=True, error_model="numpy")
def show(emitter):
    """Count what was written into the window, which stays open, if there is one.

    Only the producer stores head and dropped; head is stored after the records.
    """
    cursor = word(emitter, CURSOR)
    if cursor == U64(0):
        return
    written = (cursor - word(emitter, START)) // word(emitter, ITEMSIZE)
    set_word(emitter, START, cursor)
    at = word(emitter, RING) + U64(DROPPED if word(emitter, LOST) else HEAD)
    before = host.load64(at)
    host.store64(at, before + written)
    outside = ~word(emitter, BATCH_MASK)
    if not word(emitter, LOST) and (before ^ (before + written)) & outside != U64(0):
        ring_doorbell(emitter)


@njit(cache=True)
def close(emitter):
    """Count what was written into the window, and have none."""
    show(emitter)
    set_word(emitter, CURSOR, U64(0))
    set_word(emitter, LIMIT, U64(0))


@njit(cache=True)
def room(emitter):
    """How many records fit into the ring."""
    header = word(emitter, RING)
    used = host.load64(header + U64(HEAD)) - host.load64(header + U64(TAIL))
    return word(emitter, MASK) + U64(1) - used


@njit(cache=True)
def open_for(emitter, count):
    """Open a window for `count` records or more, waiting for space if the ring is full."""
    close(emitter)
    batch = word(emitter, BATCH_MASK) + U64(1)
    free = room(emitter)
    if free < count:
        wait_for(emitter, count)
        free = room(emitter)
    lost = free < count
    if lost:
        start, size = word(emitter, SCRATCH), U64(MOST_RECORDS)
    else:
        head = host.load64(word(emitter, RING) + U64(HEAD))
        start = word(emitter, RECORDS) + (head & word(emitter, MASK)) * word(emitter, ITEMSIZE)
        size = min(free, max(count, batch - (head & (batch - U64(1)))))
    set_word(emitter, LOST, U64(1) if lost else U64(0))
    set_word(emitter, START, start)
    set_word(emitter, LIMIT, start + size * word(emitter, ITEMSIZE))
    set_word(emitter, CURSOR, start)


@cfunc(SIGNATURE)
def close_window(emitter, _a, _b, _c, _d, _e):
    """`close`, for a caller outside of numba."""
    close(emitter)


@cfunc(SIGNATURE)
def show_window(emitter, _a, _b, _c, _d, _e):
    """`show`, for a caller outside of numba."""
    show(emitter)


@cfunc(SIGNATURE)
def open_window(emitter, count, _b, _c, _d, _e):
    """`open_for`, for a caller outside of numba."""
    open_for(emitter, count)


@cfunc(SIGNATURE)
def wait_for_nothing(_data, _count, _b, _c, _d, _e):
    """The slow function of a stream that gives records up instead."""


@njit(cache=True)
def next_record(emitter):
    """Address of the record to write; the cursor is behind it already."""
    size = word(emitter, ITEMSIZE)
    if word(emitter, CURSOR) + size > word(emitter, LIMIT) or word(emitter, CURSOR) == U64(0):
        open_for(emitter, U64(1))
    place = word(emitter, CURSOR)
    set_word(emitter, CURSOR, place + size)
    return place


@njit(cache=True)
def context_of(emitter):
    """The context of the hart, without marks."""
    return host.load64(word(emitter, CONTEXT)) & U64(CONTEXT_MASK)


@njit(cache=True)
def add_context(emitter, place, size):
    """Write the context behind a record of so many bytes, if the stream has it there."""
    if word(emitter, ITEMSIZE) != size:
        host.store64(place + size, context_of(emitter))


@cfunc(SIGNATURE)
def emit_access(data, pc, address, size, value, write):
    """Write an `events.ACCESS` record."""
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), address)
    host.store64(place + U64(16), value)
    how = write & U64(events.WRITE)
    who = word(data, CPU) << U64(CPU_SHIFT)
    who |= context_of(data) << U64(CONTEXT_SHIFT)
    host.store64(place + U64(24), who | (size << U64(SIZE_SHIFT)) | (how << U64(HOW_SHIFT)))


@njit(cache=True)
def write_timed_access(place, cpu, pc, address, size, value, how, time, ticks):
    """Write the fields of an `events.TIMED_ACCESS` record."""
    host.store64(place, pc)
    host.store64(place + U64(8), address)
    host.store64(place + U64(16), value)
    host.store64(place + U64(24), time)
    last = (cpu << U64(CPU_SHIFT)) | (size << U64(SIZE_SHIFT)) | (how << U64(HOW_SHIFT))
    last |= ticks << U64(TICKS_SHIFT)
    host.store64(place + U64(32), last)


@cfunc(SIGNATURE)
def emit_timed_access(data, pc, address, size, value, how):
    """Write an `events.TIMED_ACCESS` record; `how` may have the clock before it, see `plan`."""
    kind, began, flags = how & U64(events.KIND), how >> U64(HOW_BITS), how & U64(HOW_MASK)
    plain = kind == U64(0)
    now = host.clock_before() if plain else host.clock_after()
    # its low 56 bits are there, and it was not long ago
    passed = (now - began) & U64((1 << 64 - HOW_BITS) - 1) if began else U64(0)
    ticks = U64(0) if plain else min(passed, U64(MOST_TICKS))
    place, cpu = next_record(data), word(data, CPU)
    write_timed_access(place, cpu, pc, address, size, value, flags, now - passed, ticks)
    add_context(data, place, U64(TIMED_ACCESS_BYTES))


@cfunc(SIGNATURE)
def emit_block(data, pc, instructions, _slot, _half, size):
    """Write an `events.BLOCK` record."""
    place = next_record(data)
    host.store64(place, pc)
    how_long = instructions | (size << U64(BLOCK_SIZE_SHIFT))
    host.store64(place + U64(8), how_long | (word(data, CPU) << U64(BLOCK_CPU_SHIFT)))
    add_context(data, place, U64(BLOCK_BYTES))


@cfunc(SIGNATURE)
def emit_instruction(data, pc, _b, _c, _d, _e):
    """Write an `events.INSTRUCTION` record."""
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), word(data, CPU))
    add_context(data, place, U64(INSTRUCTION_BYTES))


@cfunc(SIGNATURE)
def emit_timed_block(data, pc, instructions, _c, _d, _e):
    """Write an `events.TIMED` record of a block."""
    now = host.clock_before()
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), now)
    host.store64(place + U64(16), instructions | (word(data, CPU) << U64(TIMED_CPU_SHIFT)))
    add_context(data, place, U64(TIMED_BYTES))


@cfunc(SIGNATURE)
def emit_timed_instruction(data, pc, _b, _c, _d, _e):
    """Write an `events.TIMED` record of an instruction."""
    now = host.clock_before()
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), now)
    host.store64(place + U64(16), word(data, CPU) << U64(TIMED_CPU_SHIFT))
    add_context(data, place, U64(TIMED_BYTES))


@cfunc(SIGNATURE)
def emit_retired(data, pc, what, value, _target, _instructions):
    """Write an `events.RETIRED` record."""
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), value)
    instruction = what & U64(0xFFFF_FFFF)
    register = (what & U64(REGISTER_MASK)) >> U64(32)
    last = instruction | (word(data, CPU) << U64(RETIRED_CPU_SHIFT))
    last |= register << U64(RETIRED_REGISTER_SHIFT)
    host.store64(place + U64(16), last)
    add_context(data, place, U64(RETIRED_BYTES))


@cfunc(SIGNATURE)
def emit_transfer(data, pc, what, _value, target, instructions):
    """Write an `events.TRANSFER` record if the instruction is a jump."""
    if what & U64(JUMPS) == U64(0):
        return
    instruction = what & U64(0xFFFF_FFFF)
    now = host.clock_before()
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), target)
    host.store64(place + U64(16), now)
    host.store64(place + U64(24), instructions)
    host.store64(place + U64(32), instruction | (word(data, CPU) << U64(TRANSFER_CPU_SHIFT)))
    add_context(data, place, U64(TRANSFER_BYTES))


@cfunc(SIGNATURE)
def emit_branch(data, pc, what, _value, target, _instructions):
    """Write an `events.BRANCH` record if the instruction is a branch."""
    if what & U64(BRANCHES) == U64(0):
        return
    taken = U64(1) << U64(BRANCH_TAKEN_SHIFT) if what & U64(TAKEN) != U64(0) else U64(0)
    instruction = what & U64(0xFFFF_FFFF)
    place = next_record(data)
    host.store64(place, pc)
    host.store64(place + U64(8), target)
    last = instruction | (word(data, CPU) << U64(BRANCH_CPU_SHIFT)) | taken
    host.store64(place + U64(16), last)
    add_context(data, place, U64(BRANCH_BYTES))
