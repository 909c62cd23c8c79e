"""What the hooks ask of an instruction word, in native code."""

import numpy as np
from numba import njit

from mttcg.engine.unicorn.riscv64 import from_rows
from mttcg.engine.unicorn.riscv64.from_rows import ATOMICS, LONG, REGISTER, SHORT, WRITES_RD
from mttcg.instrument.native.frames import JUMPS

U64 = np.uint64
place_of_long = njit(cache=True)(from_rows.place_of_long)


@njit(cache=True)
def destination_and_jump(word):
    """The register that an instruction writes, and JUMPS if it always goes elsewhere, else 0."""
    if word & U64(3) == U64(3):
        entry = U64(LONG[U64(place_of_long(np.int64(word)))])
    else:
        entry = U64(SHORT[word & U64(0xFFFF)])
    register = entry & U64(REGISTER)
    if entry & U64(WRITES_RD) != U64(0):
        register += word >> U64(7) & U64(31)
    return register, U64(JUMPS) if entry & U64(from_rows.JUMPS) != U64(0) else U64(0)


@njit(cache=True)
def atomic_operation(word):
    """What an instruction of the atomics' opcode does, as `from_rows.ATOMICS` has it."""
    return int(ATOMICS[((word >> U64(27)) & U64(31)) << U64(3) | (word >> U64(12)) & U64(7)])
