"""Running instructions ahead of a hart."""

from collections.abc import Callable

from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import MSTATUS_FS
from mttcg.isa.run_ahead import AheadMemory
from mttcg.memory.address import Virtual


class AheadInterpreter(AheadMemory, Interpreter):
    """The definition, which stores nothing."""


class RunAhead:
    """See `isa.system.AheadOfHart`.

    Args:
        hart: whose registers it begins with.
        read: gives bytes of memory, by address and size.
    """

    def __init__(self, hart: Hart, read: Callable[[int, int], int]) -> None:
        self.by = AheadInterpreter(pc=hart.pc, x=list(hart.x), f=list(hart.f), fcsr=hart.fcsr)
        self.by.float_on = bool(hart.mstatus & MSTATUS_FS)
        self.by.read = read

    @property
    def pc(self) -> Virtual:
        """See AheadOfHart."""
        return self.by.pc

    def step(self, word: int) -> object:
        """See AheadOfHart."""
        return self.by.step(word)

    def registers(self) -> tuple[int, ...]:
        """See AheadOfHart."""
        return *self.by.x, *self.by.f, self.by.fcsr
