"""What the hooks know of an instruction, in native code."""

import numpy as np
from numba import njit

from mttcg.engine.unicorn.frame import Word
from mttcg.engine.unicorn.hooks import get
from mttcg.engine.unicorn.riscv64 import from_rows
from mttcg.engine.unicorn.riscv64.from_rows import ATOMICS, LONG, REGISTER, SHORT, WRITES_RD
from mttcg.instrument.native.frames import BRANCHES, JUMPS, TAKEN
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native import host

U64 = np.uint64
RAM, RAM_BASE = int(Word.RAM), int(Word.RAM_BASE)
PAGE_SLOT, ORIGINAL = int(Word.PAGE_SLOT), int(Word.ORIGINAL)
place_of_long = njit(cache=True)(from_rows.place_of_long)


@njit(cache=True)
def destination_and_way(word, passed):
    """The register that an instruction writes, and JUMPS, or BRANCHES and TAKEN, or 0.

    passed: how far from the instruction control went on.
    """
    size = U64(2)
    if word & U64(3) == U64(3):
        size = U64(4)
        entry = U64(LONG[U64(place_of_long(np.int64(word)))])
    else:
        entry = U64(SHORT[word & U64(0xFFFF)])
    register = entry & U64(REGISTER)
    if entry & U64(WRITES_RD) != U64(0):
        register += word >> U64(7) & U64(31)
    if entry & U64(from_rows.BRANCHES) != U64(0):
        return register, U64(BRANCHES) if passed == size else U64(BRANCHES | TAKEN)
    return register, U64(JUMPS) if entry & U64(from_rows.JUMPS) != U64(0) else U64(0)


@njit(cache=True)
def atomic_operation(word):
    """What an instruction of the atomics' opcode does, as `from_rows.ATOMICS` has it."""
    return int(ATOMICS[((word >> U64(27)) & U64(31)) << U64(3) | (word >> U64(12)) & U64(7)])


@njit(cache=True)
def instruction_at(frame, pc):
    """The instruction word at a pc, from the version of the page that this vCPU fetches."""
    page = (pc - get(frame, RAM_BASE)) >> U64(PAGE_SHIFT)
    slot = host.load32(get(frame, PAGE_SLOT) + U64(4) * page) - U64(1)
    offset = pc & U64(PAGE - 1)
    word = host.load16(get(frame, ORIGINAL) + (slot << U64(PAGE_SHIFT)) + offset)
    if word & U64(3) != U64(3):
        return word
    if offset < U64(4094):
        high = host.load16(get(frame, ORIGINAL) + (slot << U64(PAGE_SHIFT)) + offset + U64(2))
    else:
        high = host.load16(get(frame, RAM) + (pc + U64(2) - get(frame, RAM_BASE)))
    return word | (high << U64(16))
