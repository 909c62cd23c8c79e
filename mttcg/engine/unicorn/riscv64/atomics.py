"""What Unicorn comes to the exception hooks for: atomics, fences, and what the host runs."""

import numpy as np
from numba import cfunc, njit, types

from mttcg.engine.unicorn.frame import Reason, Word
from mttcg.engine.unicorn.hooks import (
    get,
    leave,
    observe_access,
    observe_order,
    read_register,
    write_register,
)
from mttcg.engine.unicorn.riscv64.from_rows import FIRST_AMO, LR, SC
from mttcg.engine.unicorn.riscv64.look_up import atomic_operation, instruction_at
from mttcg.engine.unicorn.riscv64.numbers import PC, X0
from mttcg.instrument import events
from mttcg.instrument.native.frames import HOW_BITS
from mttcg.isa.riscv64.state import NO_RESERVATION, OFFSET
from mttcg.native import host
from mttcg.native.amo import amo32, amo64

U64 = np.uint64
RESERVATION, RESERVATION_VALUE = OFFSET["reservation"], OFFSET["reservation_value"]
HART = int(Word.HART)
RAM, RAM_BASE, RAM_SIZE = int(Word.RAM), int(Word.RAM_BASE), int(Word.RAM_SIZE)
EVERY_ACCESS, EVERY_ORDER = int(Word.EVERY_ACCESS), int(Word.EVERY_ORDER)
SCRATCH = int(Word.SCRATCH)
SYSTEM = int(Reason.SYSTEM)
LOAD_MISALIGNED, STORE_MISALIGNED = int(Reason.LOAD_MISALIGNED), int(Reason.STORE_MISALIGNED)
ATOMIC_ACCESS = int(Reason.ATOMIC_ACCESS)
WRITE, FAILED = events.WRITE, events.FAILED
AMO, LOAD_RESERVED = events.AMO, events.LOAD_RESERVED
STORE_CONDITIONAL = events.STORE_CONDITIONAL
ACQUIRE, RELEASE = events.ACQUIRE, events.RELEASE


@njit(cache=True)
def how_of(frame, kind, word):
    """What an atomic is, with the clock before it if anybody wants that; taken before it."""
    if get(frame, EVERY_ORDER + 1) == U64(0):
        return U64(0)
    ordered = ((word >> U64(26)) & U64(1)) * U64(ACQUIRE) | ((word >> U64(25)) & U64(1)) * U64(
        RELEASE
    )
    return U64(kind) | ordered | (host.clock_before() << U64(HOW_BITS))


@njit(cache=True)
def load_reserved(frame, pc, word, address, size):
    """LR: load, and remember what was read where."""
    how = how_of(frame, LOAD_RESERVED, word)
    place = get(frame, RAM) + (address - get(frame, RAM_BASE))
    if (word >> U64(25)) & U64(1) != U64(0):
        host.full_fence()  # a load of the host does not wait for stores before it
    value = host.load64(place) if size == 8 else host.load32(place)
    hart = get(frame, HART)
    host.store64(hart + U64(RESERVATION), address)
    host.store64(hart + U64(RESERVATION_VALUE), value)
    observe_access(frame, pc, address, U64(size), value, how)
    return value if size == 8 else U64(np.int64(np.int32(np.uint32(value))))


@njit(cache=True)
def store_conditional(frame, pc, word, address, size):
    """SC: store if the reservation holds; 0 if it did, 1 if not."""
    how = how_of(frame, STORE_CONDITIONAL, word)
    hart = get(frame, HART)
    reserved = host.load64(hart + U64(RESERVATION))
    host.store64(hart + U64(RESERVATION), U64(NO_RESERVATION))
    value = read_register(frame, U64(X0) + ((word >> U64(20)) & U64(31)))
    if reserved == address and swap_reserved(frame, address, size, value):
        observe_access(frame, pc, address, U64(size), value, how | U64(WRITE))
        return U64(0)
    if size == 4:
        value = value & U64(0xFFFFFFFF)
    observe_order(frame, pc, address, U64(size), value, how | U64(FAILED))
    return U64(1)


@njit(cache=True)
def swap_reserved(frame, address, size, value):
    """Store if memory still holds what LR read; whether it did."""
    place = get(frame, RAM) + (address - get(frame, RAM_BASE))
    old = host.load64(get(frame, HART) + U64(RESERVATION_VALUE))
    if size == 8:
        return host.compare_and_swap64(place, old, value)
    return host.compare_and_swap32(place, old, value)


@njit(cache=True)
def read_modify_write(frame, pc, operation, word, address, size):
    """An AMO: what was there before."""
    place = get(frame, RAM) + (address - get(frame, RAM_BASE))
    operand = read_register(frame, U64(X0) + ((word >> U64(20)) & U64(31)))
    how = how_of(frame, AMO, word)
    old = amo64(operation, place, operand) if size == 8 else amo32(operation, place, operand)
    if get(frame, EVERY_ACCESS + 1) != U64(0):
        new = stored_by(frame, operation, size, old, operand)
        observe_access(frame, pc, address, U64(size), old, how)
        observe_access(frame, pc, address, U64(size), new, how | U64(WRITE))
    return old


@njit(cache=True)
def stored_by(frame, operation, size, old, operand):
    """What an AMO wrote: the operation again, on a word of the frame."""
    place = frame + U64(8 * SCRATCH)
    host.store64(place, old)
    if size == 8:
        amo64(operation, place, operand)
    else:
        amo32(operation, place, operand)
    return host.load64(place)


@njit(cache=True)
def run_atomic(frame, pc, word):
    """Run an AMO, LR or SC; False if the vCPU has to deal with it."""
    function = (word >> U64(12)) & U64(7)
    operation, size = atomic_operation(word), 1 << int(function)
    reserved = operation == LR and (word >> U64(20)) & U64(31) != U64(0)
    if reserved or operation == 0:
        return False
    address = read_register(frame, U64(X0) + ((word >> U64(15)) & U64(31)))
    if address & U64(size - 1) != U64(0):
        reason = LOAD_MISALIGNED if operation == LR else STORE_MISALIGNED
        leave(frame, reason, pc, address)
        return True
    offset = address - get(frame, RAM_BASE)
    if offset >= get(frame, RAM_SIZE):
        leave(frame, ATOMIC_ACCESS, pc, address)
        return True
    if operation == LR:
        result = load_reserved(frame, pc, word, address, size)
    elif operation == SC:
        result = store_conditional(frame, pc, word, address, size)
    else:
        result = read_modify_write(frame, pc, operation - FIRST_AMO, word, address, size)
    target = (word >> U64(7)) & U64(31)
    if target != U64(0):
        write_register(frame, U64(X0) + target, result)
    return True


@cfunc(types.void(types.uint64, types.uint32, types.uint64))
def on_exception(_engine, _number, frame):
    """An instruction left to the host, or an illegal one; Unicorn has added 4 to pc."""
    pc = read_register(frame, PC) - U64(4)
    word = instruction_at(frame, pc)
    major, function = word & U64(0x7F), (word >> U64(12)) & U64(7)
    if major == U64(0x2F) and run_atomic(frame, pc, word):
        return
    if major == U64(0x0F) and function == U64(0):
        host.full_fence()
        return
    leave(frame, SYSTEM, pc, word)


@cfunc(types.boolean(types.uint64, types.uint64))
def on_breakpoint(_engine, frame):
    """An ebreak; Unicorn leaves pc on it, and takes True for: it has been dealt with."""
    pc = read_register(frame, PC)
    leave(frame, SYSTEM, pc, instruction_at(frame, pc))
    return True
