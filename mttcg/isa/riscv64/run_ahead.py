"""Running instructions ahead of a hart."""

from collections.abc import Callable
from typing import Self

from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import MSTATUS_FS
from mttcg.isa.run_ahead import AheadMemory


class RunAhead(AheadMemory, Interpreter):
    """The definition, over registers of its own."""

    @classmethod
    def of(cls, hart: Hart, read: Callable[[int, int], int]) -> Self:
        """One that begins with a hart's registers."""
        float_on = bool(hart.mstatus & MSTATUS_FS)
        ahead = cls(pc=hart.pc, x=list(hart.x), f=list(hart.f), fcsr=hart.fcsr, float_on=float_on)
        ahead.read = read
        return ahead

    def registers(self) -> tuple[int, ...]:
        """All registers but pc."""
        return *self.x, *self.f, self.fcsr
