"""Where Unicorn is wrong, told once a guest uses what it concerns: floating point, and Zcb.

Everything else that Unicorn gets wrong the host does, see `left_to_host`; tests hold that this is
all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mttcg.engine.unicorn.riscv64.left_to_host import MISREAD

OP_FP = 0x53
FUSED = (0x43, 0x47, 0x4B, 0x4F)
SINGLE = 0
"""Value of the field fmt, bits 26 and 25."""
UNBOXED = (
    "Unicorn does not NaN-box single-precision results, nor take operands that are not boxed for "
    "NaNs: what the guest sees of the upper half of a floating-point register that holds a single, "
    "and what it computes from values that are not boxed, is wrong"
)
NOT_INVALID = (
    "Unicorn does not raise NV where fmadd, fmsub, fnmadd and fnmsub multiply infinity by zero and "
    "add a quiet NaN"
)


TAKEN_FOR_NOPS = "Unicorn does not have Zcb, and takes most of its instructions for nops"


class UnicornLimits:
    """Looks at blocks before they run.

    Args:
        warn: told of a limit, once.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.told: set[str] = set()

    def look(self, words: "np.ndarray[Any, Any]") -> None:
        """Look at the instructions of a block."""
        major = words & 0x7F
        fused = np.isin(major, FUSED)
        single = ((major == OP_FP) | fused) & (words >> 25 & 3 == SINGLE)
        short = words & 3 != 3
        misread = np.any([words & mask == value for mask, value in MISREAD], axis=0) & short
        told = ((single, UNBOXED), (fused, NOT_INVALID), (misread, TAKEN_FOR_NOPS))
        for concerned, text in told:
            if text not in self.told and bool(concerned.any()):
                self.told.add(text)
                self.warn(text)
