"""What the host can't do exactly: the function that defines floating-point operations."""

import ctypes

from mttcg.isa.riscv64.float_operations import OPERATIONS, evaluate
from mttcg.isa.riscv64.state import Hart
from mttcg.memory.host import address_of_function
from mttcg.state.named_counts import HostWork

NAMES = tuple(sorted(OPERATIONS))
NUMBERS = {name: number for number, name in enumerate(NAMES)}
"""The same in every process, as translated code has them in it."""
DYNAMIC = 7
"""The rounding mode that stands for fcsr.frm (Unprivileged ISA 20.2)."""
FRM_SHIFT = 5
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 6)


class RvFloatFunction:
    """The function that translated code of one vCPU calls; it raises the flags in fcsr.

    It takes the operation's number, the rounding mode, how many operands there are, and three.
    """

    def __init__(self, hart: Hart) -> None:
        self.hart, self.work = hart, HostWork(hart)
        self.entry = FUNCTION(self._call)
        self.address = address_of_function(self.entry)

    def _call(self, number: int, rounding: int, count: int, *operands: int) -> int:
        mode = self.hart.fcsr >> FRM_SHIFT if rounding == DYNAMIC else rounding
        self.work.add(NAMES[number])
        bits, flags = evaluate(NAMES[number], mode, *operands[:count])
        self.hart.fcsr |= flags
        return bits
