"""RISC-V of 64 bits in translated code."""

from mttcg.engine.llvm.llvm_isa import Floats, LlvmIsa
from mttcg.engine.llvm.places import FLOAT_CONTROL, RESERVATION, RESERVED
from mttcg.engine.llvm.riscv64.float_function import FRM_SHIFT, RvFloatFunction
from mttcg.engine.llvm.riscv64.float_state import STATUS, FloatState
from mttcg.engine.llvm.riscv64.nearest_away import NEAREST_AWAY
from mttcg.engine.llvm.rounding import FloatControl
from mttcg.isa.riscv64.interpreter import compute
from mttcg.isa.riscv64.state import MACHINE_MODE, NO_RESERVATION, OFFSET, Hart
from mttcg.isa.riscv64.table.integer import TOTAL_STORE_ORDER

AQ, RL = 26, 25
"""Bits of an atomic instruction."""
FENCE_BIT = 20
"""Where the immediate of a fence begins."""
CONTROL = FloatControl(
    offset=OFFSET["fcsr"],
    mode_shift=FRM_SHIFT,
    modes=8,
    controls=0b10_01_11_00,  # to nearest for those that the host lacks
    flags=((5, 0), (4, 1), (3, 2), (2, 3), (0, 4)),
)
"""fcsr (Unprivileged ISA 20.2)."""


def _is_computed(hart: Hart) -> bool:
    return hart.fcsr >> FRM_SHIFT == NEAREST_AWAY


LLVM = LlvmIsa(
    files={"x": OFFSET["x"], "f": OFFSET["f"]},
    fields={
        RESERVATION: OFFSET["reservation"],
        RESERVED: OFFSET["reservation_value"],
        STATUS: OFFSET["mstatus"],
        FLOAT_CONTROL: OFFSET["fcsr"],
    },
    state=OFFSET,
    mode=lambda hart: MACHINE_MODE,
    floats=Floats(CONTROL, FloatState, RvFloatFunction, _is_computed, compute),
    no_reservation=NO_RESERVATION - (1 << 64),
    order_bits=(AQ, RL),
    fence_bit=FENCE_BIT,
    fence_mode=TOTAL_STORE_ORDER,
)
