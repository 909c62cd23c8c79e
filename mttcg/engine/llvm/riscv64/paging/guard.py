"""Physical memory protection natively, as `mttcg.isa.riscv64.protection` defines it."""

from numba import njit

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.riscv64.paging.words import (
    EIGHT,
    ONE,
    PMPADDR,
    PMPCFG0,
    PMPCFG2,
    U64,
    ZERO,
)
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR
from mttcg.isa.riscv64.protection import (
    ENTRIES,
    EXECUTE,
    FOUR_BYTES,
    KIND_MASK,
    KIND_SHIFT,
    LOCKED,
    OFF,
    PER_REGISTER,
    POWER_OF_TWO,
    READ,
    WRITE,
)
from mttcg.native import host
from mttcg.native.words import get, put

ALL = U64(READ | WRITE | EXECUTE)
SPLIT = U64(8)
"""In the place of what is allowed: that differs within the range."""
TWO, FOUR = U64(2), U64(4)


@njit(cache=True)
def configuration_of(hart, entry):
    """An entry's configuration."""
    register = PMPCFG0 if entry < U64(PER_REGISTER) else PMPCFG2
    return host.read64(hart + register) >> (entry % U64(PER_REGISTER) * EIGHT) & U64(0xFF)


@njit(cache=True)
def allowed(hart, low, size, privilege):
    """What may be done at a level with all of a range of physical memory, or SPLIT."""
    high, before, entry = low + size, ZERO, ZERO
    while entry < U64(ENTRIES):
        address = host.read64(hart + PMPADDR + entry * EIGHT)
        configuration = configuration_of(hart, entry)
        kind = configuration >> U64(KIND_SHIFT) & U64(KIND_MASK)
        first, end = before << TWO, address << TWO
        before = address
        entry += ONE
        if kind == U64(OFF):
            continue
        if kind == U64(FOUR_BYTES):
            first, end = address << TWO, (address << TWO) + FOUR
        elif kind == U64(POWER_OF_TWO):
            ones = address ^ (address + ONE)
            first, end = (address & ~ones) << TWO, ((address | ones) + ONE) << TWO
        if high <= first or low >= end:
            continue
        if low < first or high > end:
            return SPLIT
        if privilege == U64(MACHINE) and configuration & U64(LOCKED) == ZERO:
            return ALL
        return configuration & ALL
    return ALL if privilege == U64(MACHINE) else ZERO


@njit(cache=True)
def find_open(hart, frame):
    """See, after protection may have changed, whether all of RAM is open to the levels."""
    ram, size = get(frame, Word.RAM), get(frame, Word.RAM_BYTES)
    put(frame, Word.OPEN_TO_MACHINE, U64(allowed(hart, ram, size, U64(MACHINE)) == ALL))
    put(frame, Word.OPEN_TO_LOWER, U64(allowed(hart, ram, size, U64(SUPERVISOR)) == ALL))


@njit(cache=True)
def is_open(frame, privilege):
    """Whether a level may do everything with RAM."""
    word = Word.OPEN_TO_MACHINE if privilege == U64(MACHINE) else Word.OPEN_TO_LOWER
    return get(frame, word) != ZERO


@njit(cache=True)
def may(hart, frame, physical, size, asked, privilege):
    """Whether an access to physical memory may be made."""
    inside = physical - get(frame, Word.RAM) < get(frame, Word.RAM_BYTES)
    if inside and is_open(frame, privilege):
        return True
    found = allowed(hart, physical, size, privilege)
    return found != SPLIT and found & asked == asked
