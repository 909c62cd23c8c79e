"""Copying all registers between Unicorn and the hart's state, in native code."""

import numpy as np
from numba import cfunc, types

from mttcg.engine.unicorn.frame import Word
from mttcg.engine.unicorn.hooks import get, read_register, write_register
from mttcg.engine.unicorn.riscv64.numbers import F0, FCSR, X0
from mttcg.isa.riscv64.state import OFFSET
from mttcg.native import host

U64 = np.uint64
X_AT, F_AT, FCSR_AT = OFFSET["x"], OFFSET["f"], OFFSET["fcsr"]
HART = int(Word.HART)


@cfunc(types.void(types.uint64))
def spill_integer(frame):
    """Copy the integer registers to the hart state."""
    hart = get(frame, HART)
    for number in range(1, 32):
        host.store64(hart + U64(X_AT + 8 * number), read_register(frame, U64(X0 + number)))


@cfunc(types.void(types.uint64))
def spill_float(frame):
    """Copy the floating-point registers and fcsr to the hart state."""
    hart = get(frame, HART)
    for number in range(32):
        host.store64(hart + U64(F_AT + 8 * number), read_register(frame, U64(F0 + number)))
    host.store64(hart + U64(FCSR_AT), read_register(frame, U64(FCSR)))


@cfunc(types.void(types.uint64))
def fill(frame):
    """Take all registers from the hart state."""
    hart = get(frame, HART)
    for number in range(1, 32):
        write_register(frame, U64(X0 + number), host.load64(hart + U64(X_AT + 8 * number)))
    for number in range(32):
        write_register(frame, U64(F0 + number), host.load64(hart + U64(F_AT + 8 * number)))
    write_register(frame, U64(FCSR), host.load64(hart + U64(FCSR_AT)))
